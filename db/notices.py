"""What the platform did of its own accord, until somebody of the account has seen it."""

from sqlmodel import Field

from db.base import Table
from db.columns import instant, partial, text, valid_mode
from db.connection import Conn, Reader, Row, insert
from db.ids import first_id, new_id

PREFIX = "ntc"


class AccountNotice(Table, table=True):
    """A sentence about `subject`, an id of the account's."""

    __tablename__ = "account_notice"
    __table_args__ = (
        valid_mode(),
        partial("ix_account_notice_unseen", "account_id", "mode", "id", where="seen_at IS NULL"),
    )

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id")
    mode: str
    kind: str
    subject: str
    text: str = text()
    created_at: int = instant()
    seen_at: int | None = instant(default=None)


def add(
    conn: Conn, account_id: str, mode: str, kind: str, subject: str, text: str, now: int
) -> None:
    """Tell the account something; it stays until `seen`."""
    insert(conn, "account_notice", id=new_id(PREFIX), account_id=account_id, mode=mode, kind=kind,
           subject=subject, text=text, created_at=now)  # fmt: skip


async def unseen(reader: Reader, account_id: str, mode: str, limit: int) -> list[Row]:
    """What nobody has seen yet, the newest first."""
    return await reader.all(
        "SELECT * FROM account_notice WHERE account_id = :account_id AND mode = :mode"
        " AND seen_at IS NULL ORDER BY id DESC LIMIT :limit",
        account_id=account_id, mode=mode, limit=limit,
    )  # fmt: skip


def seen(conn: Conn, account_id: str, mode: str, subject: str, now: int) -> None:
    """Note that what was told about a subject is known."""
    conn.run(
        "UPDATE account_notice SET seen_at = :now WHERE account_id = :account_id AND mode = :mode"
        " AND seen_at IS NULL AND subject = :subject",
        account_id=account_id, mode=mode, subject=subject, now=now,
    )  # fmt: skip


def forget(conn: Conn, before: int, limit: int) -> None:
    """Forget what was told before an instant, seen or not."""
    conn.run(
        "DELETE FROM account_notice WHERE id IN"
        " (SELECT id FROM account_notice WHERE id < :bound ORDER BY id LIMIT :limit)",
        bound=first_id(PREFIX, max(0, before // 1000)), limit=limit,
    )  # fmt: skip
