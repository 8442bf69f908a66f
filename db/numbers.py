"""Numbers (DIDs) that accounts own, and what rings when somebody calls them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from db.base import Table
from db.columns import instant, one_of, valid_mode
from db.connection import Conn, Reader, Row, insert_new
from db.lists import like


class OwnedNumber(Table, table=True):
    """Who calls `number` rings the SIP accounts of `targets` (user names, by comma), all at once
    or in order, each for `ring_seconds`; if none answers, `forward_to` (E.164), if set."""

    __tablename__ = "owned_number"
    __table_args__ = (
        valid_mode(),
        one_of("strategy", ("all", "order")),
        Index("ix_owned_number_account", "account_id", "number", "mode"),
    )

    number: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id")
    mode: str
    strategy: str
    ring_seconds: int
    targets: str = ""
    forward_to: str = ""
    created_at: int = instant()


class DestinationRule(Table, table=True):
    """Whether an account may call numbers that begin with `prefix`; the longest prefix counts,
    and without any rule everything that has a price is allowed."""

    __tablename__ = "destination_rule"

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    prefix: str = Field(primary_key=True)
    allowed: bool


LAST = "9" * 15
"""Behind the beginning of a number: no number that begins so is greater."""


def own(conn: Conn, **facts: Any) -> bool:
    """Give a number to an account; False if somebody owns it."""
    return insert_new(conn, "owned_number", **facts)


def owned(conn: Conn, number: str) -> Row | None:
    """Who owns the number, and what rings when it is called."""
    return conn.one("SELECT * FROM owned_number WHERE number = :number", number=number)


def change(conn: Conn, number: str, **facts: Any) -> None:
    """Set columns of a number that is owned."""
    sets = ", ".join(f"{column} = :{column}" for column in facts)
    conn.run(f"UPDATE owned_number SET {sets} WHERE number = :number", number=number, **facts)


async def page(
    reader: Reader, account_id: str, *, limit: int, after: str = "", search: str = ""
) -> list[Row]:
    """Numbers of an account behind one of them, in order; `search` is a part of one, or of what
    it rings."""
    return await reader.all(
        "SELECT * FROM owned_number WHERE account_id = :account_id AND number > :after"
        " AND LOWER(number || ' ' || targets || ' ' || forward_to) LIKE :search ESCAPE '\\'"
        " ORDER BY number LIMIT :limit",
        account_id=account_id, after=after, search=like(search), limit=limit,
    )  # fmt: skip


async def find(reader: Reader, account_id: str, number: str) -> Row | None:
    """A number of an account."""
    return await reader.one(
        "SELECT * FROM owned_number WHERE number = :number AND account_id = :account_id",
        number=number, account_id=account_id,
    )  # fmt: skip


async def page_of_all(
    reader: Reader, *, limit: int, after: str = "", begins: str = "", account_id: str | None = None
) -> list[Row]:
    """Numbers of every account, or of one, with its name: behind one of them, in order; `begins`
    is how they begin, with its plus."""
    whose = "" if account_id is None else " AND n.account_id = :account_id"
    return await reader.all(
        "SELECT n.*, a.name FROM owned_number n JOIN account a ON a.id = n.account_id"
        f" WHERE n.number > :after AND n.number >= :begins AND n.number <= :ends{whose}"
        " ORDER BY n.number LIMIT :limit",
        after=after, begins=begins, ends=f"{begins or '+'}{LAST}", account_id=account_id,
        limit=limit,
    )  # fmt: skip


async def find_any(reader: Reader, number: str) -> Row | None:
    """A number, whoever owns it, with the name of the account."""
    return await reader.one(
        "SELECT n.*, a.name FROM owned_number n JOIN account a ON a.id = n.account_id"
        " WHERE n.number = :number",
        number=number,
    )


def every(conn: Conn) -> list[Row]:
    """Every number that is owned, with its account's name."""
    return conn.all(
        "SELECT n.*, a.name FROM owned_number n JOIN account a ON a.id = n.account_id"
        " ORDER BY n.number"
    )


def disown(conn: Conn, number: str) -> bool:
    """Take a number away; False if nobody had it."""
    return bool(conn.run("DELETE FROM owned_number WHERE number = :number", number=number))


def rule(conn: Conn, account_id: str, prefix: str, allowed: bool) -> None:
    """Allow or block an account's calls to a prefix; the last word counts."""
    conn.run(
        "INSERT INTO destination_rule (account_id, prefix, allowed)"
        " VALUES (:account_id, :prefix, :allowed) ON CONFLICT (account_id, prefix)"
        " DO UPDATE SET allowed = excluded.allowed",
        account_id=account_id, prefix=prefix, allowed=allowed,
    )  # fmt: skip


def allows(conn: Conn, account_id: str, prefixes: Sequence[str]) -> bool:
    """What the rule with the longest of these prefixes says; True where there is none."""
    row = conn.one(
        "SELECT allowed FROM destination_rule WHERE account_id = :account_id"
        " AND prefix IN :prefixes ORDER BY LENGTH(prefix) DESC LIMIT 1",
        account_id=account_id, prefixes=prefixes,
    )  # fmt: skip
    return row is None or bool(row["allowed"])


def inside(conn: Conn, account_id: str, dialled: str) -> Row | None:
    """The account's own SIP account of that short number or, after that, of that name."""
    for column in ("short_number", "username"):
        sql = f"SELECT * FROM sip_account WHERE account_id = :account_id AND {column} = :dialled"
        if row := conn.one(sql, account_id=account_id, dialled=dialled):
            return row
    return None
