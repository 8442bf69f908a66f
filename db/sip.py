"""SIP accounts, what every PBX node knows of them, and the phones that are registered."""

from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from db.base import Table
from db.columns import instant, one_of, text
from db.connection import Conn, Reader, Row, insert_new
from db.ids import new_id
from db.lists import like
from db.sip_nodes import every_node_is_behind, progress


class SipAccount(Table, table=True):
    """A phone's account. The digests are sealed; the secret itself is nowhere. `dial_mode` is
    the mode of the calls that the phone dials; calls of the API have their key's mode. Lists
    (`codecs`, `transports`, `cidrs`) are separated by commas. One that is deleted keeps its row
    until every PBX node has forgotten it."""

    __tablename__ = "sip_account"
    __table_args__ = (
        one_of("status", ("active", "suspended")),
        one_of("dial_mode", ("live", "test")),
        UniqueConstraint("username"),
        Index("ix_sip_account_short", "account_id", "short_number", unique=True),
    )

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id", index=True)
    username: str
    digests_sealed: str = text()
    caller_id: str
    status: str = "active"
    dial_mode: str
    label: str = ""
    short_number: str | None = None
    codecs: str = "ulaw,alaw"
    transports: str = "udp,tcp,tls,wss"
    media: str = "rtp"
    max_contacts: int = 5
    nat: bool = True
    cidrs: str = ""
    record: str = ""
    generation: int = 1
    created_at: int = instant()
    deleted_at: int | None = instant(default=None)


def add(conn: Conn, /, **facts: Any) -> str | None:
    """Insert a SIP account; its id, or None where the name or short number is taken."""
    sip_id = new_id("sip")
    row = {"id": sip_id, "status": "active", "generation": 1, **facts}
    if not insert_new(conn, "sip_account", **row):
        return None
    every_node_is_behind(conn, "id", sip_id, facts["created_at"])
    return sip_id


def by_username(conn: Conn, username: str) -> Row | None:
    """The SIP account of that name, whoever owns it."""
    return conn.one(
        "SELECT * FROM sip_account WHERE username = :username AND deleted_at IS NULL",
        username=username,
    )


def taken(conn: Conn, username: str) -> bool:
    """True while the name is in use, or some PBX node still knows it."""
    sql = "SELECT 1 AS yes FROM sip_account WHERE username = :username"
    return conn.one(sql, username=username) is not None


def by_short_number(conn: Conn, account_id: str, number: str) -> Row | None:
    """The account's SIP account of that short number."""
    return conn.one(
        "SELECT * FROM sip_account WHERE account_id = :account_id AND short_number = :number"
        " AND deleted_at IS NULL",
        account_id=account_id, number=number,
    )  # fmt: skip


def of_account(conn: Conn, account_id: str) -> list[Row]:
    """The account's SIP accounts, oldest first."""
    return conn.all(
        "SELECT * FROM sip_account WHERE account_id = :id AND deleted_at IS NULL ORDER BY id",
        id=account_id,
    )


def named(conn: Conn, account_id: str, name: str | None) -> Row | None:
    """The account's SIP account of that username or id; without a name its first one."""
    return conn.one(f"{_NAMED} ORDER BY id LIMIT 1", account_id=account_id, name=name)


def calling(conn: Conn, account_id: str, name: str | None) -> Row | None:
    """The account's SIP account that calls by that username or caller id, an active one before a
    suspended one; without a name its first one."""
    return conn.one(
        "SELECT * FROM sip_account WHERE account_id = :account_id AND deleted_at IS NULL"
        " AND COALESCE(:name, username) IN (username, caller_id) ORDER BY status, id LIMIT 1",
        account_id=account_id, name=name,
    )  # fmt: skip


async def find(reader: Reader, account_id: str, name: str) -> Row | None:
    """The account's SIP account of that username or id."""
    return await reader.one(_NAMED, account_id=account_id, name=name)


async def by_id(reader: Reader, sip_id: str) -> Row | None:
    """The SIP account of that id, whoever owns it."""
    sql = "SELECT * FROM sip_account WHERE id = :id AND deleted_at IS NULL"
    return await reader.one(sql, id=sip_id)


_NAMED = (
    "SELECT * FROM sip_account WHERE account_id = :account_id AND deleted_at IS NULL"
    " AND COALESCE(:name, username) IN (username, id)"
)


def count(conn: Conn, account_id: str) -> int:
    """How many SIP accounts an account has, once nobody else adds one."""
    conn.lock(f"sip_accounts:{account_id}")
    sql = "SELECT COUNT(*) AS n FROM sip_account WHERE account_id = :id AND deleted_at IS NULL"
    row = conn.one(sql, id=account_id)
    return int(row["n"]) if row else 0


def change(conn: Conn, sip_id: str, now: int, /, **facts: Any) -> Row:
    """Set columns and raise the generation, so that every node is told again; the new row."""
    sets = "".join(f"{column} = :{column}, " for column in facts)
    row = conn.one(
        f"UPDATE sip_account SET {sets}generation = generation + 1 WHERE id = :id RETURNING *",
        id=sip_id, **facts,
    )  # fmt: skip
    assert row is not None, sip_id
    every_node_is_behind(conn, "id", sip_id, now)
    return row


def renew(conn: Conn, account_id: str, now: int) -> None:
    """Let every node look again at all SIP accounts of an account."""
    sql = "UPDATE sip_account SET generation = generation + 1 WHERE account_id = :id"
    conn.run(sql, id=account_id)
    every_node_is_behind(conn, "account_id", account_id, now)


async def exists(reader: Reader, username: str) -> bool:
    """False once every PBX node has forgotten a deleted account of that name."""
    sql = "SELECT 1 AS yes FROM sip_account WHERE username = :username"
    return await reader.one(sql, username=username) is not None


async def with_state(reader: Reader, rows: list[Row]) -> list[Row]:
    """The SIP accounts, each with its `contacts`, oldest first, and its `done` of `nodes`."""
    ids = [row["id"] for row in rows]
    done, nodes = await progress(reader, ids)
    contacts = await reader.all(
        "SELECT * FROM sip_contact WHERE sip_account_id IN :ids ORDER BY registered_at", ids=ids
    )
    return [
        row
        | {"done": done.get(row["id"], 0), "nodes": nodes}
        | {"contacts": [each for each in contacts if each["sip_account_id"] == row["id"]]}
        for row in rows
    ]


async def page(
    reader: Reader, account_id: str, *, limit: int, offset: int, cursor: str | None,
    search: str | None,
) -> list[Row]:  # fmt: skip
    """The account's SIP accounts, newest first; `search` is a part of any name or number."""
    older = "" if cursor is None else " AND id < :cursor"
    return await reader.all(
        f"SELECT * FROM sip_account WHERE {_FOUND}{older}"
        " ORDER BY id DESC LIMIT :limit OFFSET :offset",
        id=account_id, search=like(search or ""), limit=limit, offset=offset,
        **({} if cursor is None else {"cursor": cursor}),
    )  # fmt: skip


async def found(reader: Reader, account_id: str, search: str | None) -> int:
    """How many SIP accounts the search finds on all pages."""
    sql = f"SELECT COUNT(*) AS total FROM sip_account WHERE {_FOUND}"
    row = await reader.one(sql, id=account_id, search=like(search or ""))
    return int(row["total"]) if row else 0


_FOUND = (
    "account_id = :id AND deleted_at IS NULL AND LOWER(username || ' ' || label || ' '"
    " || caller_id || ' ' || COALESCE(short_number, '')) LIKE :search ESCAPE '\\'"
)


async def known(reader: Reader, names: list[str]) -> set[str]:
    """Those of the names that are SIP accounts."""
    rows = await reader.all(
        "SELECT username FROM sip_account WHERE username IN :names", names=names
    )
    return {row["username"] for row in rows}
