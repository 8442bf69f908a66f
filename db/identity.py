"""Who a customer is, as it says, and what came of the check of that."""

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from db.base import Table
from db.columns import instant, one_of, partial, text
from db.connection import Conn, Reader, Row, insert
from db.ids import last_id, new_id

ROWS_PER_READ = 500
OPEN = "status = 'submitted'"
KEPT = "decided_at IS NOT NULL AND documents_deleted_at IS NULL"
"""Decided, and its documents are still there."""


class CheckStatus(StrEnum):
    """A check is decided once; who is rejected may hand in another one."""

    submitted = "submitted"
    approved = "approved"
    rejected = "rejected"


class IdentityCheck(Table, table=True):
    """What an account handed in. `form_sealed` is a JSON object, sealed; its documents are stored
    files with the check as their subject; `note` says why it was rejected."""

    __tablename__ = "identity_check"
    __table_args__ = (
        one_of("status", CheckStatus),
        Index("ix_identity_check_queue", "status", "id"),
        Index("ix_identity_check_account", "account_id", "id"),
        partial("ix_identity_check_open", "account_id", where=OPEN, unique=True),
        partial("ix_identity_check_kept", "decided_at", where=KEPT),
    )

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id")
    status: str
    form_sealed: str = text()
    submitted_by: str
    submitted_at: int = instant()
    decided_by: str | None = None
    decided_at: int | None = instant(default=None)
    note: str = text(default="")
    documents_deleted_at: int | None = instant(default=None)


def add(conn: Conn, now: int, **facts: Any) -> str:
    """Insert a check that waits to be decided; its id."""
    check_id = new_id("kyc")
    insert(conn, "identity_check", id=check_id, status=CheckStatus.submitted, submitted_at=now,
           note="", **facts)  # fmt: skip
    return check_id


def open_of(conn: Conn, account_id: str) -> Row | None:
    """The check of an account that waits."""
    return conn.one(
        f"SELECT * FROM identity_check WHERE account_id = :id AND {OPEN}", id=account_id
    )


def by_id(conn: Conn, check_id: str) -> Row | None:
    """The check of that id."""
    return conn.one("SELECT * FROM identity_check WHERE id = :id", id=check_id)


def decided_before(conn: Conn, before: int, limit: int) -> list[Row]:
    """Checks that were decided before an instant and still have their documents, the oldest
    first."""
    return conn.all(
        f"SELECT * FROM identity_check WHERE {KEPT} AND decided_at < :before"
        " ORDER BY decided_at LIMIT :limit",
        before=before, limit=limit,
    )  # fmt: skip


def forget_documents(conn: Conn, check_id: str, now: int) -> None:
    """Note that the documents of a check are gone."""
    sql = "UPDATE identity_check SET documents_deleted_at = :now WHERE id = :id"
    conn.run(sql, id=check_id, now=now)


def decide(
    conn: Conn, check_id: str, status: CheckStatus, decided_by: str, note: str, now: int
) -> bool:
    """Approve or reject a check that waits; False if it does not."""
    return bool(
        conn.run(
            "UPDATE identity_check SET status = :status, decided_by = :decided_by, note = :note,"
            f" decided_at = :now WHERE id = :id AND {OPEN}",
            id=check_id, status=status, decided_by=decided_by, note=note, now=now,
        )
    )  # fmt: skip


async def last_of(reader: Reader, account_id: str, limit: int) -> list[Row]:
    """The checks of an account, the newest first."""
    return await reader.all(
        "SELECT * FROM identity_check WHERE account_id = :id ORDER BY id DESC LIMIT :limit",
        id=account_id, limit=limit,
    )  # fmt: skip


async def one(reader: Reader, check_id: str) -> Row | None:
    """A check with the name of its account."""
    return await reader.one(
        "SELECT c.*, a.name AS account FROM identity_check c JOIN account a ON a.id = c.account_id"
        " WHERE c.id = :id",
        id=check_id,
    )


async def page(
    reader: Reader, status: str, limit: int, cursor: str | None = None
) -> list[Row]:  # fmt: skip
    """Checks with the names of their accounts: those that wait by age, decided ones the newest
    first."""
    waits = status == CheckStatus.submitted
    beyond, order = ("c.id > :cursor", "ASC") if waits else ("c.id < :cursor", "DESC")
    return await reader.all(
        "SELECT c.*, a.name AS account FROM identity_check c JOIN account a ON a.id = c.account_id"
        f" WHERE c.status = :status AND {beyond} ORDER BY c.id {order} LIMIT :limit",
        status=status, limit=limit, cursor=cursor or ("" if waits else last_id("kyc")),
    )  # fmt: skip


async def pages(reader: Reader, status: str) -> AsyncIterator[list[Row]]:
    """All of them, a bounded number at a time."""
    cursor = None
    while rows := await page(reader, status, ROWS_PER_READ, cursor):
        yield rows
        cursor = rows[-1]["id"]
