curl -X POST https://api.sms-voip.local/api/v1/sms/send \
  -H "Authorization: Bearer sk_live_yourkey" \
  -H "Content-Type: application/json" \
  -H "Idempotency-Key: msg-124-otp" \
  -d '{ "to": "+15551234567", "text": "Hi!" }'
