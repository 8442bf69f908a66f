"""Numbers that an account may show, and the codes by which it proves that they are its own."""

from typing import Any

from sqlmodel import Field

from db.base import Table
from db.columns import instant, valid_mode
from db.connection import Conn, Reader, Row, insert
from db.lists import like


class CallerId(Table, table=True):
    """A number that an account may show; it counts only once verified. `claimed_at` is when it
    was verified by a code that a test key was shown: that counts in test mode alone."""

    __tablename__ = "caller_id"

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    number: str = Field(primary_key=True)
    verified_at: int | None = instant(default=None)
    verified_by: str = ""
    claimed_at: int | None = instant(default=None)


class CallerIdCheck(Table, table=True):
    """A code that was told to a number, to be told back by the account; kept as an HMAC. So many
    codes were sent to it (`sends`) since an instant."""

    __tablename__ = "caller_id_check"
    __table_args__ = (valid_mode(),)

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    number: str = Field(primary_key=True)
    mode: str
    code_hmac: str
    tries: int = 0
    call_id: str | None = None
    sends: int = 1
    since: int = instant()
    created_at: int = instant()
    expires_at: int = instant()


def verify(conn: Conn, account_id: str, number: str, by: str, now: int) -> None:
    """Allow the account to show a number; doing it again changes nothing."""
    conn.run(
        "INSERT INTO caller_id (account_id, number, verified_at, verified_by)"
        " VALUES (:account_id, :number, :now, :by) ON CONFLICT (account_id, number) DO UPDATE"
        " SET verified_at = excluded.verified_at, verified_by = excluded.verified_by"
        " WHERE caller_id.verified_at IS NULL",
        account_id=account_id, number=number, now=now, by=by,
    )  # fmt: skip


def may_show(conn: Conn, account_id: str, number: str, mode: str = "live") -> bool:
    """True if the account has verified the number in that mode, or owns it. What was verified
    for real holds in test mode, too, and never the other way round."""
    column = _verified_in(mode)
    return bool(
        conn.one(
            "SELECT 1 AS yes FROM caller_id WHERE account_id = :account_id AND number = :number"
            f" AND {column} IS NOT NULL UNION ALL SELECT 1 AS yes FROM owned_number"
            " WHERE number = :number AND account_id = :account_id",
            account_id=account_id, number=number,
        )
    )  # fmt: skip


def first(conn: Conn, account_id: str) -> str | None:
    """The number that the account verified first."""
    row = conn.one(
        "SELECT number FROM caller_id WHERE account_id = :account_id AND verified_at IS NOT NULL"
        " ORDER BY verified_at, number LIMIT 1",
        account_id=account_id,
    )
    return str(row["number"]) if row else None


def claim(conn: Conn, account_id: str, number: str, now: int) -> None:
    """Allow the account to show a number in test mode."""
    conn.run(
        "INSERT INTO caller_id (account_id, number, verified_by, claimed_at)"
        " VALUES (:account_id, :number, '', :now) ON CONFLICT (account_id, number) DO UPDATE"
        " SET claimed_at = excluded.claimed_at",
        account_id=account_id, number=number, now=now,
    )  # fmt: skip


def check_of(conn: Conn, account_id: str, number: str) -> Row | None:
    """The last code that was sent to a number."""
    return conn.one(
        "SELECT * FROM caller_id_check WHERE account_id = :account_id AND number = :number",
        account_id=account_id, number=number,
    )  # fmt: skip


def checks_since(conn: Conn, account_id: str, since: int) -> int:
    """To how many numbers the account has had codes sent since an instant."""
    row = conn.one(
        "SELECT COUNT(*) AS found FROM caller_id_check"
        " WHERE account_id = :account_id AND created_at > :since",
        account_id=account_id, since=since,
    )  # fmt: skip
    return int(row["found"]) if row else 0


def keep_check(conn: Conn, **facts: Any) -> None:
    """Put a new code in the place of an earlier one."""
    forget_check(conn, facts["account_id"], facts["number"])
    insert(conn, "caller_id_check", tries=0, **facts)


def forget_check(conn: Conn, account_id: str, number: str) -> int:
    """No code counts any more; whether one was there."""
    return conn.run(
        "DELETE FROM caller_id_check WHERE account_id = :account_id AND number = :number",
        account_id=account_id, number=number,
    )  # fmt: skip


def try_code(
    conn: Conn, account_id: str, mode: str, number: str, now: int, most: int
) -> Row | None:
    """Count a try of a code; the row, or None where none is left or the code is too old."""
    return conn.one(
        "UPDATE caller_id_check SET tries = tries + 1 WHERE account_id = :account_id"
        " AND number = :number AND mode = :mode AND expires_at > :now AND tries < :most"
        " RETURNING *",
        account_id=account_id, number=number, mode=mode, now=now, most=most,
    )  # fmt: skip


def forget(conn: Conn, account_id: str, mode: str, number: str) -> bool:
    """The account may no longer show a number it had verified in that mode; False if it had not."""
    where = "WHERE account_id = :account_id AND number = :number"
    if mode == "test":
        sql = f"UPDATE caller_id SET claimed_at = NULL {where} AND claimed_at IS NOT NULL"
    else:
        sql = f"DELETE FROM caller_id {where} AND verified_at IS NOT NULL"
    return bool(conn.run(sql, account_id=account_id, number=number))


def _verified_in(mode: str) -> str:
    """The column that tells since when a number counts as verified in that mode."""
    return "verified_at" if mode == "live" else "COALESCE(verified_at, claimed_at)"


async def showable(reader: Reader, account_id: str, mode: str, limit: int) -> list[str]:
    """Numbers that the account has verified or owns, in order, at most so many."""
    rows = await reader.all(
        "SELECT number FROM (SELECT * FROM (SELECT number FROM caller_id"
        f" WHERE account_id = :account_id AND {_verified_in(mode)} IS NOT NULL"
        " ORDER BY number LIMIT :limit) AS verified UNION SELECT * FROM (SELECT number"
        " FROM owned_number WHERE account_id = :account_id AND mode = :mode"
        " ORDER BY number LIMIT :limit) AS owned) AS found ORDER BY number LIMIT :limit",
        account_id=account_id, mode=mode, limit=limit,
    )  # fmt: skip
    return [row["number"] for row in rows]


async def page(
    reader: Reader, account_id: str, mode: str, *, limit: int, after: str = "", search: str = ""
) -> list[Row]:
    """`number`, `status` (owned, verified, pending: the first that is so) and `verified_at`, by
    number, behind one of them; `search` is a part of one."""
    column, same = _verified_in(mode), "number = c.number AND account_id = c.account_id"
    owned = f"EXISTS (SELECT 1 FROM owned_number WHERE {same} AND mode = :mode)"
    verified = f"EXISTS (SELECT 1 FROM caller_id WHERE {same} AND {column} IS NOT NULL)"
    parts = [
        "'owned' AS status, created_at AS verified_at FROM owned_number c WHERE mode = :mode",
        f"'verified', {column} FROM caller_id c WHERE {column} IS NOT NULL AND NOT {owned}",
        "'pending', CAST(NULL AS bigint) FROM caller_id_check c"
        f" WHERE mode = :mode AND NOT {owned} AND NOT {verified}",
    ]
    each = " UNION ALL ".join(
        f"SELECT * FROM (SELECT number, {part} AND account_id = :account_id AND number > :after"
        f" AND number LIKE :search ESCAPE '\\' ORDER BY number LIMIT :limit) AS part_{at}"
        for at, part in enumerate(parts)
    )
    return await reader.all(
        f"SELECT * FROM ({each}) AS found ORDER BY number LIMIT :limit",
        account_id=account_id, mode=mode, limit=limit, after=after, search=like(search),
    )  # fmt: skip
