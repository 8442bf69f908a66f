"""Carriers, and which of them reaches which prefix."""

from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from db.base import Table
from db.columns import instant, one_of, text
from db.connection import Conn, Reader, Row, insert_new
from db.ids import new_id
from db.numbers import LAST

Place = tuple[str, int, str]
"""Of a route in their order: prefix, priority, id of its trunk."""


class Trunk(Table, table=True):
    """A carrier's SIP peer. Without a user name it is known by its address alone; `cidrs` are
    further networks that its calls come from. `caller_id_format` is how it wants numbers;
    `capacity` the calls that it takes at once, None: any number."""

    __table_args__ = (
        one_of("status", ("active", "disabled")),
        one_of("transport", ("udp", "tcp", "tls")),
        one_of("caller_id_format", ("e164", "digits", "national")),
    )

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    host: str
    port: int
    transport: str
    username: str = ""
    secret_sealed: str = text(default="")
    registers: bool = False
    codecs: str
    caller_id_format: str
    cidrs: str = ""
    capacity: int | None = None
    status: str
    created_at: int = instant()


class TrunkRoute(Table, table=True):
    """Numbers that begin with `prefix` (digits; empty: all) go to the trunk: lower `priority`
    first, among equals by `weight`. `strip` digits are taken off and `prepend` is put before."""

    __tablename__ = "trunk_route"
    __table_args__ = (
        Index("ix_trunk_route_order", "prefix", "priority", "trunk_id"),
        Index("ix_trunk_route_trunk", "trunk_id", "prefix", "priority"),
    )

    prefix: str = Field(primary_key=True)
    trunk_id: str = Field(primary_key=True, foreign_key="trunk.id")
    priority: int
    weight: int
    strip: int = 0
    prepend: str = ""


def add(conn: Conn, **facts: Any) -> bool:
    """Insert a trunk; False if there is one of that name."""
    return insert_new(conn, "trunk", id=new_id("trk"), status="active", **facts)


def named(conn: Conn, name: str) -> Row | None:
    """The trunk of that name."""
    return conn.one("SELECT * FROM trunk WHERE name = :name", name=name)


async def find(reader: Reader, name: str) -> Row | None:
    """The same, for a door."""
    return await reader.one("SELECT * FROM trunk WHERE name = :name", name=name)


async def every(reader: Reader) -> list[Row]:
    """Every trunk, by name."""
    return await reader.all("SELECT * FROM trunk ORDER BY name")


def listed(conn: Conn) -> list[Row]:
    """Every trunk, by name, in a transaction."""
    return conn.all("SELECT * FROM trunk ORDER BY name")


def change(conn: Conn, trunk_id: str, **facts: Any) -> None:
    """Set columns of a trunk."""
    sets = ", ".join(f"{column} = :{column}" for column in facts)
    conn.run(f"UPDATE trunk SET {sets} WHERE id = :id", id=trunk_id, **facts)


def remove(conn: Conn, trunk_id: str) -> None:
    """Delete a trunk with its routes."""
    conn.run("DELETE FROM trunk_route WHERE trunk_id = :id", id=trunk_id)
    conn.run("DELETE FROM trunk WHERE id = :id", id=trunk_id)


def put_route(conn: Conn, **facts: Any) -> None:
    """Lead a prefix to a trunk; doing it again replaces the rule."""
    conn.run(
        "INSERT INTO trunk_route (prefix, trunk_id, priority, weight, strip, prepend)"
        " VALUES (:prefix, :trunk_id, :priority, :weight, :strip, :prepend)"
        " ON CONFLICT (prefix, trunk_id) DO UPDATE SET priority = excluded.priority,"
        " weight = excluded.weight, strip = excluded.strip, prepend = excluded.prepend",
        **facts,
    )


def route_of(conn: Conn, prefix: str, trunk_id: str) -> Row | None:
    """How a prefix leads to a trunk, None if it does not."""
    return conn.one(
        "SELECT priority, weight, strip, prepend FROM trunk_route"
        " WHERE prefix = :prefix AND trunk_id = :trunk_id",
        prefix=prefix, trunk_id=trunk_id,
    )  # fmt: skip


def drop_route(conn: Conn, prefix: str, trunk_id: str) -> bool:
    """Lead a prefix there no longer; False if it was not."""
    sql = "DELETE FROM trunk_route WHERE prefix = :prefix AND trunk_id = :trunk_id"
    return bool(conn.run(sql, prefix=prefix, trunk_id=trunk_id))


def routes(conn: Conn) -> list[Row]:
    """Every route with the name of its trunk, in the order of the table."""
    return conn.all(
        "SELECT r.*, t.name FROM trunk_route r JOIN trunk t ON t.id = r.trunk_id"
        " ORDER BY r.prefix, r.priority, t.name"
    )


async def page_of_routes(
    reader: Reader, *, limit: int, digits: str = "", trunk_id: str | None = None,
    after: Place | None = None,
) -> list[Row]:  # fmt: skip
    """Routes with the name of their trunk, by prefix and priority, behind a place in that order:
    those of numbers that begin with the digits, whether their prefix is shorter or longer; of one
    trunk, or of all."""
    wheres, at = ["1 = 1"], after or ("", 0, "")
    if digits:
        wheres = ["(r.prefix IN :shorter OR (r.prefix >= :digits AND r.prefix <= :longest))"]
    if trunk_id is not None:
        wheres.append("r.trunk_id = :trunk_id")
    if after:
        wheres.append("(r.prefix, r.priority, r.trunk_id) > (:prefix, :priority, :behind)")
    return await reader.all(
        "SELECT r.*, t.name FROM trunk_route r JOIN trunk t ON t.id = r.trunk_id"
        f" WHERE {' AND '.join(wheres)} ORDER BY r.prefix, r.priority, r.trunk_id LIMIT :limit",
        shorter=[digits[:end] for end in range(len(digits))], digits=digits,
        longest=f"{digits}{LAST}", trunk_id=trunk_id, prefix=at[0], priority=at[1], behind=at[2],
        limit=limit,
    )  # fmt: skip


def candidates(conn: Conn, prefixes: list[str]) -> list[Row]:
    """Routes of these prefixes to trunks in service; `down` where the last probe says so."""
    return conn.all(
        "SELECT r.prefix, r.priority, r.weight, r.strip, r.prepend, t.name, t.capacity,"
        " t.caller_id_format, COALESCE(c.status = 'outage', FALSE) AS down FROM trunk_route r"
        " JOIN trunk t ON t.id = r.trunk_id LEFT JOIN component c ON c.name = 'trunk:' || t.name"
        " WHERE r.prefix IN :prefixes AND t.status = 'active'",
        prefixes=prefixes,
    )


def calls_of(conn: Conn, name: str) -> int:
    """How many calls the trunk has open, or will have once they are placed."""
    row = conn.one(
        "SELECT COUNT(*) AS open FROM call WHERE trunk = :name"
        " AND status IN ('queued', 'dialing', 'ringing', 'answered')",
        name=name,
    )
    return int(row["open"]) if row else 0
