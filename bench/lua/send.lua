-- Requests of their own: wrk … URL -- KEY TAG BATCH PAUSE CALLBACK. Every one has a fresh
-- idempotency key and fresh numbers; BATCH 0 is POST /sms/send, else so many messages by
-- POST /sms/batch. Each connection pauses for so many milliseconds; "" is no callback URL.
local threads = 0

function setup(thread)
  thread:set("mine", threads)
  threads = threads + 1
end

function init(args)
  tag, batch, at, pause = args[2], tonumber(args[3]), 0, tonumber(args[4])
  callback = args[5] ~= "" and string.format(',"callback_url":"%s"', args[5]) or ""
  headers = {["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. args[1]}
end

local function message()
  at = at + 1
  return string.format(
    '{"to":"+1555%d%06d","text":"Your code is 123456. It is valid for ten minutes."%s}',
    mine, at, callback)
end

function delay() return pause end

function request()
  local body = message()
  if batch > 0 then
    local all = {body}
    for place = 2, batch do all[place] = message() end
    body = '{"messages":[' .. table.concat(all, ",") .. "]}"
  end
  headers["Idempotency-Key"] = string.format("%s-%d-%d", tag, mine, at)
  return wrk.format("POST", nil, headers, body)
end

function done(summary, latency, requests)
  local failed = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    failed.status, failed.connect + failed.read + failed.write + failed.timeout))
end
