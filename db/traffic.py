"""What accounts sent, received and called, by day. A worker adds to it; no request counts rows."""

from dataclasses import dataclass

from sqlmodel import Field

from db.accounts import PLATFORM
from db.base import Table
from db.columns import instant, money, valid_mode
from db.connection import Conn, Reader, Row

DAY = 24 * 3600 * 1_000_000
"""Days begin at midnight in UTC."""


class TrafficDay(Table, table=True):
    """How often something came to that end on a day, `units` being segments or seconds of talk.
    The rows of `PLATFORM` are the sums over all accounts."""

    __tablename__ = "traffic_day"
    __table_args__ = (valid_mode(),)

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    mode: str = Field(primary_key=True)
    day: int = instant(primary_key=True)
    kind: str = Field(primary_key=True)
    outcome: str = Field(primary_key=True)
    count: int = instant()
    units: int = instant()
    cost: int = money()


class TrafficFrontier(Table, table=True):
    """Up to which id the rows of a source are counted."""

    __tablename__ = "traffic_frontier"

    source: str = Field(primary_key=True)
    last_id: str


@dataclass(frozen=True)
class Source:
    """A table whose rows are only added, in the order of their ids. `rows` are its lines between
    two ids that count."""

    kind: str
    table: str
    prefix: str
    rows: str


_BETWEEN = "h.id > :after AND h.id <= :upto"
MESSAGES = Source(
    "message", "message_history", "mh",
    # A message is charged when it is sent; some expire of which only a part was.
    "SELECT m.account_id, m.mode, h.at, h.status AS outcome, m.segments AS units,"
    " CASE WHEN h.status = 'sent' OR m.sent_at IS NULL THEN m.cost ELSE 0 END AS cost"
    f" FROM message_history h JOIN message m ON m.id = h.message_id WHERE {_BETWEEN}"
    " AND h.status IN ('sent', 'delivered', 'undelivered', 'failed', 'expired', 'canceled')",
)  # fmt: skip
CALLS = Source(
    "call",
    "call_moment",
    "cm",
    "SELECT c.account_id, c.mode, h.at, h.status AS outcome, c.billsec AS units, c.cost"
    f" FROM call_moment h JOIN call c ON c.id = h.call_id WHERE {_BETWEEN}"
    " AND h.status IN ('completed', 'busy', 'no_answer', 'failed', 'canceled')",
)
REPLIES = Source(
    "reply",
    "sms_inbound",
    "msg",
    "SELECT account_id, mode, created_at AS at, 'received' AS outcome, segments AS units,"
    f" 0 AS cost FROM sms_inbound h WHERE {_BETWEEN}",
)
SOURCES = (MESSAGES, CALLS, REPLIES)
_FRONTIER = "SELECT last_id FROM traffic_frontier WHERE source = :source"


async def frontier(reader: Reader, source: Source) -> str | None:
    """Up to where the source is counted, None before it was begun."""
    row = await reader.one(_FRONTIER, source=source.kind)
    return str(row["last_id"]) if row else None


async def next_id(
    reader: Reader, source: Source, after: str, before: str, rows_max: int
) -> tuple[str | None, int]:
    """The last id of the next rows below `before`, None where there are none; how many there
    are."""
    row = await reader.one(
        f"SELECT MAX(id) AS last, COUNT(*) AS rows FROM (SELECT id FROM {source.table}"
        " WHERE id > :after AND id < :before ORDER BY id LIMIT :rows_max) AS few",
        after=after, before=before, rows_max=rows_max,
    )  # fmt: skip
    assert row is not None
    return row["last"], int(row["rows"])


async def counted(reader: Reader, source: Source, after: str, upto: str) -> list[Row]:
    """What the rows between two ids come to, as columns of `traffic_day`."""
    return await reader.all(
        f"SELECT account_id, mode, at - at % {DAY} AS day, '{source.kind}' AS kind, outcome,"
        " COUNT(*) AS count, CAST(SUM(units) AS BIGINT) AS units, CAST(SUM(cost) AS BIGINT) AS cost"
        f" FROM ({source.rows}) AS lines GROUP BY 1, 2, 3, 4, 5",
        after=after, upto=upto,
    )  # fmt: skip


def add(
    conn: Conn, source: Source, known: str | None, upto: str, rows: list[Row]
) -> bool:  # fmt: skip
    """Add what was counted from the frontier `known` on, and move it; False if somebody else has
    moved it since."""
    conn.lock(f"traffic:{source.kind}")
    row = conn.one(_FRONTIER, source=source.kind)
    if (row["last_id"] if row else None) != known:
        return False
    conn.many(
        "INSERT INTO traffic_day (account_id, mode, day, kind, outcome, count, units, cost)"
        " VALUES (:account_id, :mode, :day, :kind, :outcome, :count, :units, :cost)"
        " ON CONFLICT (account_id, mode, day, kind, outcome) DO UPDATE SET"
        " count = traffic_day.count + excluded.count, units = traffic_day.units + excluded.units,"
        " cost = traffic_day.cost + excluded.cost",
        [*(row for row in rows if row["account_id"] != PLATFORM),
         *(row | {"account_id": PLATFORM} for row in rows)],
    )  # fmt: skip
    conn.run(
        "INSERT INTO traffic_frontier (source, last_id) VALUES (:source, :upto)"
        " ON CONFLICT (source) DO UPDATE SET last_id = excluded.last_id",
        source=source.kind, upto=upto,
    )  # fmt: skip
    return True


async def days(reader: Reader, account_id: str, mode: str, since: int) -> list[Row]:
    """The rows of an account from a day on: a few for each day."""
    return await reader.all(
        "SELECT day, kind, outcome, count, units, cost FROM traffic_day"
        " WHERE account_id = :account_id AND mode = :mode AND day >= :since ORDER BY day",
        account_id=account_id, mode=mode, since=since,
    )  # fmt: skip
