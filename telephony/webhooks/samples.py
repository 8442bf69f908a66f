"""What a test event of each type holds beside `event`, `id`, `created_at`, `mode`, `sample`."""

from typing import Any

_CALL = {
    "call_id": "call_00000000000000000000000000",
    "direction": "outbound",
    "from": "+15550111222",
    "to": "+15550111333",
    "caller_id": "+15550111222",
    "status": "ringing",
    "duration": None,
    "billsec": None,
    "cost": 0.0,
    "hangup_cause": None,
    "reference": "sample",
}
_ANSWERED = _CALL | {"status": "answered"}

SAMPLES: dict[str, dict[str, Any]] = {
    "delivery_report": {
        "message_id": "msg_00000000000000000000000000",
        "status": "delivered",
        "delivered_at": "2026-01-12T20:15:00Z",
        "cost": 0.006,
        "to": "+15550111333",
        "from": "+15550111222",
        "reference": "sample",
        "error_code": None,
    },
    "message_received": {
        "message_id": "msg_00000000000000000000000000",
        "from": "+15550111333",
        "to": "+15550111222",
        "text": "A sample of a message.",
        "received_at": "2026-01-12T20:15:00Z",
        "segments": 1,
    },
    "call_ringing": _CALL,
    "call_answered": _ANSWERED,
    "call_completed": _ANSWERED
    | {"duration": 62, "billsec": 58, "cost": 0.012, "hangup_cause": "normal_clearing"},
    "call_recording": {
        "call_id": "call_00000000000000000000000000",
        "recording_url": "https://example.com/recordings/sample",
        "duration": 58,
        "size": 928_044,
        "expires_at": "2026-01-19T20:15:00Z",
    },
    "sip_registration": {
        "sip_account": "alice",
        "registered": True,
        "user_agent": "Linphone",
        "address": "203.0.113.7:5060",
    },
    "wallet_low": {"wallet": "wallet", "balance": 4.2, "threshold": 5.0},
}
