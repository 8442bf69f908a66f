"""What an account has set, or may do, as a sender of messages."""

from collections.abc import Collection
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field

from db.base import Table
from db.columns import instant, one_of, text, valid_mode
from db.connection import Conn, Reader, Row, insert_new


class SmsAccount(Table, table=True):
    """An account without a row has none of these. `smart_encoding` is what a message gets that
    does not say; the limits count messages."""

    __tablename__ = "sms_account"

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    default_sender: str = ""
    smart_encoding: bool | None = None
    per_minute: int | None = None
    per_second: int | None = None


class SenderStatus(StrEnum):
    """Only an approved sender id may be used."""

    requested = "requested"
    approved = "approved"
    refused = "refused"


class SenderId(Table, table=True):
    """A name or short code that an account asked to send by; its numbers need none."""

    __tablename__ = "sender_id"
    __table_args__ = (
        one_of("status", SenderStatus),
        Index("ix_sender_id_queue", "status", "requested_at", "account_id", "sender"),
    )

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    sender: str = Field(primary_key=True)
    status: str
    note: str = text(default="")
    requested_at: int = instant()
    decided_at: int | None = instant(default=None)


class OptOut(Table, table=True):
    """A recipient who wants nothing more from one sender of an account."""

    __tablename__ = "sms_opt_out"
    __table_args__ = (valid_mode(),)

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    mode: str = Field(primary_key=True)
    sender: str = Field(primary_key=True)
    recipient: str = Field(primary_key=True)
    keyword: str
    at: int = instant()


_OWN = "account_id = :account_id AND mode = :mode"
_SENDERS = "SELECT * FROM sender_id WHERE account_id = :id ORDER BY sender"


def settings_of(conn: Conn, account_id: str) -> Row | None:
    """The row of an account, if it has one."""
    return conn.one("SELECT * FROM sms_account WHERE account_id = :id", id=account_id)


async def default_sender(reader: Reader, account_id: str) -> str:
    """What messages of an account show that name no sender; empty: what the platform chooses."""
    row = await reader.one(
        "SELECT default_sender FROM sms_account WHERE account_id = :id", id=account_id
    )
    return str(row["default_sender"]) if row else ""


def change(conn: Conn, account_id: str, **facts: object) -> None:
    """Set columns of an account's row."""
    insert_new(conn, "sms_account", account_id=account_id, default_sender="")
    sets = ", ".join(f"{column} = :{column}" for column in facts)
    conn.run(f"UPDATE sms_account SET {sets} WHERE account_id = :id", id=account_id, **facts)


def request_sender(conn: Conn, account_id: str, sender: str, now: int) -> None:
    """Ask for a sender id, also for one that was refused before; an approved one stays so."""
    conn.run(
        "INSERT INTO sender_id (account_id, sender, status, note, requested_at)"
        " VALUES (:account_id, :sender, 'requested', '', :now)"
        " ON CONFLICT (account_id, sender) DO UPDATE SET status = 'requested',"
        " note = '', decided_at = NULL, requested_at = excluded.requested_at"
        " WHERE sender_id.status = 'refused'",
        account_id=account_id, sender=sender, now=now,
    )  # fmt: skip


def decide_sender(
    conn: Conn, account_id: str, sender: str, status: SenderStatus, note: str, now: int
) -> bool:
    """Approve or refuse a sender id; False if it was never asked for."""
    return bool(
        conn.run(
            "UPDATE sender_id SET status = :status, note = :note, decided_at = :now"
            " WHERE account_id = :account_id AND sender = :sender",
            account_id=account_id, sender=sender, status=status, note=note, now=now,
        )
    )  # fmt: skip


def sender_status(conn: Conn, account_id: str, sender: str) -> str | None:
    """What became of a request for a sender id, None without one."""
    row = conn.one(
        "SELECT status FROM sender_id WHERE account_id = :account_id AND sender = :sender",
        account_id=account_id, sender=sender,
    )  # fmt: skip
    return str(row["status"]) if row else None


def senders(conn: Conn, account_id: str) -> list[Row]:
    """Every sender id that an account asked for."""
    return conn.all(_SENDERS, id=account_id)


async def senders_of(reader: Reader, account_id: str) -> list[Row]:
    """The same, for a door."""
    return await reader.all(_SENDERS, id=account_id)


async def sender_queue(
    reader: Reader, status: str, limit: int, after: tuple[int, str, str] = (0, "", "")
) -> list[Row]:  # fmt: skip
    """Sender ids of all accounts in the order in which they were asked for, with the names of the
    accounts; those that follow (requested_at, account_id, sender)."""
    return await reader.all(
        "SELECT s.*, a.name AS account FROM sender_id s JOIN account a ON a.id = s.account_id"
        " WHERE s.status = :status AND (s.requested_at, s.account_id, s.sender)"
        " > (:at, :account_id, :sender)"
        " ORDER BY s.requested_at, s.account_id, s.sender LIMIT :limit",
        status=status, limit=limit, at=after[0], account_id=after[1], sender=after[2],
    )  # fmt: skip


def drop_sender(conn: Conn, account_id: str, sender: str) -> bool:
    """Delete a sender id, also as the default; False if it was never asked for."""
    conn.run(
        "UPDATE sms_account SET default_sender = '' WHERE account_id = :account_id"
        " AND default_sender = :sender",
        account_id=account_id, sender=sender,
    )  # fmt: skip
    return bool(
        conn.run(
            "DELETE FROM sender_id WHERE account_id = :account_id AND sender = :sender",
            account_id=account_id, sender=sender,
        )
    )  # fmt: skip


def opt_out(
    conn: Conn, account_id: str, mode: str, sender: str, recipient: str, keyword: str, now: int
) -> None:
    """Note that a recipient wants no more; saying it twice changes nothing."""
    insert_new(conn, "sms_opt_out", account_id=account_id, mode=mode, sender=sender,
               recipient=recipient, keyword=keyword, at=now)  # fmt: skip


def opt_in(conn: Conn, account_id: str, mode: str, sender: str, recipient: str) -> None:
    """Forget an opt-out."""
    conn.run(
        "DELETE FROM sms_opt_out WHERE account_id = :account_id AND mode = :mode"
        " AND sender = :sender AND recipient = :recipient",
        account_id=account_id, mode=mode, sender=sender, recipient=recipient,
    )  # fmt: skip


def opted_out(conn: Conn, account_id: str, mode: str, sender: str, recipient: str) -> bool:
    """True if the recipient wants nothing from this sender of the account."""
    return bool(opted_out_of(conn, account_id, mode, [sender], [recipient]))


def opted_out_of(
    conn: Conn, account_id: str, mode: str, senders: Collection[str], recipients: Collection[str]
) -> set[tuple[str, str]]:
    """Which of the recipients want nothing from which of these senders of the account."""
    rows = conn.all(
        "SELECT sender, recipient FROM sms_opt_out WHERE account_id = :account_id"
        " AND mode = :mode AND sender IN :senders AND recipient IN :recipients",
        account_id=account_id, mode=mode, senders=senders, recipients=recipients,
    )  # fmt: skip
    return {(row["sender"], row["recipient"]) for row in rows}


async def opt_out_senders(reader: Reader, account_id: str, mode: str) -> list[str]:
    """Every sender that somebody does not want to hear of; each is found by a step in the key,
    however many recipients it has."""
    rows = await reader.all(
        "WITH RECURSIVE step(sender) AS (SELECT MIN(sender) FROM sms_opt_out"
        f" WHERE {_OWN} UNION ALL SELECT (SELECT MIN(o.sender) FROM sms_opt_out o"
        f" WHERE {_OWN} AND o.sender > step.sender) FROM step WHERE step.sender IS NOT NULL)"
        " SELECT sender FROM step WHERE sender IS NOT NULL",
        account_id=account_id, mode=mode,
    )  # fmt: skip
    return [row["sender"] for row in rows]


async def opt_outs(
    reader: Reader, account_id: str, mode: str, sender: str | None, after: tuple[str, str],
    limit: int,
) -> list[Row]:  # fmt: skip
    """Who wants nothing from one sender or from any, in the order of (sender, recipient) from
    behind a place."""
    behind = "sender = :sender AND recipient > :behind"
    if sender is None:
        behind = "(sender, recipient) > (:sender, :behind)"
    return await reader.all(
        f"SELECT * FROM sms_opt_out WHERE {_OWN} AND {behind}"
        " ORDER BY sender, recipient LIMIT :limit",
        account_id=account_id, mode=mode, sender=after[0] if sender is None else sender,
        behind=after[1], limit=limit,
    )  # fmt: skip


async def opt_outs_of(
    reader: Reader, account_id: str, mode: str, senders: Collection[str], recipient: str
) -> list[Row]:
    """From which of these senders one recipient wants nothing."""
    return await reader.all(
        f"SELECT * FROM sms_opt_out WHERE {_OWN} AND sender IN :senders"
        " AND recipient = :recipient ORDER BY sender",
        account_id=account_id, mode=mode, senders=senders or [""], recipient=recipient,
    )  # fmt: skip
