"""What was asked of the API, for whoever looks a request up by its id; no bodies."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Index
from sqlmodel import Field

from db.base import Table
from db.columns import instant, partial
from db.connection import Conn, Reader, Row
from db.ids import first_id

PREFIX = "rql"
MARGIN_US = 1_000_000
"""By so much may the clocks of two processes differ."""


class RequestLog(Table, table=True):
    """One request. A client may use its own `request_id` again and again; `path` has no query, and
    neither numbers nor tokens; `code` is that of a refusal."""

    __tablename__ = "request_log"
    __table_args__ = (
        partial("ix_request_log_account", "account_id", "id", where="account_id IS NOT NULL"),
        Index("ix_request_log_request", "request_id", "id"),
    )

    id: str = Field(primary_key=True)
    request_id: str
    account_id: str | None = None
    mode: str | None = None
    key_id: str | None = None
    method: str
    path: str
    status: int
    code: str | None = None
    latency_us: int = Field(sa_type=BigInteger)
    at: int = instant()


def add_all(conn: Conn, rows: Sequence[dict[str, Any]]) -> None:
    """Insert requests with all their columns."""
    conn.insert_all("request_log", list(rows))


async def find(
    reader: Reader, request_id: str, account_id: str | None, limit: int
) -> list[Row]:  # fmt: skip
    """Requests of that id, the newest first; only those of the account, unless it is None."""
    # Not as a part of an index: SQLite would go through all requests of the account.
    own = "" if account_id is None else " AND (account_id || '') = :account_id"
    return await reader.all(
        f"SELECT * FROM request_log WHERE request_id = :request_id{own} ORDER BY id DESC"
        " LIMIT :limit",
        request_id=request_id, account_id=account_id, limit=limit,
    )  # fmt: skip


async def page(
    reader: Reader, account_id: str, limit: int, cursor: str | None = None
) -> list[Row]:  # fmt: skip
    """The account's newest requests, or those before `cursor`, an id."""
    before = " AND id < :cursor" if cursor else ""
    return await reader.all(
        f"SELECT * FROM request_log WHERE account_id = :account_id{before} ORDER BY id DESC"
        " LIMIT :limit",
        account_id=account_id, cursor=cursor, limit=limit,
    )  # fmt: skip


async def made(reader: Reader, row: Row, most: int) -> list[str]:
    """Ids of the messages and calls that a request of the log made. Their ids tell when, so that
    only those of its seconds are looked at."""
    begun, ended = row["at"] - row["latency_us"] - MARGIN_US, row["at"] + MARGIN_US
    found: list[str] = []
    for table, prefix in (("message", "msg"), ("call", "call")):
        rows = await reader.all(
            f'SELECT id FROM "{table}" WHERE account_id = :account_id AND mode = :mode'
            " AND id >= :low AND id < :high AND request_id = :request_id ORDER BY id LIMIT :most",
            account_id=row["account_id"], mode=row["mode"], request_id=row["request_id"],
            low=first_id(prefix, begun // 1000), high=first_id(prefix, ended // 1000), most=most,
        )  # fmt: skip
        found += [one["id"] for one in rows]
    return found


def sweep(conn: Conn, before: int, limit: int) -> int:
    """Forget the oldest requests from before an instant; how many."""
    return conn.run(
        "DELETE FROM request_log WHERE id IN"
        " (SELECT id FROM request_log WHERE id < :bound ORDER BY id LIMIT :limit)",
        bound=first_id(PREFIX, max(0, before // 1000)), limit=limit,
    )  # fmt: skip
