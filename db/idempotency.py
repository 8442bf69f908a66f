"""Replies kept by idempotency key, in the transaction of what they tell."""

from collections.abc import Sequence

from sqlmodel import Field

from db.base import Table
from db.columns import instant, text
from db.connection import Conn, Row, insert_new

KEPT_SECONDS = 24 * 3600


class IdempotencyKey(Table, table=True):
    """`status` 0: it is done, and the body is what its answer is made of, but nobody was answered
    yet. The body is sealed, since it may hold a secret that is shown once."""

    __tablename__ = "idempotency_key"

    account_id: str = Field(primary_key=True)
    mode: str = Field(primary_key=True)
    endpoint: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_hmac: str
    status: int = 0
    body_sealed: str = text(default="")
    created_at: int = instant(index=True)


_SCOPE = "account_id = :account_id AND mode = :mode AND endpoint = :endpoint AND key = :key"


def take(conn: Conn, scope: dict[str, str], keys: Sequence[str]) -> set[str]:
    """Those of the keys that another transaction has just now; the others are this one's until
    it ends. `scope` has the other three parts."""
    return {key for key in sorted(keys) if not conn.try_lock(f"idempotency {scope} {key}")}


def kept(conn: Conn, scope: dict[str, str], keys: Sequence[str], since: int) -> dict[str, Row]:
    """What is kept under those of the keys, all of which are taken, that were stored since an
    instant; older ones are forgotten."""
    where = "account_id = :account_id AND mode = :mode AND endpoint = :endpoint AND key IN :keys"
    rows = conn.all(f"SELECT * FROM idempotency_key WHERE {where}", keys=keys, **scope)
    found = {row["key"]: row for row in rows if row["created_at"] >= since}
    if old := [row["key"] for row in rows if row["key"] not in found]:
        conn.run(f"DELETE FROM idempotency_key WHERE {where}", keys=old, **scope)
    return found


def keep_all(conn: Conn, rows: Sequence[Row]) -> None:
    """Store the replies of keys that `kept` did not have: rows of the whole table."""
    if rows:
        conn.insert_all("idempotency_key", rows)


def once(conn: Conn, scope: dict[str, str], now: int) -> bool:
    """Note that what has these four parts is done; False if it was noted before. A second one
    at the same time waits for the first one's end."""
    facts = {"request_hmac": "", "status": 200, "body_sealed": "", "created_at": now}
    return insert_new(conn, "idempotency_key", **scope, **facts)


def finish(conn: Conn, scope: dict[str, str], status: int, body_sealed: str) -> Row | None:
    """Store what is answered, unless that was done; what was stored then. `scope` has the four
    parts of the key."""
    done = conn.run(
        "UPDATE idempotency_key SET status = :status, body_sealed = :body_sealed"
        f" WHERE {_SCOPE} AND status = 0",
        status=status, body_sealed=body_sealed, **scope,
    )  # fmt: skip
    return None if done else conn.one(f"SELECT * FROM idempotency_key WHERE {_SCOPE}", **scope)


def forget(conn: Conn, scope: dict[str, str]) -> None:
    """Forget a key, given its four parts."""
    conn.run(f"DELETE FROM idempotency_key WHERE {_SCOPE}", **scope)


def sweep(conn: Conn, before: int) -> int:
    """Forget keys older than that; how many."""
    return conn.run("DELETE FROM idempotency_key WHERE created_at < :before", before=before)
