"""Messages that phones sent to us, whole and in parts."""

import json
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from db import lists
from db.base import Table
from db.columns import instant, partial, text, valid_mode
from db.connection import Conn, Reader, Row, insert, insert_new
from db.lists import Listing, Query
from db.search import keep_up
from db.searched import INBOUND

TABLE = "sms_inbound"


class SmsInbound(Table, table=True):
    """A whole message to one of our numbers; `account_id` is the platform's where nobody owns it.
    `fact` is what makes a repeated one the same, `keyword` what it asked for, if anything."""

    __tablename__ = "sms_inbound"
    __table_args__ = (
        valid_mode(),
        Index("ix_sms_inbound_account", "account_id", "mode", "id"),
        Index("ix_sms_inbound_fact", "fact", unique=True),
        partial("ix_sms_inbound_text", "id", where="body <> ''"),
    )

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id")
    mode: str
    provider: str
    from_number: str
    to_number: str
    body: str = text()
    segments: int
    keyword: str = ""
    fact: str
    created_at: int = instant()


class SmsInboundPart(Table, table=True):
    """A part that waits for the others of its message, or is `done`; `text` is a JSON string,
    since half a surrogate pair is no text that a database takes."""

    __tablename__ = "sms_inbound_part"
    __table_args__ = (Index("ix_sms_inbound_part_age", "received_at"),)

    provider: str = Field(primary_key=True)
    sender: str = Field(primary_key=True)
    recipient: str = Field(primary_key=True)
    reference: int = Field(primary_key=True)
    parts: int = Field(primary_key=True)
    part: int = Field(primary_key=True)
    text: str = text()
    done: bool = False
    received_at: int = instant()


Key = dict[str, Any]
"""provider, sender, recipient, reference, parts: what the parts of a message have in common."""
_SAME = (
    "provider = :provider AND sender = :sender AND recipient = :recipient"
    " AND reference = :reference AND parts = :parts"
)


def owner(conn: Conn, number: str) -> tuple[str, str] | None:
    """Account and mode of who owns a number or short code."""
    row = conn.one("SELECT account_id, mode FROM owned_number WHERE number = :n", n=number)
    return (row["account_id"], row["mode"]) if row else None


def add(conn: Conn, **facts: Any) -> bool:
    """Insert a message; False if its fact was told before."""
    new = insert_new(conn, TABLE, **facts)
    if new:
        keep_up(conn, INBOUND, [facts])
    return new


def add_part(conn: Conn, key: Key, part: int, text: str, now: int) -> None:
    """Keep a part that is not there yet."""
    insert(conn, "sms_inbound_part", **key, part=part, text=json.dumps(text), done=False,
           received_at=now)  # fmt: skip


def parts(conn: Conn, key: Key) -> list[Row]:
    """The parts that are there, in order, with their text as it came."""
    rows = conn.all(f"SELECT * FROM sms_inbound_part WHERE {_SAME} ORDER BY part", **key)
    return [row | {"text": json.loads(row["text"])} for row in rows]


def finish_parts(conn: Conn, key: Key) -> None:
    """Note that the parts were joined; they stay to tell a repeated one."""
    conn.run(f"UPDATE sms_inbound_part SET done = :yes WHERE {_SAME}", yes=True, **key)


def drop_parts(conn: Conn, key: Key) -> None:
    """Forget the parts of a message."""
    conn.run(f"DELETE FROM sms_inbound_part WHERE {_SAME}", **key)


def stale(conn: Conn, before: int, limit: int) -> list[Key]:
    """Messages one of whose parts has waited since before an instant."""
    return conn.all(
        "SELECT DISTINCT provider, sender, recipient, reference, parts FROM sms_inbound_part"
        " WHERE received_at < :before LIMIT :limit",
        before=before, limit=limit,
    )  # fmt: skip


async def listing(
    reader: Reader, account_id: str | None, mode: str, *, limit: int, offset: int = 0,
    **filters: Any,
) -> Listing:  # fmt: skip
    """A page, newest first, whether others follow, and the total; filters are `search`, `cursor`,
    `since`, `until` and those of `INBOUND`, None means any. Without an account of all of them."""
    return await lists.listing(reader, Query(INBOUND, account_id, mode, filters), limit, offset)


def pages(
    reader: Reader, account_id: str | None, mode: str, **filters: Any
) -> AsyncIterator[list[Row]]:
    """All rows that the filters find, a bounded number at a time."""
    return lists.pages(reader, Query(INBOUND, account_id, mode, filters))
