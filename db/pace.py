"""Turns: calls and messages are spaced out when they are accepted."""

from sqlmodel import Field

from db.base import Table
from db.columns import instant, valid_mode
from db.connection import Conn


class Pace(Table, table=True):
    """When the next call or message of a subject has its turn: the id of an account or API key
    for calls, one with `sms:` before it for messages."""

    __table_args__ = (valid_mode(),)

    subject: str = Field(primary_key=True)
    mode: str = Field(primary_key=True)
    next_at: int = instant()


def next_turn(conn: Conn, subject: str, mode: str, at: int, gap: int, turns: int = 1) -> int:
    """Take the subject's next turns, not before `at`, each `gap` microseconds after the one
    before: the first of them. Whoever else takes one waits until this transaction ends."""
    gap *= turns
    row = conn.one(
        "INSERT INTO pace (subject, mode, next_at) VALUES (:subject, :mode, :at + :gap)"
        " ON CONFLICT (subject, mode) DO UPDATE SET next_at = :gap +"
        " CASE WHEN pace.next_at > :at THEN pace.next_at ELSE :at END"
        " RETURNING next_at",
        subject=subject, mode=mode, at=at, gap=gap,
    )  # fmt: skip
    assert row is not None
    return int(row["next_at"]) - gap
