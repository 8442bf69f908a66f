"""Accepted parts of messages, and the delivery receipts that settle them."""

from sqlmodel import Field

from db.base import Table
from db.columns import instant, partial, text
from db.connection import Conn, Reader, Row, insert_new


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


def add_parts(conn: Conn, provider: str, named: list[tuple[str, int, str]]) -> None:
    """Note what the provider calls parts: message, part, name. Of a part that is sent again the
    newest name is kept."""
    rows = [
        {"message_id": message_id, "part": part, "provider": provider,
         "provider_message_id": name, "state": "accepted", "error_code": ""}
        for message_id, part, name in named
    ]  # fmt: skip
    conn.insert_all(
        "message_part", rows,
        "ON CONFLICT (message_id, part) DO UPDATE SET provider = excluded.provider,"
        " state = 'accepted', provider_message_id = excluded.provider_message_id",
    )  # fmt: skip


def add_refused(conn: Conn, message_id: str, part: int, provider: str, error_code: str) -> None:
    """Note a part that the provider refused while it took others: the text has a hole."""
    insert_new(
        conn, "message_part", message_id=message_id, part=part, provider=provider,
        provider_message_id="", state="undelivered", error_code=error_code,
    )  # fmt: skip


def parts(conn: Conn, message_ids: list[str]) -> list[Row]:
    """The parts of messages of which something is known, each with how many its message has."""
    return conn.all(
        "SELECT p.*, m.segments FROM message_part p JOIN message m ON m.id = p.message_id"
        " WHERE p.message_id IN :ids ORDER BY p.message_id, p.part",
        ids=message_ids,
    )


def named(conn: Conn, provider: str, names: list[str]) -> set[str]:
    """Those of the names that a part has: one that waits for its receipt, or has had it."""
    rows = conn.all(
        "SELECT provider_message_id FROM message_part WHERE provider = :provider"
        " AND provider_message_id IN :names AND state = 'accepted'"
        " UNION ALL SELECT provider_message_id FROM sms_receipt WHERE provider = :provider"
        " AND provider_message_id IN :names AND matched_at IS NOT NULL",
        provider=provider, names=names or [""],
    )  # fmt: skip
    return {row["provider_message_id"] for row in rows}


def settle_parts(
    conn: Conn, provider: str, names: list[str], state: str, error_code: str
) -> list[Row]:
    """Set the final state of those of the parts that are accepted and wait for it: message_id and
    provider_message_id of each."""
    return conn.all(
        "UPDATE message_part SET state = :state, error_code = :error_code"
        " WHERE provider = :provider AND provider_message_id IN :names"
        " AND state = 'accepted' RETURNING message_id, provider_message_id",
        provider=provider, names=names, state=state, error_code=error_code,
    )  # fmt: skip


def keep_all(conn: Conn, receipts: list[Row]) -> set[tuple[str, str]]:
    """Keep receipts of one provider; name and state of those that were not kept before."""
    more = "ON CONFLICT DO NOTHING RETURNING provider_message_id, state"
    found = conn.insert_all("sms_receipt", receipts, more)
    return {(row["provider_message_id"], row["state"]) for row in found}


def early(conn: Conn, provider: str, names: list[str]) -> list[Row]:
    """Receipts that came before we knew whose they were, in order."""
    return conn.all(
        "SELECT * FROM sms_receipt WHERE provider = :provider"
        " AND provider_message_id IN :names AND matched_at IS NULL ORDER BY received_at",
        provider=provider, names=names or [""],
    )  # fmt: skip


def nameless_receipts(conn: Conn, provider: str, recipient: str) -> list[Row]:
    """Receipts of parts to that number that came before we knew that they have no answer."""
    return conn.all(
        "SELECT * FROM sms_receipt WHERE provider = :provider AND recipient = :recipient"
        " AND reference IS NOT NULL AND matched_at IS NULL ORDER BY received_at LIMIT 100",
        provider=provider, recipient=recipient,
    )  # fmt: skip


def match(conn: Conn, provider: str, names: list[str], state: str, now: int) -> None:
    """Note that receipts found their messages."""
    if names:
        conn.run(
            "UPDATE sms_receipt SET matched_at = :now WHERE provider = :provider"
            " AND provider_message_id IN :names AND state = :state",
            provider=provider, names=names, state=state, now=now,
        )  # fmt: skip


def open_parts(conn: Conn, provider: str) -> list[Row]:
    """Accepted parts of one provider whose receipt is still to come."""
    return conn.all(
        "SELECT p.provider_message_id, m.sent_at FROM message_part p"
        " JOIN message m ON m.id = p.message_id"
        " WHERE p.provider = :provider AND p.state = 'accepted' AND m.status = 'sent'",
        provider=provider,
    )


async def parts_of(reader: Reader, message_id: str) -> list[Row]:
    """The parts of a message that a provider took."""
    return await reader.all(
        "SELECT * FROM message_part WHERE message_id = :id ORDER BY part", id=message_id
    )
