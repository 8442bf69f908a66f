'use strict';
// A small SMSC on the npm package smpp. It listens on two free loopback ports, prints them as one
// line of JSON, and is driven over HTTP: POST /knobs, GET /records, POST /deliver, POST /reset.
const http = require('http');
const smpp = require('smpp');

const DEFAULTS = {
  response_ms: 0,       // delay of every submit_sm_resp
  throttle: 0,          // so many submit_sm are answered ESME_RTHROTTLED
  status: 0,            // command_status of every other submit_sm_resp
  receipt: 'DELIVRD',   // stat of the receipt, '' for none
  receipt_style: 'both', // tlv, text or both
  receipt_ms: 0,
  receipt_first: false, // before the submit_sm_resp
  response_id: 'plain', // hex (upper case, padded) or decimal
  receipt_id: 'plain',
  drop_at: 0,           // the link is reset instead of answering the n-th submit_sm from now
  nack: 0,              // so many submit_sm are answered with generic_nack
  echo: true,           // receipts carry the user_message_reference of their submit_sm
  per_second: Infinity, // submit_sm beyond that are answered ESME_RTHROTTLED
  // What a storm is made of; each is a share of all submit_sm, drawn anew for each.
  drop_share: 0,        // the link is reset; every second of them is taken before that
  first_share: 0,       // of receipts before their response
  record: true,         // 'brief': only texts, and whether they were throttled
};
const STATES = { ENROUTE: 1, DELIVRD: 2, EXPIRED: 3, DELETED: 4, UNDELIV: 5, ACCEPTD: 6, REJECTD: 8 };

let knobs, records, lastId;
function reset() {
  knobs = Object.assign({}, DEFAULTS);
  records = { submits: [], taken: [], tls_names: [], counts: { submits: 0, binds: 0, unbinds: 0, enquires: 0, drops: 0,
    receipts: 0, receipt_answers: {} } };
}
reset();
lastId = 1000;
let sessions = new Set();
let receivers = new Set();
let turn = 0;
let counted = { second: 0, submits: 0 };
let unsent = []; // receipts without a good answer, repeated on the same or the next bind

function written(id, base) {
  if (base === 'hex') return id.toString(16).toUpperCase().padStart(8, '0');
  if (base === 'decimal') return String(id).padStart(10, '0');
  return String(id);
}

function receiptOf(id, pdu) {
  const style = knobs.receipt_style;
  const name = written(id, knobs.receipt_id);
  const fields = {
    source_addr_ton: pdu.dest_addr_ton, source_addr_npi: pdu.dest_addr_npi,
    source_addr: pdu.destination_addr, destination_addr: pdu.source_addr,
    esm_class: 4, data_coding: 0, short_message: Buffer.alloc(0),
  };
  if (style !== 'tlv') {
    fields.short_message = Buffer.from(`id:${name} sub:001 dlvrd:001 submit date:2601122015 ` +
      `done date:2601122016 stat:${knobs.receipt} err:000 text:hello`, 'latin1');
  }
  if (knobs.echo && pdu.user_message_reference !== undefined) {
    fields.user_message_reference = pdu.user_message_reference;
  }
  if (style !== 'text') {
    fields.receipted_message_id = name;
    fields.message_state = STATES[knobs.receipt] || 7;
  }
  return fields;
}

// To the binds of `owner` (a system_id) in turn, or to any bind if there is none.
function deliver(fields, owner) {
  const fitting = [...receivers].filter((one) => !owner || one.system_id === owner);
  const session = fitting[turn++ % fitting.length];
  if (!session) { unsent.push([fields, owner]); return; }
  let answered = false;
  const lost = () => { if (!answered) { answered = true; unsent.push([fields, owner]); } };
  session.open.add(lost);
  session.deliver_sm(Object.assign({}, fields), (answer) => {
    if (answered) return;
    answered = true;
    session.open.delete(lost);
    const status = answer.command_status;
    const answers = records.counts.receipt_answers;
    answers[status] = (answers[status] || 0) + 1;
    if (status === smpp.ESME_RX_T_APPN) setTimeout(deliver, 50, fields, owner);
  });
  records.counts.receipts += 1;
}

function reset_link(session) {
  records.counts.drops += 1;
  session.socket.resetAndDestroy();
}

function submitted(session, pdu) {
  records.counts.submits += 1;
  let status = knobs.status;
  if (knobs.throttle > 0) { knobs.throttle -= 1; status = smpp.ESME_RTHROTTLED; }
  const second = Math.floor(Date.now() / 1000);
  if (second !== counted.second) counted = { second, submits: 0 };
  if (++counted.submits > knobs.per_second) status = smpp.ESME_RTHROTTLED;
  if (knobs.record === 'brief') {
    records.submits.push([pdu.short_message.message, status === smpp.ESME_RTHROTTLED]);
  } else if (knobs.record) {
    const message = pdu.short_message;
    records.submits.push({
      source: pdu.source_addr, source_ton: pdu.source_addr_ton, source_npi: pdu.source_addr_npi,
      destination: pdu.destination_addr, dest_ton: pdu.dest_addr_ton, dest_npi: pdu.dest_addr_npi,
      esm_class: pdu.esm_class, data_coding: pdu.data_coding, validity: pdu.validity_period,
      registered_delivery: pdu.registered_delivery,
      text: message.message, udh: message.udh ? message.udh.map((e) => e.toString('hex')) : [],
    });
  }
  if (knobs.drop_at > 0 && --knobs.drop_at === 0) {
    reset_link(session);
    return;
  }
  if (knobs.nack > 0) {
    knobs.nack -= 1;
    session.send(new smpp.PDU('generic_nack', {
      command_status: smpp.ESME_RINVCMDLEN, sequence_number: pdu.sequence_number }));
    return;
  }
  const dropped = Math.random() < knobs.drop_share && !status;
  if (dropped && Math.random() < 0.5) { reset_link(session); return; }
  if (status) { session.send(pdu.response({ command_status: status })); return; }
  const id = ++lastId;
  if (knobs.record) records.taken.push(pdu.short_message.message);
  const answer = () =>
    session.send(pdu.response({ message_id: written(id, knobs.response_id) }));
  const receipt = () => { if (knobs.receipt) deliver(receiptOf(id, pdu), session.system_id); };
  if (dropped) { reset_link(session); setTimeout(receipt, 20); return; }
  const first = knobs.receipt_first || Math.random() < knobs.first_share;
  if (first) receipt();
  if (knobs.response_ms) setTimeout(answer, knobs.response_ms); else answer();
  if (!first) {
    const wait = knobs.response_ms + knobs.receipt_ms;
    if (wait) setTimeout(receipt, wait); else receipt();
  }
}

function serve(session) {
  session.socket.setNoDelay(true);
  session.open = new Set();
  session.on('error', () => session.destroy());
  session.on('close', () => {
    sessions.delete(session);
    receivers.delete(session);
    session.open.forEach((lost) => lost());
  });
  const bound = (receives) => (pdu) => {
    if (pdu.password === 'wrong') {
      session.send(pdu.response({ command_status: smpp.ESME_RBINDFAIL }));
      return;
    }
    if (session.socket.servername !== undefined) records.tls_names.push(session.socket.servername);
    session.system_id = pdu.system_id;
    session.send(pdu.response({ system_id: 'npm-smsc' }));
    records.counts.binds += 1;
    records.counts[pdu.command] = (records.counts[pdu.command] || 0) + 1;
    sessions.add(session);
    if (receives) { receivers.add(session); unsent.splice(0).forEach((one) => deliver(...one)); }
  };
  session.on('bind_transceiver', bound(true));
  session.on('bind_receiver', bound(true));
  session.on('bind_transmitter', bound(false));
  session.on('submit_sm', (pdu) => submitted(session, pdu));
  session.on('enquire_link', (pdu) => {
    records.counts.enquires += 1;
    session.send(pdu.response());
  });
  session.on('unbind', (pdu) => {
    records.counts.unbinds += 1;
    session.send(pdu.response());
    session.close();
  });
}
const smsc = smpp.createServer(serve);

function control(request, reply) {
  let body = '';
  request.on('data', (chunk) => { body += chunk; });
  request.on('end', () => {
    const data = body ? JSON.parse(body) : {};
    if (request.url === '/knobs') Object.assign(knobs, data);
    if (request.url === '/reset') { reset(); unsent = []; }
    if (request.url === '/deliver') {
      const message = data.short_message;
      if (message.udh) message.udh = Buffer.from(message.udh);
      deliver(data);
    }
    if (request.url === '/unbind') sessions.forEach((session) => session.unbind(() => session.close()));
    if (request.url === '/reset_one') reset_link([...sessions][0]);
    if (request.url === '/tls') {
      const secure = smpp.createServer({ key: data.key, cert: data.cert }, serve);
      secure.on('tlsClientError', () => {});
      secure.listen(0, '127.0.0.1', () => {
        records.tls_port = secure.address().port;
        reply.end(JSON.stringify(records));
      });
      return;
    }
    if (request.url === '/enquire') sessions.forEach((session) => session.enquire_link());
    const brief = request.url !== '/records' && request.url !== '/reset';
    reply.end(JSON.stringify(brief ? { counts: records.counts } : records));
  });
}

smsc.listen(0, '127.0.0.1', () => {
  const web = http.createServer(control).listen(0, '127.0.0.1', () => {
    console.log(JSON.stringify({ smpp: smsc.address().port, http: web.address().port }));
  });
});
process.stdin.on('end', () => process.exit(0)).resume(); // ends with whoever started it
