"""How many messages went somewhere in a minute or an hour, against the limits of the platform."""

from collections.abc import Sequence

from sqlalchemy import Index
from sqlmodel import Field

from db.base import Table
from db.columns import instant
from db.connection import Conn


class SmsVelocity(Table, table=True):
    """Messages to one subject since `started_at`, the beginning of a minute or hour."""

    __tablename__ = "sms_velocity"
    __table_args__ = (Index("ix_sms_velocity_age", "started_at"),)

    subject: str = Field(primary_key=True)
    started_at: int = instant(primary_key=True)
    messages: int


def count(conn: Conn, subject: str, started_at: int) -> int:
    """Count one more; how many there are. The row stays locked until the transaction ends."""
    row = conn.one(
        "INSERT INTO sms_velocity (subject, started_at, messages) VALUES (:subject, :at, 1)"
        " ON CONFLICT (subject, started_at) DO UPDATE SET messages = sms_velocity.messages + 1"
        " RETURNING messages",
        subject=subject, at=started_at,
    )  # fmt: skip
    return int(row["messages"]) if row else 0


def forget(conn: Conn, before: int) -> None:
    """Drop what began before an instant."""
    conn.run("DELETE FROM sms_velocity WHERE started_at < :before", before=before)


def redact(
    conn: Conn, table: str, bound: str, limit: int, statuses: Sequence[str] = ()
) -> list[str]:
    """Empty the bodies of rows with an id below a bound, at most `limit`; their ids."""
    ended = "status IN ({}) AND ".format(", ".join(f"'{one}'" for one in statuses))
    rows = conn.all(
        f"UPDATE {table} SET body = '' WHERE id IN (SELECT id FROM {table}"
        f" WHERE {ended if statuses else ''}body <> '' AND id < :bound ORDER BY id LIMIT :limit)"
        " RETURNING id",
        bound=bound, limit=limit,
    )  # fmt: skip
    return [row["id"] for row in rows]
