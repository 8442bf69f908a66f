"""Who is signed in where: sessions that the server keeps, each known by the hash of its token."""

from typing import Any

from sqlmodel import Field

from db.base import Table
from db.columns import instant, text
from db.connection import Conn, Reader, Row, insert
from db.ids import new_id


class Session(Table, table=True):
    """One browser of one user, who looks at `account_id`. `confirmed_at` is when the user last
    proved to be the one who signed in; `how` says by what: password, password+totp,
    password+recovery or passkey. An administrator looks at the account `looks_at` until
    `looks_until`, and changes nothing there."""

    id: str = Field(primary_key=True)
    token_sha256: str = Field(unique=True)
    user_id: str = Field(foreign_key="user.id", index=True)
    account_id: str | None = Field(default=None, foreign_key="account.id")
    how: str
    address: str = ""
    user_agent: str = text(default="")
    created_at: int = instant()
    last_seen_at: int = instant()
    confirmed_at: int = instant()
    expires_at: int = instant(index=True)
    looks_at: str | None = None
    looks_until: int | None = instant(default=None)


def add(conn: Conn, now: int, **facts: Any) -> str:
    """Insert a session that begins now; its id."""
    session_id = new_id("ses")
    times = {"created_at": now, "last_seen_at": now, "confirmed_at": now}
    insert(conn, "session", id=session_id, **times, **facts)
    return session_id


async def member(reader: Reader, token_sha256: str, now: int, seen_since: int) -> Row | None:
    """The session of that token with its user, account and role, unless it has ended: one look-up
    for every request. Without a membership, `role` is None."""
    return await reader.one(
        "SELECT s.id AS session_id, s.user_id, s.how, s.last_seen_at, s.confirmed_at, u.email,"
        " u.name, u.platform_role, u.totp_since, a.id AS account_id, m.role, a.name AS account,"
        " a.currency, a.status, a.kyc_approved_at, l.id AS looks_at"
        ' FROM session s JOIN "user" u ON u.id = s.user_id'
        " LEFT JOIN membership m ON m.user_id = s.user_id AND m.account_id = s.account_id"
        " LEFT JOIN account l ON l.id = s.looks_at AND s.looks_until > :now"
        " AND u.platform_role <> ''"
        " LEFT JOIN account a ON a.id = COALESCE(l.id, m.account_id)"
        " WHERE s.token_sha256 = :token_sha256 AND s.expires_at > :now"
        " AND s.last_seen_at > :seen_since AND u.disabled_at IS NULL",
        token_sha256=token_sha256, now=now, seen_since=seen_since,
    )  # fmt: skip


def by_id(conn: Conn, session_id: str) -> Row | None:
    """The session, None if it has ended."""
    return conn.one("SELECT * FROM session WHERE id = :id", id=session_id)


def touch(conn: Conn, session_id: str, now: int, address: str) -> None:
    """Note that a session was used."""
    conn.run(
        "UPDATE session SET last_seen_at = :now, address = :address WHERE id = :id",
        id=session_id, now=now, address=address,
    )  # fmt: skip


def change(conn: Conn, session_id: str, /, **facts: Any) -> bool:
    """Set columns of a session; False if it has ended."""
    sets = ", ".join(f"{column} = :{column}" for column in facts)
    sql = f"UPDATE session SET {sets} WHERE id = :session_id"
    return bool(conn.run(sql, session_id=session_id, **facts))


def end(conn: Conn, user_id: str, session_id: str) -> bool:
    """End a session of a user; False if there is none of that id."""
    sql = "DELETE FROM session WHERE id = :id AND user_id = :user_id"
    return bool(conn.run(sql, id=session_id, user_id=user_id))


def end_all(conn: Conn, user_id: str, but: str = "") -> int:
    """End the sessions of a user but for one; how many."""
    sql = "DELETE FROM session WHERE user_id = :user_id AND id <> :but"
    return conn.run(sql, user_id=user_id, but=but)


async def of_user(reader: Reader, user_id: str, now: int, seen_since: int) -> list[Row]:
    """Where a user is signed in, the last used first."""
    return await reader.all(
        "SELECT id, how, address, user_agent, created_at, last_seen_at, expires_at FROM session"
        " WHERE user_id = :user_id AND expires_at > :now AND last_seen_at > :seen_since"
        " ORDER BY last_seen_at DESC, id DESC",
        user_id=user_id, now=now, seen_since=seen_since,
    )  # fmt: skip


def sweep(conn: Conn, now: int) -> int:
    """Forget sessions that have run out; how many."""
    return conn.run("DELETE FROM session WHERE expires_at <= :now", now=now)
