"""How many messages went somewhere in a minute or an hour, against the limits of the platform."""

from collections.abc import Mapping, Sequence

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


Window = tuple[str, int]
"""Subject, and the beginning of its minute or hour."""


def count(conn: Conn, messages: Mapping[Window, int]) -> dict[Window, int]:
    """Count so many more in each window; how many there are then. The rows stay locked until the
    transaction ends."""
    rows = conn.insert_all(
        "sms_velocity",
        [
            {"subject": subject, "started_at": at, "messages": more}
            for (subject, at), more in sorted(messages.items())
        ],
        "ON CONFLICT (subject, started_at) DO UPDATE SET"
        " messages = sms_velocity.messages + excluded.messages"
        " RETURNING subject, started_at, messages",
    )
    return {(row["subject"], row["started_at"]): row["messages"] for row in rows}


def take_back(conn: Conn, messages: Mapping[Window, int]) -> None:
    """Count so many less."""
    conn.many(
        "UPDATE sms_velocity SET messages = messages - :less"
        " WHERE subject = :subject AND started_at = :at",
        [
            {"subject": subject, "at": at, "less": less}
            for (subject, at), less in sorted(messages.items())
        ],
    )


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
