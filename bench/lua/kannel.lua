-- The same messages for Kannel's smsbox: wrk … URL -- USER TAG 0 PAUSE CALLBACK.
local threads = 0

function setup(thread)
  thread:set("mine", threads)
  threads = threads + 1
end

function init(args)
  tag, at, pause = args[2], 0, tonumber(args[4])
  path = "/cgi-bin/sendsms?username=" .. args[1] .. "&password=" .. args[1] ..
    "&from=SMSVOIP&text=Your+code+is+123456.+It+is+valid+for+ten+minutes.&dlr-mask=1&dlr-url=" ..
    args[5] .. "%%3Fid%%3D"
end

function delay() return pause end

function request()
  at = at + 1
  return wrk.format("GET", string.format(path .. "%s-%d-%d&to=1555%d%06d", tag, mine, at, mine, at))
end

function done(summary, latency, requests)
  local failed = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    failed.status, failed.connect + failed.read + failed.write + failed.timeout))
end
