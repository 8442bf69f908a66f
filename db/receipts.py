"""Accepted parts of messages, and the delivery receipts that settle them."""

from typing import Any

from sqlmodel import Field

from db.base import Table
from db.columns import instant, partial, text
from db.connection import Conn, Row, insert_new


class MessagePart(Table, table=True):
    """One submit_sm that the provider accepted."""

    __tablename__ = "message_part"
    __table_args__ = (
        partial("ix_message_part_open", "provider", "provider_message_id",
                where="state = 'accepted'"),
    )  # fmt: skip

    message_id: str = Field(primary_key=True, foreign_key="message.id")
    part: int = Field(primary_key=True)
    provider: str
    provider_message_id: str
    state: str = "accepted"
    error_code: str = ""


class SmsReceipt(Table, table=True):
    """A delivery receipt as it came; one that came too early waits for its message."""

    __tablename__ = "sms_receipt"
    __table_args__ = (
        partial("ix_sms_receipt_reference", "provider", "recipient",
                where="reference IS NOT NULL AND matched_at IS NULL"),
    )  # fmt: skip

    provider: str = Field(primary_key=True)
    provider_message_id: str = Field(primary_key=True)
    state: str = Field(primary_key=True)
    error_code: str = ""
    raw: str = text(default="")
    received_at: int = instant()
    matched_at: int | None = instant(default=None)
    recipient: str = ""
    reference: int | None = None


def add_part(
    conn: Conn, message_id: str, part: int, provider: str, provider_message_id: str
) -> None:
    """Note what the provider calls one part; sending a part again keeps the newest id."""
    facts = {"provider": provider, "provider_message_id": provider_message_id}
    keys = {"message_id": message_id, "part": part}
    if not insert_new(conn, "message_part", state="accepted", error_code="", **keys, **facts):
        conn.run(
            "UPDATE message_part SET provider = :provider, state = 'accepted',"
            " provider_message_id = :provider_message_id"
            " WHERE message_id = :message_id AND part = :part",
            **keys, **facts,
        )  # fmt: skip


def add_refused(conn: Conn, message_id: str, part: int, provider: str, error_code: str) -> None:
    """Note a part that the provider refused while it took others: the text has a hole."""
    insert_new(
        conn, "message_part", message_id=message_id, part=part, provider=provider,
        provider_message_id="", state="undelivered", error_code=error_code,
    )  # fmt: skip


def parts(conn: Conn, message_id: str) -> list[Row]:
    """The parts of a message of which something is known, each with how many it has."""
    return conn.all(
        "SELECT p.*, m.segments FROM message_part p JOIN message m ON m.id = p.message_id"
        " WHERE p.message_id = :id ORDER BY p.part",
        id=message_id,
    )


def named(conn: Conn, provider: str, provider_message_id: str) -> bool:
    """Whether a part has that id: one that waits for its receipt, or one that has had it."""
    row = conn.one(
        "SELECT 1 FROM message_part WHERE provider = :provider"
        " AND provider_message_id = :provider_message_id AND state = 'accepted'"
        " UNION ALL SELECT 1 FROM sms_receipt WHERE provider = :provider"
        " AND provider_message_id = :provider_message_id AND matched_at IS NOT NULL LIMIT 1",
        provider=provider, provider_message_id=provider_message_id,
    )  # fmt: skip
    return row is not None


def settle_part(
    conn: Conn, provider: str, provider_message_id: str, state: str, error_code: str
) -> Row | None:
    """Set the final state of an accepted part; None if there is none that waits for it."""
    return conn.one(
        "UPDATE message_part SET state = :state, error_code = :error_code"
        " WHERE provider = :provider AND provider_message_id = :provider_message_id"
        " AND state = 'accepted' RETURNING message_id, part",
        provider=provider, provider_message_id=provider_message_id, state=state,
        error_code=error_code,
    )  # fmt: skip


def keep_receipt(conn: Conn, **facts: Any) -> bool:
    """Keep a receipt; False if the same one was kept before."""
    return insert_new(conn, "sms_receipt", **facts)


def early_receipts(conn: Conn, provider: str, provider_message_id: str) -> list[Row]:
    """Receipts that came before we knew whose they were."""
    return conn.all(
        "SELECT * FROM sms_receipt WHERE provider = :provider"
        " AND provider_message_id = :provider_message_id AND matched_at IS NULL",
        provider=provider, provider_message_id=provider_message_id,
    )  # fmt: skip


def nameless_receipts(conn: Conn, provider: str, recipient: str) -> list[Row]:
    """Receipts of parts to that number that came before we knew that they have no answer."""
    return conn.all(
        "SELECT * FROM sms_receipt WHERE provider = :provider AND recipient = :recipient"
        " AND reference IS NOT NULL AND matched_at IS NULL ORDER BY received_at LIMIT 100",
        provider=provider, recipient=recipient,
    )  # fmt: skip


def match_receipt(
    conn: Conn, provider: str, provider_message_id: str, state: str, now: int
) -> None:
    """Note that a receipt found its message."""
    conn.run(
        "UPDATE sms_receipt SET matched_at = :now WHERE provider = :provider"
        " AND provider_message_id = :provider_message_id AND state = :state",
        provider=provider, provider_message_id=provider_message_id, state=state, now=now,
    )  # fmt: skip


def open_parts(conn: Conn, provider: str) -> list[Row]:
    """Accepted parts of one provider whose receipt is still to come."""
    return conn.all(
        "SELECT p.provider_message_id, m.sent_at FROM message_part p"
        " JOIN message m ON m.id = p.message_id"
        " WHERE p.provider = :provider AND p.state = 'accepted' AND m.status = 'sent'",
        provider=provider,
    )
