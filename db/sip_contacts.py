"""Phones that are registered, as every PBX node last told."""

from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from db.base import Table
from db.columns import instant
from db.connection import Conn, Reader, Row


class SipContact(Table, table=True):
    """A phone that is registered: where it is reached, and since when."""

    __tablename__ = "sip_contact"
    __table_args__ = (Index("ix_sip_contact_expiry", "node", "expires_at"),)

    sip_account_id: str = Field(primary_key=True, foreign_key="sip_account.id")
    node: str = Field(primary_key=True)
    uri: str = Field(primary_key=True)
    user_agent: str = ""
    address: str = ""
    registered_at: int = instant()
    expires_at: int | None = instant(default=None)


def accounts(conn: Conn, names: list[str]) -> list[Row]:
    """The SIP accounts of these names, once no other node changes what is registered."""
    conn.lock("sip_contacts")
    return conn.all(
        "SELECT id, username, account_id, dial_mode FROM sip_account"
        " WHERE username IN :names AND deleted_at IS NULL",
        names=names,
    )


def of_accounts(conn: Conn, ids: list[str]) -> list[Row]:
    """The contacts of SIP accounts, on every node."""
    return conn.all("SELECT * FROM sip_contact WHERE sip_account_id IN :ids", ids=ids)


def registered(conn: Conn, username: str, node: str, now: int) -> bool:
    """Whether a phone of that user name is registered on the node, as far as it has told."""
    return bool(
        conn.one(
            "SELECT 1 AS yes FROM sip_account s JOIN sip_contact c ON c.sip_account_id = s.id"
            " WHERE s.username = :username AND s.deleted_at IS NULL AND c.node = :node"
            " AND COALESCE(c.expires_at, :now) >= :now LIMIT 1",
            username=username, node=node, now=now,
        )
    )  # fmt: skip


def put(conn: Conn, **facts: Any) -> None:
    """Write a contact; one that is there keeps the instant since when it is."""
    conn.run(
        "INSERT INTO sip_contact"
        " (sip_account_id, node, uri, user_agent, address, registered_at, expires_at) VALUES"
        " (:sip_account_id, :node, :uri, :user_agent, :address, :registered_at, :expires_at)"
        " ON CONFLICT (sip_account_id, node, uri) DO UPDATE SET user_agent = excluded.user_agent,"
        " address = excluded.address, expires_at = excluded.expires_at",
        **facts,
    )


def remove(conn: Conn, sip_id: str, node: str, uri: str) -> None:
    """Forget a contact."""
    conn.run(
        "DELETE FROM sip_contact WHERE sip_account_id = :sip_id AND node = :node AND uri = :uri",
        sip_id=sip_id, node=node, uri=uri,
    )  # fmt: skip


async def expired(reader: Reader, node: str, now: int, limit: int) -> list[str]:
    """User names of phones on the node that should have registered again by now."""
    rows = await reader.all(
        "SELECT s.username FROM sip_contact c JOIN sip_account s ON s.id = c.sip_account_id"
        " WHERE c.node = :node AND c.expires_at < :now ORDER BY c.expires_at LIMIT :limit",
        node=node, now=now, limit=limit,
    )  # fmt: skip
    return [row["username"] for row in rows]


async def batch(reader: Reader, node: str, after: str, limit: int) -> list[Row]:
    """Contacts on the node with their `username`, in the order of accounts, after an id. Of the
    last account some may be missing."""
    return await reader.all(
        "SELECT s.username, c.* FROM sip_contact c JOIN sip_account s ON s.id = c.sip_account_id"
        " WHERE c.node = :node AND c.sip_account_id > :after"
        " ORDER BY c.sip_account_id LIMIT :limit",
        node=node, after=after, limit=limit,
    )  # fmt: skip
