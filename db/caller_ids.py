"""Numbers that an account may show, and the codes by which it proves that they are its own."""

from sqlmodel import Field

from db.base import Table
from db.columns import instant, valid_mode
from db.connection import Conn


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
    """A code that was told to a number, to be told back by the account; kept as an HMAC."""

    __tablename__ = "caller_id_check"
    __table_args__ = (valid_mode(),)

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    number: str = Field(primary_key=True)
    mode: str
    code_hmac: str
    tries: int = 0
    call_id: str | None = None
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
    column = "verified_at" if mode == "live" else "COALESCE(verified_at, claimed_at)"
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
