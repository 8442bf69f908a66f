"""Call detail records as the PBX wrote them, and how far its file has been read."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

from sqlmodel import Field

from db.base import Table
from db.columns import instant, partial, text
from db.connection import Conn, Reader, Row, insert_new

STRAYS_PER_READ = 500


class Cdr(Table, table=True):
    """One record; several may belong to one call, and one without a call is kept as well."""

    __table_args__ = (
        partial("ix_cdr_call", "call_id", where="call_id IS NOT NULL"),
        partial("ix_cdr_stray", "read_at", "node", "uniqueid", "sequence", where="call_id IS NULL"),
    )

    node: str = Field(primary_key=True)
    uniqueid: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True)
    linkedid: str = Field(index=True)
    call_id: str | None = None
    disposition: str
    raw: str = text()
    ended_at: int = instant()
    read_at: int = instant()


class CdrPosition(Table, table=True):
    """How far a node's file has been read; committed with the rows that were read."""

    __tablename__ = "cdr_position"

    node: str = Field(primary_key=True)
    inode: int = instant()
    offset: int = instant()


class DeadLetter(Table, table=True):
    """Input that could not be understood, kept for a person to look at."""

    __tablename__ = "dead_letter"

    id: str = Field(primary_key=True)
    source: str
    raw: str = text()
    error: str = text()
    at: int = instant(index=True)


def add(conn: Conn, **facts: Any) -> bool:
    """Keep a record; False if it was kept before."""
    return insert_new(conn, "cdr", **facts)


def add_all(conn: Conn, records: list[Row]) -> set[tuple[str, int]]:
    """Keep records of one node; uniqueid and sequence of those that were not kept before."""
    more = "ON CONFLICT DO NOTHING RETURNING uniqueid, sequence"
    found = conn.insert_all("cdr", records, more)
    return {(row["uniqueid"], row["sequence"]) for row in found}


def position(conn: Conn, node: str) -> tuple[int, int]:
    """Inode and byte offset up to which the node's file is in the database; (0, 0) at first."""
    row = conn.one('SELECT inode, "offset" FROM cdr_position WHERE node = :node', node=node)
    return (row["inode"], row["offset"]) if row else (0, 0)


def set_position(conn: Conn, node: str, inode: int, offset: int) -> None:
    """Remember how far the node's file has been read."""
    conn.run(
        'INSERT INTO cdr_position (node, inode, "offset") VALUES (:node, :inode, :at)'
        ' ON CONFLICT (node) DO UPDATE SET inode = excluded.inode, "offset" = excluded."offset"',
        node=node, inode=inode, at=offset,
    )  # fmt: skip


def bury(conn: Conn, source: str, raw: str, error: str, now: int) -> None:
    """Keep input that could not be read, once, however often it is met."""
    digest = hashlib.sha256(f"{source}\n{raw}".encode("utf-8", "surrogatepass")).hexdigest()
    facts = {"source": source, "raw": raw, "error": error, "at": now}
    insert_new(conn, "dead_letter", id=f"dead_{digest[:32]}", **facts)


def strays_since(conn: Conn, since: int) -> int:
    """How many records that match no call were read since then."""
    row = conn.one(
        "SELECT COUNT(*) AS found FROM cdr WHERE call_id IS NULL AND read_at >= :since", since=since
    )
    return int(row["found"]) if row else 0


def buried_since(conn: Conn, since: int) -> int:
    """How much input since then could not be read."""
    row = conn.one("SELECT COUNT(*) AS found FROM dead_letter WHERE at >= :since", since=since)
    return int(row["found"]) if row else 0


async def of_call(reader: Reader, call_id: str) -> list[Row]:
    """The records of a call, in the order in which the PBX wrote them."""
    return await reader.all(
        "SELECT * FROM cdr WHERE call_id = :call_id ORDER BY ended_at, sequence", call_id=call_id
    )


async def strays(reader: Reader, limit: int, before: Row | None = None) -> list[Row]:
    """The newest records that match no call, or those that come after one of them."""
    beyond, facts = "", {}
    if before is not None:
        facts = {name: before[name] for name in ("read_at", "node", "uniqueid", "sequence")}
        beyond = (
            " AND (read_at, node, uniqueid, sequence) < (:read_at, :node, :uniqueid, :sequence)"
        )
    return await reader.all(
        f"SELECT * FROM cdr WHERE call_id IS NULL{beyond}"
        " ORDER BY read_at DESC, node DESC, uniqueid DESC, sequence DESC LIMIT :limit",
        limit=limit, **facts,
    )  # fmt: skip


async def pages_of_strays(reader: Reader) -> AsyncIterator[list[Row]]:
    """All of them, the newest first."""
    before = None
    while rows := await strays(reader, STRAYS_PER_READ, before):
        yield rows
        before = rows[-1]


async def buried(reader: Reader, limit: int) -> list[Row]:
    """The newest input that could not be read."""
    return await reader.all("SELECT * FROM dead_letter ORDER BY at DESC LIMIT :limit", limit=limit)
