"""SIP accounts, what every PBX node knows of them, and the phones that are registered."""

from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from db.base import Table
from db.columns import instant, one_of, partial, text
from db.connection import Conn, Reader, Row, insert
from db.ids import new_id


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


class SipAccountNode(Table, table=True):
    """The generation of a SIP account that a PBX node was last told; `behind` while that is not
    the newest one."""

    __tablename__ = "sip_account_node"
    __table_args__ = (partial("ix_sip_account_behind", "node", where="behind"),)

    sip_account_id: str = Field(primary_key=True, foreign_key="sip_account.id")
    node: str = Field(primary_key=True)
    generation: int
    behind: bool = False
    applied_at: int = instant()


class SipContact(Table, table=True):
    """A phone that is registered: where it is reached, and since when."""

    __tablename__ = "sip_contact"

    sip_account_id: str = Field(primary_key=True, foreign_key="sip_account.id")
    node: str = Field(primary_key=True)
    uri: str = Field(primary_key=True)
    user_agent: str = ""
    address: str = ""
    registered_at: int = instant()
    expires_at: int | None = instant(default=None)


def add(conn: Conn, **facts: Any) -> str:
    """Insert a SIP account; its id."""
    sip_id = new_id("sip")
    insert(conn, "sip_account", id=sip_id, status="active", generation=1, **facts)
    return sip_id


def by_username(conn: Conn, username: str) -> Row | None:
    """The SIP account of that name, whoever owns it."""
    return conn.one("SELECT * FROM sip_account WHERE username = :username", username=username)


def of_account(conn: Conn, account_id: str) -> list[Row]:
    """The account's SIP accounts, oldest first."""
    return conn.all("SELECT * FROM sip_account WHERE account_id = :id ORDER BY id", id=account_id)


def change(conn: Conn, sip_id: str, **facts: Any) -> Row:
    """Set columns and raise the generation, so that every node is told again; the new row."""
    sets = "".join(f"{column} = :{column}, " for column in facts)
    row = conn.one(
        f"UPDATE sip_account SET {sets}generation = generation + 1 WHERE id = :id RETURNING *",
        id=sip_id, **facts,
    )  # fmt: skip
    assert row is not None, sip_id
    return row


def everyone(conn: Conn) -> list[Row]:
    """Every SIP account; the reconciler's view of the truth."""
    return conn.all("SELECT * FROM sip_account")


def behind(conn: Conn, node: str, limit: int) -> list[Row]:
    """SIP accounts whose newest generation the node has not been told."""
    return conn.all(
        "SELECT s.* FROM sip_account s LEFT JOIN sip_account_node n"
        " ON n.sip_account_id = s.id AND n.node = :node"
        " WHERE n.generation IS NULL OR n.generation < s.generation LIMIT :limit",
        node=node, limit=limit,
    )  # fmt: skip


def applied(conn: Conn, node: str, generations: dict[str, int], now: int) -> None:
    """Note what a node has been told (SIP account id → generation)."""
    conn.many(
        "INSERT INTO sip_account_node (sip_account_id, node, generation, applied_at)"
        " VALUES (:id, :node, :generation, :now) ON CONFLICT (sip_account_id, node)"
        " DO UPDATE SET generation = excluded.generation, applied_at = excluded.applied_at",
        [
            {"id": sip_id, "node": node, "generation": generation, "now": now}
            for sip_id, generation in generations.items()
        ],
    )


async def nodes_applied(reader: Reader, username: str) -> tuple[int, int]:
    """On how many PBX nodes the account's newest generation is in force, and how many nodes
    there are."""
    row = await reader.one(
        "SELECT COUNT(*) AS nodes, COUNT(n.node) AS done FROM sip_account s"
        " JOIN component c ON c.kind = 'pbx' LEFT JOIN sip_account_node n"
        " ON n.sip_account_id = s.id AND n.node = c.name AND n.generation >= s.generation"
        " WHERE s.username = :username",
        username=username,
    )
    return (row["done"], row["nodes"]) if row else (0, 0)
