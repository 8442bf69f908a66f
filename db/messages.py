"""Messages, their states and their history."""

from enum import StrEnum
from operator import itemgetter
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from db.base import Table
from db.columns import instant, money, one_of, partial, text, valid_mode
from db.connection import Conn, Reader, Row, insert
from db.ids import new_id
from db.states import Transitions, move


class MessageStatus(StrEnum):
    """In order of rank: a message never goes back to a lower final state."""

    scheduled = "scheduled"
    queued = "queued"
    sending = "sending"
    sent = "sent"
    unknown = "unknown"
    delivered = "delivered"
    undelivered = "undelivered"
    failed = "failed"
    expired = "expired"
    canceled = "canceled"


_S = MessageStatus
TRANSITIONS: Transitions[MessageStatus] = {
    _S.scheduled: frozenset(),
    _S.queued: frozenset({_S.scheduled, _S.sending}),
    _S.sending: frozenset({_S.queued}),
    _S.sent: frozenset({_S.sending, _S.unknown}),
    _S.unknown: frozenset({_S.sending}),
    _S.delivered: frozenset({_S.sent, _S.unknown}),
    _S.undelivered: frozenset({_S.sent, _S.unknown}),
    _S.failed: frozenset({_S.queued, _S.sending}),
    _S.expired: frozenset({_S.queued, _S.sent, _S.unknown}),
    _S.canceled: frozenset({_S.scheduled, _S.queued}),
}


class Message(Table, table=True):
    """One text to one number. `cost` is what was charged, or what is held until then."""

    __table_args__ = (
        one_of("status", MessageStatus),
        valid_mode(),
        Index("ix_message_account", "account_id", "mode", "id"),
        partial("ix_message_queued", "provider", "next_attempt_at", where="status = 'queued'"),
        partial("ix_message_leased", "lease_until", where="status = 'sending'"),
        partial("ix_message_waiting", "expires_at", where="status IN ('queued', 'unknown')"),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id")
    key_id: str
    mode: str
    status: str
    to_number: str
    from_number: str
    body: str = text()
    encoding: str
    segments: int
    price_per_segment: int = money()
    cost: int = money()
    currency: str
    callback_url: str | None = text(default=None)
    reference: str | None = None
    provider: str
    error_code: str | None = None
    created_at: int = instant()
    expires_at: int = instant()
    next_attempt_at: int = instant()
    attempts: int = 0
    lease_token: str | None = None
    lease_until: int | None = instant(default=None)
    sent_at: int | None = instant(default=None)
    delivered_at: int | None = instant(default=None)


class MessageHistory(Table, table=True):
    """Every state that a message was in, with the instant that it began."""

    __tablename__ = "message_history"

    id: str = Field(primary_key=True)
    message_id: str = Field(foreign_key="message.id", index=True)
    status: str
    detail: str = ""
    at: int = instant()


def add(conn: Conn, **facts: Any) -> None:
    """Insert a message and the first line of its history."""
    insert(conn, "message", **facts)
    note(conn, facts["id"], facts["status"], facts["created_at"])


def note(conn: Conn, message_id: str, status: str, at: int, detail: str = "") -> None:
    """Append to the history of a message."""
    facts = {"message_id": message_id, "status": status, "detail": detail, "at": at}
    insert(conn, "message_history", id=new_id("mh"), **facts)


def go(
    conn: Conn, message_id: str, target: MessageStatus, at: int, detail: str = "", **facts: Any
) -> Row | None:
    """Move a message and note it; None where its state does not allow that."""
    row = move(conn, "message", TRANSITIONS, message_id, target, **facts)
    if row:
        note(conn, message_id, target, at, detail)
    return row


def set_cost(conn: Conn, message_id: str, cost: int) -> Row:
    """Correct what a message cost; the row after it."""
    row = conn.one(
        "UPDATE message SET cost = :cost WHERE id = :id RETURNING *", id=message_id, cost=cost
    )
    assert row is not None, message_id
    return row


def claim(conn: Conn, provider: str, token: str, now: int, until: int, limit: int) -> list[Row]:
    """Take the provider's queued messages whose time has come, in that order; the lease fences
    the taker."""
    rows = conn.all(
        "WITH due AS MATERIALIZED (SELECT id FROM message WHERE status = 'queued'"
        " AND provider = :provider AND next_attempt_at <= :now ORDER BY next_attempt_at, id"
        f" LIMIT :limit {conn.skip_locked})"
        " UPDATE message SET status = 'sending', lease_token = :token, lease_until = :until,"
        " attempts = attempts + 1 WHERE id IN (SELECT id FROM due) RETURNING *",
        provider=provider, token=token, now=now, until=until, limit=limit,
    )  # fmt: skip
    conn.many(
        "INSERT INTO message_history (id, message_id, status, detail, at)"
        " VALUES (:id, :message_id, 'sending', '', :now)",
        [{"id": new_id("mh"), "message_id": row["id"], "now": now} for row in rows],
    )
    return sorted(rows, key=itemgetter("next_attempt_at", "id"))


def leases_run_out(conn: Conn, provider: str, now: int) -> list[Row]:
    """The provider's messages whose sender died between the claim and the answer."""
    return conn.all(
        "SELECT * FROM message WHERE status = 'sending' AND provider = :provider"
        " AND lease_until < :now",
        provider=provider, now=now,
    )  # fmt: skip


def past_validity(conn: Conn, now: int) -> list[Row]:
    """Messages that were not sent for certain and whose validity period is over."""
    return conn.all(
        "SELECT * FROM message WHERE status IN ('queued', 'unknown')"
        " AND expires_at < :now LIMIT 500",
        now=now,
    )


async def find(reader: Reader, account_id: str, mode: str, message_id: str) -> Row | None:
    """One message of an account and mode."""
    return await reader.one(
        "SELECT * FROM message WHERE id = :id AND account_id = :account_id AND mode = :mode",
        id=message_id, account_id=account_id, mode=mode,
    )  # fmt: skip


async def history(reader: Reader, message_id: str) -> list[Row]:
    """The states of a message, oldest first."""
    return await reader.all(
        "SELECT status, detail, at FROM message_history WHERE message_id = :id ORDER BY at, id",
        id=message_id,
    )
