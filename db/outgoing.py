"""What the platform sends out to the world no more, until an administrator lets it again."""

from enum import StrEnum

from sqlmodel import Field

from db.base import Table
from db.calls import IS_OPEN
from db.columns import instant, one_of, text
from db.connection import Conn, Reader, Row, insert_new


class Outgoing(StrEnum):
    """What can be stopped."""

    messages = "messages"
    calls = "calls"


_ALL = "SELECT * FROM outgoing_stop ORDER BY kind"


class OutgoingStop(Table, table=True):
    """That a kind is stopped; a row that is not there lets it pass."""

    __tablename__ = "outgoing_stop"
    __table_args__ = (one_of("kind", Outgoing),)

    kind: str = Field(primary_key=True)
    reason: str = text()
    actor: str
    since: int = instant()


def stop(conn: Conn, kind: str, reason: str, actor: str, now: int) -> bool:
    """Let nothing of that kind out; False if it was stopped before."""
    facts = {"kind": kind, "reason": reason, "actor": actor, "since": now}
    return insert_new(conn, "outgoing_stop", **facts)


def resume(conn: Conn, kind: str) -> bool:
    """Let it out again; False if it was not stopped."""
    return bool(conn.run("DELETE FROM outgoing_stop WHERE kind = :kind", kind=kind))


def stopped(conn: Conn) -> list[Row]:
    """What is stopped; at most a row for each kind."""
    return conn.all(_ALL)


async def shown(reader: Reader) -> list[Row]:
    """The same outside a transaction."""
    return await reader.all(_ALL)


def leaving(conn: Conn, limit: int, *, queued_only: bool) -> list[Row]:
    """Open live calls to the world that nobody has asked to end; queued ones alone if only those
    are wanted."""
    only = " AND status = 'queued'" if queued_only else ""
    return conn.all(
        "SELECT * FROM call WHERE trunk > '' AND route = 'trunk' AND mode = 'live'"
        f" AND hangup_at IS NULL AND {IS_OPEN}{only} LIMIT :limit",
        limit=limit,
    )
