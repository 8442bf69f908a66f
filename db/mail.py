"""Mails on their way out."""

from typing import Any

from sqlmodel import Field

from db.base import Table
from db.columns import instant, one_of, partial, text
from db.connection import Conn, Reader, Row, insert
from db.ids import new_id

STATES = ("pending", "sent", "failed")


class Mail(Table, table=True):
    """A mail; its text is sealed, since it may hold a link that lets somebody in, and emptied
    once it is sent or given up."""

    __table_args__ = (
        one_of("state", STATES),
        partial("ix_mail_pending", "next_attempt_at", where="state = 'pending'"),
    )

    id: str = Field(primary_key=True)
    recipient: str
    subject: str
    body_sealed: str = text()
    state: str = "pending"
    attempts: int = 0
    next_attempt_at: int = instant()
    lease_token: str | None = None
    error: str = text(default="")
    created_at: int = instant(index=True)


def add(conn: Conn, now: int, **facts: Any) -> str:
    """Queue a mail; its id."""
    mail_id = new_id("mail")
    times = {"created_at": now, "next_attempt_at": now}
    insert(conn, "mail", id=mail_id, state="pending", attempts=0, error="", **times, **facts)
    return mail_id


async def is_due(reader: Reader, now: int) -> bool:
    """True if a mail waits to be sent. Read beside the writer, once a second."""
    sql = "SELECT id FROM mail WHERE state = 'pending' AND next_attempt_at <= :now LIMIT 1"
    return await reader.one(sql, now=now) is not None


def claim(conn: Conn, token: str, now: int, until: int, limit: int) -> list[Row]:
    """Take mails that are due until `until`; a taker that dies lets them fall due again."""
    return conn.all(
        "UPDATE mail SET lease_token = :token, next_attempt_at = :until,"
        " attempts = attempts + 1 WHERE id IN (SELECT id FROM mail WHERE state = 'pending'"
        f" AND next_attempt_at <= :now ORDER BY next_attempt_at LIMIT :limit {conn.skip_locked})"
        " RETURNING *",
        token=token, now=now, until=until, limit=limit,
    )  # fmt: skip


def ended(conn: Conn, mail_id: str, token: str, state: str, error: str = "") -> None:
    """A mail was sent or given up; its text goes."""
    conn.run(
        "UPDATE mail SET state = :state, error = :error, body_sealed = ''"
        " WHERE id = :id AND lease_token = :token AND state = 'pending'",
        id=mail_id, token=token, state=state, error=error,
    )  # fmt: skip


def again(conn: Conn, mail_id: str, token: str, at: int, error: str) -> None:
    """A mail is to be tried once more."""
    conn.run(
        "UPDATE mail SET next_attempt_at = :at, error = :error"
        " WHERE id = :id AND lease_token = :token AND state = 'pending'",
        id=mail_id, token=token, at=at, error=error,
    )  # fmt: skip


def sweep(conn: Conn, before: int) -> int:
    """Forget mails that are older than that; how many."""
    return conn.run("DELETE FROM mail WHERE created_at < :before", before=before)
