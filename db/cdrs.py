"""Call detail records as the PBX wrote them, and how far its file has been read."""

from typing import Any

from sqlmodel import Field

from db.base import Table
from db.columns import instant, text
from db.connection import Conn, insert, insert_new
from db.ids import new_id


class Cdr(Table, table=True):
    """One record; several may belong to one call, and one without a call is kept as well."""

    node: str = Field(primary_key=True)
    uniqueid: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True)
    linkedid: str = Field(index=True)
    call_id: str | None = Field(default=None, index=True)
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
    at: int = instant()


def add(conn: Conn, **facts: Any) -> bool:
    """Keep a record; False if it was kept before."""
    return insert_new(conn, "cdr", **facts)


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
    """Keep input that could not be read."""
    insert(conn, "dead_letter", id=new_id("dead"), source=source, raw=raw, error=error, at=now)
