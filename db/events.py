"""The outbox: events, their deliveries to customers' URLs, and every attempt."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from db.base import Table
from db.columns import instant, one_of, partial, text, valid_mode
from db.connection import Conn, Reader, Row, insert, insert_new
from db.ids import new_id

TYPES = (
    "delivery_report", "message_received", "call_ringing", "call_answered", "call_completed",
    "call_recording", "sip_registration", "wallet_low",
)  # fmt: skip


class Event(Table, table=True):
    """A fact that a customer may want to know; the same fact never makes two events."""

    __table_args__ = (
        one_of("type", TYPES),
        valid_mode(),
        UniqueConstraint("subject", "type", "fact"),
    )

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id", index=True)
    mode: str
    type: str
    subject: str
    fact: str
    payload: str = text()
    created_at: int = instant()


class Delivery(Table, table=True):
    """One event on its way to one URL."""

    __table_args__ = (
        one_of("state", ("pending", "delivered", "failed")),
        partial("ix_delivery_pending", "next_attempt_at", where="state = 'pending'"),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    event_id: str = Field(foreign_key="event.id", index=True)
    account_id: str = Field(foreign_key="account.id")
    url: str = text()
    state: str = "pending"
    attempts: int = 0
    next_attempt_at: int = instant()
    lease_token: str | None = None
    created_at: int = instant()


class DeliveryAttempt(Table, table=True):
    """One POST and what came of it; `reply` is the first 2 KiB."""

    __tablename__ = "delivery_attempt"

    delivery_id: str = Field(primary_key=True, foreign_key="delivery.id")
    number: int = Field(primary_key=True)
    at: int = instant()
    latency_us: int
    status_code: int | None = None
    error: str = ""
    reply: str = text(default="")


def add(conn: Conn, **facts: Any) -> bool:
    """Insert an event; False if the fact was told before."""
    return insert_new(conn, "event", **facts)


def empty(conn: Conn, kind: str, subjects: Sequence[str], member: str) -> None:
    """Empty a text in the payloads of events of that kind about these subjects."""
    found = conn.all(
        "SELECT id, payload FROM event WHERE type = :kind AND subject IN :subjects",
        kind=kind, subjects=subjects or [""],
    )  # fmt: skip
    changed = [
        {"id": row["id"], "payload": json.dumps(json.loads(row["payload"]) | {member: ""})}
        for row in found
    ]
    if changed:
        conn.many("UPDATE event SET payload = :payload WHERE id = :id", changed)


def add_delivery(conn: Conn, event_id: str, account_id: str, url: str, now: int) -> None:
    """Queue an event for a URL, due at once."""
    facts = {"event_id": event_id, "account_id": account_id, "url": url, "created_at": now}
    insert(conn, "delivery", id=new_id("dlv"), state="pending", attempts=0,
           next_attempt_at=now, **facts)  # fmt: skip


async def due(
    reader: Reader, now: int, limit: int, per_url: int, per_account: int,
    full_urls: list[str], full_accounts: list[str],
) -> list[str]:  # fmt: skip
    """Ids of the oldest due deliveries, at most so many of one URL and of one account, and none
    of those that are full. Read beside the writer, since it may pass over a long queue."""
    rows = await reader.all(
        "SELECT id FROM (SELECT id, next_attempt_at,"
        " ROW_NUMBER() OVER (PARTITION BY url ORDER BY next_attempt_at, id) AS of_url,"
        " ROW_NUMBER() OVER (PARTITION BY account_id ORDER BY next_attempt_at, id) AS of_account"
        " FROM (SELECT id, url, account_id, next_attempt_at FROM delivery"
        " WHERE state = 'pending' AND next_attempt_at <= :now"
        " AND url NOT IN :urls AND account_id NOT IN :accounts"
        " ORDER BY next_attempt_at, id LIMIT :limit) AS oldest) AS ranked"
        " WHERE of_url <= :per_url AND of_account <= :per_account ORDER BY next_attempt_at, id",
        now=now, limit=limit, per_url=per_url, per_account=per_account,
        urls=full_urls or [""], accounts=full_accounts or [""],
    )  # fmt: skip
    return [row["id"] for row in rows]


def claim(conn: Conn, ids: list[str], token: str, now: int, until: int) -> list[Row]:
    """Take those of the deliveries that are still due, until `until`; a taker that dies lets them
    fall due again. Each comes with its `event` and the sealed secret of the event's account."""
    rows = conn.all(
        "UPDATE delivery SET lease_token = :token, next_attempt_at = :until"
        " WHERE id IN (SELECT id FROM delivery WHERE id IN :ids AND state = 'pending'"
        f" AND next_attempt_at <= :now {conn.skip_locked}) RETURNING *",
        ids=ids, token=token, now=now, until=until,
    )  # fmt: skip
    return _with_events(conn, rows)


def _with_events(conn: Conn, rows: list[Row]) -> list[Row]:
    found = conn.all(
        "SELECT e.*, a.webhook_secret_sealed FROM event e JOIN account a ON a.id = e.account_id"
        " WHERE e.id IN :ids",
        ids={row["event_id"] for row in rows},
    )
    events = {event["id"]: event for event in found}
    return [row | {"event": events[row["event_id"]]} for row in sorted(rows, key=_oldest)]


def _oldest(row: Row) -> str:
    return str(row["id"])


def attempted(conn: Conn, delivery_id: str, token: str, state: str, next_at: int,
              **attempt: Any) -> bool:  # fmt: skip
    """Keep an attempt and what follows; False if another worker has taken the delivery since."""
    row = conn.one(
        "UPDATE delivery SET state = :state, attempts = attempts + 1, next_attempt_at = :next_at,"
        " lease_token = NULL WHERE id = :id AND lease_token = :token RETURNING attempts",
        id=delivery_id, token=token, state=state, next_at=next_at,
    )  # fmt: skip
    if row:
        insert(conn, "delivery_attempt", delivery_id=delivery_id, number=row["attempts"], **attempt)
    return row is not None


def oldest_due(conn: Conn, now: int) -> int:
    """Microseconds that the oldest due delivery has been waiting."""
    row = conn.one(
        "SELECT MIN(next_attempt_at) AS oldest FROM delivery"
        " WHERE state = 'pending' AND next_attempt_at <= :now",
        now=now,
    )
    return now - row["oldest"] if row and row["oldest"] else 0
