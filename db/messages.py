"""Messages, their states and their history."""

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from db import lists
from db.base import Table
from db.columns import instant, money, one_of, partial, text, valid_mode
from db.connection import Conn, Reader, Row, insert
from db.ids import new_id
from db.lists import Listing, Query
from db.search import keep_up
from db.searched import IS_SETTLED, MESSAGES, QUEUED
from db.states import Transitions, move, move_all


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
    _S.failed: frozenset({_S.scheduled, _S.queued, _S.sending}),
    _S.expired: frozenset({_S.queued, _S.sent, _S.unknown}),
    _S.canceled: frozenset({_S.scheduled, _S.queued}),
}

ENDED_OR_SENT = ("sent", "delivered", "undelivered", "failed", "expired", "canceled")
"""States in which nobody needs the text any more."""
_TEXT_KEPT = "status IN ({}) AND body <> ''".format(", ".join(f"'{one}'" for one in ENDED_OR_SENT))


class Message(Table, table=True):
    """One text to one number. `cost` is what was charged, or what is held until then, `tried` the
    providers that did not take it, by comma."""

    __table_args__ = (
        one_of("status", MessageStatus),
        valid_mode(),
        Index("ix_message_account", "account_id", "mode", "id", "created_at", "to_number",
              "from_number"),
        partial("ix_message_status", "account_id", "mode", "status", "id", where=IS_SETTLED),
        partial("ix_message_queued", "provider", "lane", "account_id", "next_attempt_at",
                where="status = 'queued'"),
        partial("ix_message_scheduled", "next_attempt_at", where="status = 'scheduled'"),
        partial("ix_message_text", "id", where=_TEXT_KEPT),
        partial("ix_message_leased", "lease_until", where="status = 'sending'"),
        partial("ix_message_unanswered", "provider", "to_number",
                where="status IN ('sending', 'unknown')"),
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
    request_id: str | None = None
    provider: str
    tried: str = ""
    lane: int = 0
    error_code: str | None = None
    created_at: int = instant()
    send_at: int | None = instant(default=None)
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


def add_all(conn: Conn, messages: list[Row]) -> None:
    """Insert messages that have the same columns, and the first line of each one's history."""
    conn.insert_all("message", messages)
    keep_up(conn, MESSAGES, messages)
    conn.insert_all(
        "message_history",
        [
            {"id": new_id("mh"), "message_id": row["id"], "status": row["status"], "detail": "",
             "at": row["created_at"]}
            for row in messages
        ],
    )  # fmt: skip


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


def go_all(
    conn: Conn, message_ids: list[str], target: MessageStatus, at: int, **facts: Any
) -> list[Row]:
    """Move messages that get the same facts, and note it; those whose state allowed that."""
    rows = move_all(conn, "message", TRANSITIONS, message_ids, target, **facts)
    note_all(conn, [row["id"] for row in rows], target, at)
    return rows


def all_sent(conn: Conn, message_ids: list[str], at: int) -> list[Row]:
    """Move messages of which a provider took every part, each with its whole price as its cost;
    those whose state allowed that."""
    rows = conn.all(
        "UPDATE message SET status = 'sent', sent_at = :at, cost = price_per_segment * segments,"
        " error_code = NULL, lease_token = NULL"
        " WHERE id IN :ids AND status IN :sources RETURNING *",
        ids=message_ids, at=at, sources=sorted(TRANSITIONS[MessageStatus.sent]),
    )  # fmt: skip
    note_all(conn, [row["id"] for row in rows], MessageStatus.sent, at)
    return rows


def note_all(conn: Conn, message_ids: list[str], status: str, at: int, detail: str = "") -> None:
    """Append the same line to the histories of many messages."""
    conn.insert_all(
        "message_history",
        [
            {"id": new_id("mh"), "message_id": one, "status": status, "detail": detail, "at": at}
            for one in message_ids
        ],
    )


def unanswered(conn: Conn, provider: str, to_number: str) -> list[Row]:
    """Messages to a number that were claimed, and of which we know or do not know that the
    provider will never answer."""
    return conn.all(
        "SELECT * FROM message WHERE provider = :provider AND to_number = :to_number"
        " AND status IN ('sending', 'unknown') ORDER BY created_at LIMIT 1000",
        provider=provider, to_number=to_number,
    )  # fmt: skip


def one(conn: Conn, account_id: str, mode: str, message_id: str) -> Row | None:
    """One message of an account and mode."""
    return conn.one(
        "SELECT * FROM message WHERE id = :id AND account_id = :account_id AND mode = :mode",
        id=message_id, account_id=account_id, mode=mode,
    )  # fmt: skip


async def find(reader: Reader, account_id: str, mode: str, message_id: str) -> Row | None:
    """One message of an account and mode."""
    return await reader.one(
        "SELECT * FROM message WHERE id = :id AND account_id = :account_id AND mode = :mode",
        id=message_id, account_id=account_id, mode=mode,
    )  # fmt: skip


async def listing(
    reader: Reader, account_id: str | None, mode: str, *, limit: int, offset: int = 0,
    **filters: Any,
) -> Listing:  # fmt: skip
    """A page, newest first, whether others follow, and the total; filters are `search`, `cursor`,
    `since`, `until` and those of `MESSAGES`, None means any. Without an account of all of them."""
    listed = MESSAGES
    if account_id is not None and filters.get("status") == MessageStatus.queued:
        queue = await lists.total(reader, Query(QUEUED, account_id, mode, {"status": "queued"}))
        # A longer one is not sorted in time, and is met soon among the newest messages.
        listed = QUEUED if queue.exact else MESSAGES
    return await lists.listing(reader, Query(listed, account_id, mode, filters), limit, offset)


def pages(
    reader: Reader, account_id: str | None, mode: str, **filters: Any
) -> AsyncIterator[list[Row]]:
    """All rows that the filters find, a bounded number at a time."""
    return lists.pages(reader, Query(MESSAGES, account_id, mode, filters))


async def history(reader: Reader, message_id: str) -> list[Row]:
    """The states of a message, oldest first."""
    return await reader.all(
        "SELECT status, detail, at FROM message_history WHERE message_id = :id ORDER BY at, id",
        id=message_id,
    )
