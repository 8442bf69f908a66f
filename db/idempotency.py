"""Replies kept by idempotency key, in the transaction of what they tell."""

from collections.abc import Sequence

from sqlmodel import Field

from db.base import Table
from db.columns import instant, text
from db.connection import Conn, Row, insert_new

KEPT_SECONDS = 24 * 3600


class IdempotencyKey(Table, table=True):
    """`status` 0 while the request is running; the body is sealed, since it may hold a secret
    that is shown once."""

    __tablename__ = "idempotency_key"

    account_id: str = Field(primary_key=True)
    mode: str = Field(primary_key=True)
    endpoint: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_hmac: str
    status: int = 0
    body_sealed: str = text(default="")
    created_at: int = instant(index=True)


def forget(conn: Conn, scope: dict[str, str], before: int) -> None:
    """Forget the key if it is older than that."""
    conn.run(
        f"DELETE FROM idempotency_key WHERE {_SCOPE} AND created_at < :before",
        before=before, **scope,
    )  # fmt: skip


def take(conn: Conn, scope: dict[str, str], request_hmac: str, now: int) -> Row | None:
    """Claim the key: None if it is new, else what is kept under it. `scope` has the four parts
    of the key. On PostgreSQL a second taker waits here for the first one's commit."""
    new = insert_new(conn, "idempotency_key", request_hmac=request_hmac, status=0, body_sealed="",
                     created_at=now, **scope)  # fmt: skip
    return None if new else conn.one(f"SELECT * FROM idempotency_key WHERE {_SCOPE}", **scope)


_SCOPE = "account_id = :account_id AND mode = :mode AND endpoint = :endpoint AND key = :key"


def keep(conn: Conn, scope: dict[str, str], status: int, body_sealed: str) -> None:
    """Store the reply under the key."""
    conn.run(
        f"UPDATE idempotency_key SET status = :status, body_sealed = :body_sealed WHERE {_SCOPE}",
        status=status, body_sealed=body_sealed, **scope,
    )  # fmt: skip


def kept(conn: Conn, scope: dict[str, str], keys: Sequence[str], since: int) -> dict[str, Row]:
    """What is kept under those of the keys that were taken since an instant; older ones are
    forgotten. `scope` has the other three parts. Nobody takes one of the keys meanwhile."""
    for key in sorted(keys):
        conn.lock(f"idempotency {scope} {key}")
    where = "account_id = :account_id AND mode = :mode AND endpoint = :endpoint AND key IN :keys"
    rows = conn.all(f"SELECT * FROM idempotency_key WHERE {where}", keys=keys, **scope)
    found = {row["key"]: row for row in rows if row["created_at"] >= since}
    if old := [row["key"] for row in rows if row["key"] not in found]:
        conn.run(f"DELETE FROM idempotency_key WHERE {where}", keys=old, **scope)
    return found


def keep_all(conn: Conn, rows: Sequence[Row]) -> None:
    """Store the replies of keys that `kept` did not have: rows of the whole table."""
    conn.insert_all("idempotency_key", rows)


def sweep(conn: Conn, before: int) -> int:
    """Forget keys older than that; how many."""
    return conn.run("DELETE FROM idempotency_key WHERE created_at < :before", before=before)
