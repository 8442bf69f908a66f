"""Tokens that work once and not for long: links in mails, sign-ins that wait for a second factor,
challenges of passkeys. Only a token's hash is kept."""

from typing import Any

from sqlmodel import Field

from db.base import Table
from db.columns import instant, one_of
from db.connection import Conn, Reader, Row, insert
from db.ids import new_id

KINDS = ("register", "reset", "invitation", "second_factor", "passkey_add", "passkey_use")


class OneUseToken(Table, table=True):
    """`email`, `account_id` and `role` are those of a link; `user_id` whom the token is for, if
    it is for somebody who exists. `tries` counts wrong codes of a sign-in that waits."""

    __tablename__ = "one_use_token"
    __table_args__ = (one_of("kind", KINDS),)

    id: str = Field(primary_key=True)
    sha256: str = Field(unique=True)
    kind: str
    user_id: str | None = Field(default=None, foreign_key="user.id", index=True)
    email: str = Field(default="", index=True)
    account_id: str | None = Field(default=None, foreign_key="account.id", index=True)
    role: str = ""
    tries: int = 0
    created_at: int = instant()
    expires_at: int = instant(index=True)


def add(conn: Conn, now: int, **facts: Any) -> str:
    """Insert a token; its id."""
    token_id = new_id("tok")
    blank = {"email": "", "role": "", "tries": 0}
    insert(conn, "one_use_token", id=token_id, created_at=now, **(blank | facts))
    return token_id


async def look(reader: Reader, kind: str, sha256: str, now: int) -> Row | None:
    """The token of that kind and the name of its account, unless it was used or is too old."""
    return await reader.one(
        "SELECT t.*, a.name AS account FROM one_use_token t LEFT JOIN account a"
        " ON a.id = t.account_id WHERE t.sha256 = :sha256 AND t.kind = :kind"
        " AND t.expires_at > :now",
        sha256=sha256, kind=kind, now=now,
    )  # fmt: skip


def use(conn: Conn, kind: str, sha256: str, now: int) -> Row | None:
    """Use the token up: what it was, None if it was used or is too old."""
    row = conn.one(
        "DELETE FROM one_use_token WHERE sha256 = :sha256 AND kind = :kind RETURNING *",
        sha256=sha256, kind=kind,
    )  # fmt: skip
    return row if row and row["expires_at"] > now else None


def try_once(conn: Conn, kind: str, sha256: str, now: int, most: int) -> Row | None:
    """Count a try without using the token up; None where none is left."""
    return conn.one(
        "UPDATE one_use_token SET tries = tries + 1 WHERE sha256 = :sha256 AND kind = :kind"
        " AND expires_at > :now AND tries < :most RETURNING *",
        sha256=sha256, kind=kind, now=now, most=most,
    )  # fmt: skip


def forget_links(conn: Conn, kind: str, email: str) -> None:
    """Links of that kind that were sent to an address count no more."""
    sql = "DELETE FROM one_use_token WHERE email = :email AND kind = :kind"
    conn.run(sql, email=email, kind=kind)


def forget_of_user(conn: Conn, user_id: str) -> None:
    """What was begun in a user's name is not to be finished."""
    conn.run("DELETE FROM one_use_token WHERE user_id = :user_id", user_id=user_id)


def take_back(conn: Conn, account_id: str, token_id: str) -> Row | None:
    """Delete an invitation of an account; what it was."""
    return conn.one(
        "DELETE FROM one_use_token WHERE id = :id AND account_id = :account_id"
        " AND kind = 'invitation' RETURNING *",
        id=token_id, account_id=account_id,
    )  # fmt: skip


def forget_invitation(conn: Conn, account_id: str, email: str) -> None:
    """An earlier invitation of the same address gives way to a new one."""
    conn.run(
        "DELETE FROM one_use_token WHERE account_id = :account_id AND email = :email"
        " AND kind = 'invitation'",
        account_id=account_id, email=email,
    )  # fmt: skip


async def invitations(reader: Reader, account_id: str, now: int) -> list[Row]:
    """Who was invited to an account and has not come yet."""
    return await reader.all(
        "SELECT id, email, role, created_at, expires_at FROM one_use_token"
        " WHERE account_id = :account_id AND kind = 'invitation' AND expires_at > :now"
        " ORDER BY id",
        account_id=account_id, now=now,
    )  # fmt: skip


def sweep(conn: Conn, now: int) -> int:
    """Forget tokens that are too old; how many."""
    return conn.run("DELETE FROM one_use_token WHERE expires_at <= :now", now=now)
