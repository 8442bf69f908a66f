"""Tells a fact: one event, and its delivery to whoever asked for it."""

import json
from typing import Any

from db import events
from db.connection import Conn
from db.ids import new_id
from telephony.clock import Instant

CHANNEL = "webhooks"


def emit(
    conn: Conn, *, account_id: str, mode: str, kind: str, subject: str, fact: str,
    callback_url: str | None, payload: dict[str, Any], now: Instant,
) -> bool:  # fmt: skip
    """Write the event in the transaction of what it tells. The same fact (subject, kind, fact)
    is told once; False if it was told before. `payload` has the fields of the event's kind."""
    event_id = new_id("evt")
    new = events.add(
        conn, id=event_id, account_id=account_id, mode=mode, type=kind, subject=subject,
        fact=fact, payload=json.dumps(payload), created_at=now,
    )  # fmt: skip
    if new and callback_url:
        events.add_delivery(conn, event_id, account_id, callback_url, now)
        conn.wake(CHANNEL)
    return new
