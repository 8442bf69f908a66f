"""The lists that are searched, and by what."""

from db.search import Listed

_STATUS = {"status": "status = :status"}
_SIP = {"direction": "direction = :direction", "sip_account": "sip_account = :sip_account"}

CALLS = Listed(
    "call", "call", ("to_number", "from_number", "caller_id", "sip_account"), _STATUS | _SIP
)
MESSAGES = Listed("message", "msg", ("to_number", "from_number"), _STATUS)
INBOUND = Listed("sms_inbound", "msg", ("to_number", "from_number"))
LISTS = (CALLS, MESSAGES, INBOUND)
