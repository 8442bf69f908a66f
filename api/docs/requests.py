"""What the samples of the page send: what it prints where it prints something, else what must be
given. A test sends all of it."""

from typing import Any

BODIES: dict[str, dict[str, Any]] = {
    "send_message": {"to": "+15551234567", "text": "Hi!"},
    "send_messages": {
        "messages": [
            {"to": "+15551234567", "text": "Hi!"},
            {"to": "+15551234568", "text": "Hello!", "reference": "order-1042"},
        ]
    },
    "request_sender_id": {"sender": "ACME"},
    "simulate_inbound": {"from": "+15551234567", "to": "+15550111222", "text": "HELP"},
    "place_call": {"to": "+15559876543", "from": "+15550111222", "caller_id": "+15550111222"},
    "set_caller_id": {"caller_id": "+15550111222"},
    "set_password": {"sip_password": "NewStrongPassword123"},
    "top_up": {"amount": 25},
    "verify_caller_id": {"number": "+15550111333"},
    "tell_code": {"code": "123456"},
    "create_sip_account": {"username": "front-desk"},
    "create_webhook": {"url": "https://example.com/webhooks", "events": ["delivery_report"]},
    "change_webhook": {"enabled": True},
    "test_webhook": {"event": "delivery_report"},
    "change_sip_account": {"label": "Front desk"},
}
FIRST = (
    "send_message", "send_messages", "show_message", "set_caller_id", "set_password", "top_up",
    "call_logs", "place_call", "show_call", "hang_up_call",
)  # fmt: skip
"""What sections begin with; all else follows in the order of the code."""
QUERIES: dict[str, dict[str, Any]] = {
    "call_logs": {"limit": 10, "offset": 0, "search": "+1555"},
    "list_messages": {"limit": 10, "search": "+1555"},
    "list_calls": {"limit": 10},
    "list_inbound": {"limit": 10},
    "rate_of_number": {"to": "+15551234567"},
}
