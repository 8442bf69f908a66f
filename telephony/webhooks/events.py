"""Tells a fact: one event, and its deliveries to whoever asked for it."""

import json
from typing import Any

from db import deliveries, events, webhook_endpoints
from db.connection import Conn, Row
from db.ids import new_id
from telephony import clock
from telephony.clock import Instant

CHANNEL = "webhooks"


def told(account_id: str) -> str:
    """The channel that rings whoever listens to the account's events as they happen."""
    return f"events:{account_id}"


def emit(
    conn: Conn, *, account_id: str, mode: str, kind: str, subject: str, fact: str,
    callback_url: str | None, payload: dict[str, Any], now: Instant, request_id: str | None = None,
) -> bool:  # fmt: skip
    """Write the event in the transaction of what it tells. The same fact (subject, kind, fact)
    is told once; False if it was told before. `payload` has the fields of the event's kind. It
    goes to `callback_url`, or else to every enabled endpoint that is subscribed to its kind."""
    event_id = new_id(events.PREFIX)
    new = events.add(
        conn, id=event_id, account_id=account_id, mode=mode, type=kind, subject=subject,
        fact=fact, payload=json.dumps(payload), request_id=request_id, created_at=now,
    )  # fmt: skip
    if not new:
        return False
    _queue(conn, event_id, account_id, mode, kind, callback_url, now)
    return True


def emit_all(conn: Conn, facts: list[dict[str, Any]]) -> None:
    """Like `emit` for many facts, each with all of its arguments by name."""
    rows = [
        {"id": new_id(events.PREFIX), "account_id": one["account_id"], "mode": one["mode"],
         "type": one["kind"], "subject": one["subject"], "fact": one["fact"],
         "payload": json.dumps(one["payload"]), "request_id": one["request_id"],
         "created_at": one["now"]}
        for one in facts
    ]  # fmt: skip
    new = events.add_all(conn, rows)
    for row, one in zip(rows, facts, strict=True):
        if row["id"] in new:
            _queue(conn, row["id"], one["account_id"], one["mode"], one["kind"],
                   one["callback_url"], one["now"])  # fmt: skip


def _queue(
    conn: Conn, event_id: str, account_id: str, mode: str, kind: str, callback_url: str | None,
    now: Instant,
) -> None:  # fmt: skip
    conn.wake(told(account_id))
    if callback_url:
        deliveries.add(conn, event_id, account_id, now, url=callback_url)
        conn.wake(CHANNEL)
    elif wanted := subscribed(conn, account_id, mode, kind):
        deliveries.add(conn, event_id, account_id, now, endpoints=wanted)
        conn.wake(CHANNEL)


def subscribed(conn: Conn, account_id: str, mode: str, kind: str) -> list[str]:
    """Ids of the enabled endpoints that take events of a kind."""
    found = webhook_endpoints.enabled(conn, account_id, mode)
    return [row["id"] for row in found if takes(row, kind)]


def takes(endpoint: Row, kind: str) -> bool:
    """Whether an endpoint is subscribed to events of a kind."""
    return not endpoint["events"] or kind in endpoint["events"].split()


def body_of(event: Row) -> bytes:
    """The JSON of an event row, the same bytes at every attempt; no field of the payload hides
    one of the envelope."""
    envelope: dict[str, Any] = {
        "event": event["type"],
        "id": event["id"],
        "created_at": clock.rfc3339(event["created_at"]),
        "mode": event["mode"],
    }
    return json.dumps(envelope | json.loads(event["payload"]) | envelope).encode()
