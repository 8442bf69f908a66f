"""Questions of customers to support, and what was answered."""

from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from db.base import Table
from db.columns import instant, one_of, text
from db.connection import Conn, Reader, Row, insert
from db.ids import last_id, new_id
from db.lists import like

PREFIX = "tkt"
KINDS = ("api", "sms", "voice", "billing", "account", "other")
STATUSES = ("open", "answered", "closed")
SEARCHED_MAX = 5_000
"""So many tickets, the newest ones, are searched."""


class Ticket(Table, table=True):
    """A question. `open`: it is support's turn, `answered`: its owner's. `request_ids` are those
    of the API that it is about, separated by blanks."""

    __table_args__ = (
        one_of("kind", KINDS),
        one_of("status", STATUSES),
        Index("ix_ticket_account", "account_id", "id"),
        Index("ix_ticket_status", "status", "id"),
    )

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id")
    opened_by: str = Field(foreign_key="user.id")
    kind: str
    subject: str
    status: str = "open"
    request_ids: str = text(default="")
    created_at: int = instant()
    updated_at: int = instant()


class TicketEntry(Table, table=True):
    """What somebody wrote; `by_support` if it was the platform."""

    __tablename__ = "ticket_entry"

    id: str = Field(primary_key=True)
    ticket_id: str = Field(foreign_key="ticket.id", index=True)
    author: str = Field(foreign_key="user.id")
    author_name: str
    by_support: bool
    body: str = text()
    created_at: int = instant()


def add(conn: Conn, now: int, **facts: Any) -> str:
    """Insert an open ticket; its id."""
    ticket_id = new_id(PREFIX)
    insert(conn, "ticket", id=ticket_id, status="open", created_at=now, updated_at=now, **facts)
    return ticket_id


def write(conn: Conn, ticket_id: str, status: str, now: int, **facts: Any) -> str:
    """Append an entry and give the ticket its status; the entry's id."""
    entry_id = new_id("tke")
    insert(conn, "ticket_entry", id=entry_id, ticket_id=ticket_id, created_at=now, **facts)
    change(conn, ticket_id, status, now)
    return entry_id


def change(conn: Conn, ticket_id: str, status: str, now: int) -> None:
    """Give a ticket a status."""
    conn.run("UPDATE ticket SET status = :status, updated_at = :now WHERE id = :id",
             id=ticket_id, status=status, now=now)  # fmt: skip


def locked(conn: Conn, ticket_id: str) -> Row | None:
    """A ticket that nobody else changes before this transaction ends."""
    return conn.one("UPDATE ticket SET id = id WHERE id = :id RETURNING *", id=ticket_id)


def count_entries(conn: Conn, ticket_id: str) -> int:
    """How many entries a ticket has."""
    row = conn.one("SELECT COUNT(*) AS n FROM ticket_entry WHERE ticket_id = :id", id=ticket_id)
    return int(row["n"]) if row else 0


def count_unclosed(conn: Conn, account_id: str, most: int) -> int:
    """How many tickets of an account are not closed; counted up to `most`."""
    row = conn.one(
        "SELECT COUNT(*) AS n FROM (SELECT id FROM ticket WHERE account_id = :account_id"
        " AND status <> 'closed' LIMIT :most) AS few",
        account_id=account_id, most=most,
    )  # fmt: skip
    return int(row["n"]) if row else 0


async def find(reader: Reader, account_id: str | None, ticket_id: str) -> Row | None:
    """A ticket of the account, with the account's name; of any without one."""
    own = "" if account_id is None else " AND t.account_id = :account_id"
    return await reader.one(
        "SELECT t.*, a.name AS account FROM ticket t JOIN account a ON a.id = t.account_id"
        f" WHERE t.id = :id{own}",
        id=ticket_id, account_id=account_id,
    )  # fmt: skip


async def entries(reader: Reader, ticket_id: str) -> list[Row]:
    """What was written, oldest first."""
    sql = "SELECT * FROM ticket_entry WHERE ticket_id = :id ORDER BY id"
    return await reader.all(sql, id=ticket_id)


async def page(
    reader: Reader, account_id: str | None, *, limit: int, status: str | None = None,
    search: str | None = None, cursor: str | None = None,
) -> list[Row]:  # fmt: skip
    """Tickets of an account, or of all, newest first, from before `cursor`, an id; with a search
    those whose subject or id has it, among the newest."""
    where = ["id < :cursor"]
    where += ["account_id = :account_id"] if account_id is not None else []
    where += ["status = :status"] if status else []
    newest = f"SELECT * FROM ticket WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT :searched"
    matches = "LOWER(t.subject) LIKE :part ESCAPE '\\' OR t.id = :search" if search else "1 = 1"
    return await reader.all(
        f"SELECT t.*, a.name AS account FROM ({newest}) AS t JOIN account a ON a.id = t.account_id"
        f" WHERE {matches} ORDER BY t.id DESC LIMIT :limit",
        account_id=account_id, status=status, search=search or "", part=like(search or ""),
        cursor=cursor or last_id(PREFIX), limit=limit,
        searched=SEARCHED_MAX if search else limit,
    )  # fmt: skip


async def count_waiting(reader: Reader, status: str, account_id: str | None, most: int) -> int:
    """How many tickets are in a status, counted up to `most`."""
    own = "" if account_id is None else " AND account_id = :account_id"
    row = await reader.one(
        "SELECT COUNT(*) AS n FROM (SELECT id FROM ticket WHERE status = :status"
        f"{own} LIMIT :most) AS few",
        status=status, account_id=account_id, most=most,
    )  # fmt: skip
    return int(row["n"]) if row else 0
