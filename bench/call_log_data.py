"""Rows of the call log in bulk: many accounts, one of which has half of the rows.

Made by statements that both databases know, each row from its number alone, so that nobody has to
keep them and a repeat makes the same."""

from collections.abc import Callable
from typing import Any

from db.ids import ALPHABET

LARGE, OTHERS = "acc_large", 199
MODE = "live"
DAYS = 400
FIRST_MILLIS = 1_730_000_000_000
ROWS_PER_STATEMENT = 200_000
PHONES = 500

INSTANT = " || ".join(
    f"SUBSTR('{ALPHABET}', CAST(((ms >> {shift}) & 31) + 1 AS INTEGER), 1)"
    for shift in range(45, -5, -5)
)
"""The instant of an id, as `db.ids` spells it."""


def digits(value: str, count: int) -> str:
    """The last digits of a number."""
    return f"SUBSTR(CAST({10**count} + ({value}) % {10**count} AS TEXT), 2)"


_VALUES = {
    "id": f"'call_' || {INSTANT} || {digits('n', 16)}",
    "channel_id": f"'call_' || {INSTANT} || {digits('n', 16)}",
    "account_id": f"CASE WHEN n % 2 = 0 THEN '{LARGE}' ELSE 'acc_' || (x / 7 % {OTHERS}) END",
    "sip_account": f"'phone-' || (x / 11 % {PHONES})",
    "mode": f"'{MODE}'",
    "direction": "CASE WHEN x % 10 < 6 THEN 'outbound' WHEN x % 10 < 9 THEN 'inbound'"
    " ELSE 'internal' END",
    "status": "CASE WHEN x / 13 % 100 < 60 THEN 'completed' WHEN x / 13 % 100 < 85 THEN"
    " 'no_answer' WHEN x / 13 % 100 < 93 THEN 'busy' WHEN x / 13 % 100 < 98 THEN 'failed'"
    " ELSE 'canceled' END",
    "first_leg": "'PJSIP/phone'",
    "route": "'simulated'",
    "legs": "''",
    "first_legs": "''",
    "to_number": f"CASE WHEN x / 17 % 10 < 5 THEN '+1555' || {digits('x / 19', 7)}"
    f" WHEN x / 17 % 10 < 8 THEN '+4930' || {digits('x / 23', 8)}"
    f" ELSE '+3361' || {digits('x / 29', 7)} END",
    "from_number": f"'phone-' || (x / 11 % {PHONES})",
    "caller_id": f"'+1212555' || {digits('x / 31 % 50', 4)}",
    "ring_seconds": "30", "max_seconds": "600", "time_limit_seconds": "600",
    "granted_seconds": "60", "armed_seconds": "60", "cut_cause": "'time_limit'",
    "rate": "'{}'", "currency": "'USD'", "cost": "12000", "duration": "67", "billsec": "60",
    "record": "''", "node": "'pbx1'",
    "created_at": "ms * 1000", "started_at": "ms * 1000", "ended_at": "ms * 1000 + 67000000",
}  # fmt: skip


def statement() -> str:
    """Adds the rows from number :first to :last of a table that is to have :rows."""
    millis = DAYS * 24 * 3600 * 1000
    return (
        f"INSERT INTO call ({', '.join(_VALUES)}) WITH RECURSIVE numbers(n) AS ("
        "SELECT CAST(:first AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < :last),"
        # A permutation of the numbers, twice, so that neighbours have nothing in common.
        " mixed AS (SELECT n, (n * 6364136223 + 1442695041) % 1000000007 * 8191 % 999999937 AS x,"
        f" {FIRST_MILLIS} + n * CAST({millis} AS BIGINT) / :rows AS ms FROM numbers)"
        f" SELECT {', '.join(_VALUES.values())} FROM mixed"
    )


def accounts() -> list[dict[str, Any]]:
    """Every account that the rows belong to."""
    names = [LARGE, *(f"acc_{number}" for number in range(OTHERS))]
    return [{"id": name, "name": name} for name in names]


def fill(
    run: Callable[[str, dict[str, Any]], object], rows: int, told: Callable[[int], None]
) -> None:
    """Add all rows by `run`, which takes a statement and its parameters and commits."""
    sql = statement()
    for first in range(0, rows, ROWS_PER_STATEMENT):
        last = min(rows, first + ROWS_PER_STATEMENT) - 1
        run(sql, {"first": first, "last": last, "rows": rows})
        told(last + 1)
