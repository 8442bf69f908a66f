await fetch('https://api.sms-voip.local/api/v1/voice/call', {
  method: 'POST',
  headers: {
    'Authorization': 'Bearer sk_live_key',
    'Content-Type': 'application/json'
  },
  body: JSON.stringify({
    to: '+15559876543',
    from: '+15550111222',
    caller_id: '+15550111222'
  })
});
