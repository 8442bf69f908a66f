"""The lists that are searched, and by what."""

from dataclasses import replace

from db.branches import Branches
from db.search import Listed

SETTLED = (
    "scheduled", "sent", "unknown", "delivered", "undelivered", "failed", "expired", "canceled"
)  # fmt: skip
"""States of messages that are found by an index of all accounts' messages. The others last for
seconds, and to keep them in it would cost whoever sends."""
IS_SETTLED = f"status IN ({', '.join(map(repr, SETTLED))})"

_STATUS = {"status": "status = :status"}
_SIP = {"direction": "direction = :direction", "sip_account": "sip_account = :sip_account"}

CALLS = Listed(
    "call", "call", ("to_number", "from_number", "caller_id", "sip_account"), _STATUS | _SIP
)
MESSAGES = Listed(
    "message", "msg", ("to_number", "from_number"), _STATUS,
    branches=(Branches("ix_message_status", {"status": SETTLED}, IS_SETTLED),
              Branches("ix_message_leased", {"status": ("sending",)}, "status = 'sending'")),
)  # fmt: skip
_PROVIDERS = (
    "WITH RECURSIVE of (provider) AS (SELECT MIN(provider) FROM message WHERE status = 'queued'"
    " UNION ALL SELECT (SELECT MIN(m.provider) FROM message m WHERE m.status = 'queued'"
    " AND m.provider > of.provider) FROM of WHERE of.provider IS NOT NULL) SELECT provider FROM of"
)
QUEUED = replace(MESSAGES, branches=(
    Branches("ix_message_queued", {"status": ("queued",)},
             f"status = 'queued' AND lane IN (0, 1) AND provider IN ({_PROVIDERS})"),
))  # fmt: skip
"""The messages of one account that wait for their turn, by the index that they are claimed by."""
INBOUND = Listed("sms_inbound", "msg", ("to_number", "from_number"))
LISTS = (CALLS, MESSAGES, INBOUND)
