"""Answers to STOP, START and HELP: their texts, those that are due, and who had one when."""

from sqlalchemy import Index
from sqlmodel import Field

from db.base import Table
from db.columns import instant, text
from db.connection import Conn, Reader, Row, insert


class SmsReply(Table, table=True):
    """What answers a keyword that comes to a number of the account; `number` "": to any."""

    __tablename__ = "sms_reply"

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    number: str = Field(primary_key=True)
    keyword: str = Field(primary_key=True)
    body: str = text()


class SmsReplyDue(Table, table=True):
    """A received message that is to be answered, with what."""

    __tablename__ = "sms_reply_due"

    message_id: str = Field(primary_key=True, foreign_key="sms_inbound.id")
    body: str = text()


class SmsReplied(Table, table=True):
    """When a phone had its last answer from an account."""

    __tablename__ = "sms_replied"
    __table_args__ = (Index("ix_sms_replied_age", "at"),)

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    mode: str = Field(primary_key=True)
    phone: str = Field(primary_key=True)
    at: int = instant()


_SET = "SELECT * FROM sms_reply WHERE account_id = :id AND body <> '' ORDER BY number, keyword"


def put(conn: Conn, account_id: str, number: str, keyword: str, body: str) -> None:
    """Set the text that answers a keyword; "" for none."""
    conn.run(
        "INSERT INTO sms_reply (account_id, number, keyword, body)"
        " VALUES (:account_id, :number, :keyword, :body)"
        " ON CONFLICT (account_id, number, keyword) DO UPDATE SET body = excluded.body",
        account_id=account_id, number=number, keyword=keyword, body=body,
    )  # fmt: skip


def of_account(conn: Conn, account_id: str) -> list[Row]:
    """Every text that an account has set."""
    return conn.all(_SET, id=account_id)


async def texts_of(reader: Reader, account_id: str) -> list[Row]:
    """The same, for a door."""
    return await reader.all(_SET, id=account_id)


def body_for(conn: Conn, account_id: str, number: str, keyword: str) -> str:
    """The text of the number, which may be "", else that of the account; "" without either."""
    row = conn.one(
        "SELECT body FROM sms_reply WHERE account_id = :account_id AND keyword = :keyword"
        " AND number IN :numbers ORDER BY number DESC LIMIT 1",
        account_id=account_id, keyword=keyword, numbers=["", number],
    )  # fmt: skip
    return str(row["body"]) if row else ""


def add_due(conn: Conn, message_id: str, body: str) -> None:
    """Let a received message be answered."""
    insert(conn, "sms_reply_due", message_id=message_id, body=body)


def take_due(conn: Conn, limit: int) -> list[Row]:
    """Received messages that are to be answered, each with its `reply`; taken once."""
    taken = conn.all(
        "DELETE FROM sms_reply_due WHERE message_id IN (SELECT message_id FROM sms_reply_due"
        f" ORDER BY message_id LIMIT :limit {conn.skip_locked}) RETURNING *",
        limit=limit,
    )
    replies = {row["message_id"]: row["body"] for row in taken}
    rows = conn.all("SELECT * FROM sms_inbound WHERE id IN :ids", ids=list(replies) or [""])
    return [row | {"reply": replies[row["id"]]} for row in rows]


def claim(conn: Conn, account_id: str, mode: str, phone: str, now: int, before: int) -> bool:
    """Note an answer to a phone; False if it had one since `before`."""
    return bool(
        conn.run(
            "INSERT INTO sms_replied (account_id, mode, phone, at)"
            " VALUES (:account_id, :mode, :phone, :now)"
            " ON CONFLICT (account_id, mode, phone) DO UPDATE SET at = excluded.at"
            " WHERE sms_replied.at <= :before",
            account_id=account_id, mode=mode, phone=phone, now=now, before=before,
        )
    )  # fmt: skip


def forget(conn: Conn, before: int) -> None:
    """Drop who had an answer before an instant."""
    conn.run("DELETE FROM sms_replied WHERE at < :before", before=before)
