# Update caller ID
curl -X POST https://api.sms-voip.local/api/v1/voip/caller-id \
  -H "Authorization: Bearer sk_live_yourkey" \
  -H "Content-Type: application/json" \
  -d '{ "caller_id": "+15550111222" }'

# Update SIP password
curl -X POST https://api.sms-voip.local/api/v1/voip/password \
  -H "Authorization: Bearer sk_live_yourkey" \
  -H "Content-Type: application/json" \
  -d '{ "sip_password": "NewStrongPassword123" }'

# Top up SIP wallet
curl -X POST https://api.sms-voip.local/api/v1/voip/topup \
  -H "Authorization: Bearer sk_live_yourkey" \
  -H "Content-Type: application/json" \
  -d '{ "amount": 25 }'

# SIP call logs
curl -X GET "https://api.sms-voip.local/api/v1/voip/logs?limit=10&offset=0&search=+1555" \
  -H "Authorization: Bearer sk_live_yourkey"
