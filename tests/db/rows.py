"""Rows for tests of the tables, with every column filled in."""

from typing import Any

from db import calls, cdrs, events, messages
from db.connection import Conn
from db.ids import new_id
from tests.factories import Customer

START = 1_768_000_000_000_000


def add_message(conn: Conn, customer: Customer, **facts: Any) -> str:
    """A queued message of one segment, due at START; its id."""
    row: dict[str, Any] = {
        "id": new_id("msg"), "account_id": customer.account_id, "key_id": customer.key_id,
        "mode": customer.mode, "status": "queued", "to_number": "+15550111222",
        "from_number": "+15550100000", "body": "hello", "encoding": "gsm7", "segments": 1,
        "price_per_segment": 6_000, "cost": 6_000, "currency": "USD", "provider": "sandbox",
        "created_at": START, "expires_at": START + 1_000, "next_attempt_at": START, "attempts": 0,
    }  # fmt: skip
    row |= facts
    messages.add_all(conn, [row | {"tried": "", "lane": row.get("lane", 0)}])
    return str(row["id"])


def add_call(conn: Conn, customer: Customer, **facts: Any) -> str:
    """A queued outbound call; its id."""
    call_id = facts.pop("id", None) or new_id("call")
    row: dict[str, Any] = {
        "id": call_id, "channel_id": call_id, "account_id": customer.account_id,
        "mode": customer.mode, "direction": "outbound", "status": "queued", "first_leg": "alice",
        "route": "simulated", "to_number": "+15550111222", "from_number": "+15550100000",
        "caller_id": "+15550100000", "ring_seconds": 30, "max_seconds": 60, "rate": "{}",
        "time_limit_seconds": 60, "granted_seconds": 60, "armed_seconds": 60,
        "cut_cause": "time_limit",
        "currency": "USD", "cost": 0, "duration": 0, "billsec": 0, "created_at": START,
    }  # fmt: skip
    row |= facts
    calls.add(conn, **{"due_at": row["created_at"], **row})
    return str(call_id)


def add_event(conn: Conn, customer: Customer, **facts: Any) -> bool:
    """A delivery report; False if it was told before."""
    row: dict[str, Any] = {
        "id": new_id("evt"), "account_id": customer.account_id, "mode": customer.mode,
        "type": "delivery_report", "subject": "msg_1", "fact": "delivered", "payload": "{}",
        "created_at": START,
    }  # fmt: skip
    return events.add(conn, **(row | facts))


def add_cdr(conn: Conn, **facts: Any) -> bool:
    """A record of node pbx1; False if it was kept before."""
    row: dict[str, Any] = {
        "node": "pbx1", "uniqueid": "1.1", "sequence": 1, "linkedid": "1.1", "call_id": None,
        "disposition": "ANSWERED", "raw": "{}", "ended_at": START, "read_at": START,
    }  # fmt: skip
    return cdrs.add(conn, **(row | facts))
