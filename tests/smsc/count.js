// Reads a JSON list of texts, writes [encoding, parts] of each by an independent counter.
const { SegmentedMessage } = require('sms-segments-calculator');

let given = '';
process.stdin.on('data', (chunk) => { given += chunk; });
process.stdin.on('end', () => {
  const counted = JSON.parse(given).map((text) => {
    const message = new SegmentedMessage(text);
    return [message.encodingName, message.segmentsCount];
  });
  process.stdout.write(JSON.stringify(counted));
});
