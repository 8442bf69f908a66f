await fetch('https://api.sms-voip.local/api/v1/sms/send', {
  method: 'POST',
  headers: {
    'Authorization': 'Bearer sk_live_key',
    'Content-Type': 'application/json',
    'Idempotency-Key': 'msg-123-otp'
  },
  body: JSON.stringify({ to: '+15551234567', text: 'Hi!' })
});
