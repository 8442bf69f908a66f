"""The call log: ended calls of an account, newest first, found by a part of any number.

A page costs the calls that it passes over, and a total the calls of the account, both read off
one index that holds every filter. Among a million calls of one account that is about a second
for a search that finds none, and a quarter of one for the total.
"""

from collections.abc import AsyncIterator
from typing import Any

from db.calls import HAS_ENDED
from db.connection import Reader, Row
from db.ids import first_id

CALL = "call"
ROWS_PER_READ = 500
EARLY_MILLIS = 60_000
"""An id is made after the instant that its call was asked for, never so long before."""
SEARCHED = ("to_number", "from_number", "caller_id", "sip_account")
_FILTERS = {
    "direction": "direction = :direction",
    "status": "status = :status",
    "since": "created_at >= :since AND id >= :since_id",
    "until": "created_at < :until",
    "sip_account": "sip_account = :sip_account",
    "cursor": "id < :cursor",
}


def like(part: str) -> str:
    """A LIKE pattern for lower-cased text that finds the part itself, wildcards in it included."""
    escaped = part.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


async def page(
    reader: Reader, account_id: str, mode: str, *, limit: int, offset: int = 0, **filters: Any
) -> list[Row]:
    """Rows of ended calls; filters are `search` and the keys of `_FILTERS`, None means any."""
    where, params = _where(account_id, mode, filters)
    return await reader.all(
        "SELECT * FROM call WHERE id IN (SELECT id FROM call"
        f" WHERE {where} ORDER BY id DESC LIMIT :limit OFFSET :offset) ORDER BY id DESC",
        limit=limit, offset=offset, **params,
    )  # fmt: skip


async def newest(
    reader: Reader, account_id: str, mode: str, *, limit: int, **filters: Any
) -> list[Row]:
    """Like `page`, with calls that have not ended, and without an offset."""
    where, params = _where(account_id, mode, filters, which=())
    return await reader.all(
        f"SELECT * FROM call WHERE {where} ORDER BY id DESC LIMIT :limit", limit=limit, **params
    )


async def pages(
    reader: Reader, account_id: str, mode: str, **filters: Any
) -> AsyncIterator[list[Row]]:
    """All rows that the filters find, a bounded number at a time."""
    rows = await page(reader, account_id, mode, limit=ROWS_PER_READ, **filters)
    while rows:
        yield rows
        filters["cursor"] = rows[-1]["id"]
        rows = await page(reader, account_id, mode, limit=ROWS_PER_READ, **filters)


async def count(reader: Reader, account_id: str, mode: str, **filters: Any) -> int:
    """How many rows the filters find on all pages."""
    where, params = _where(account_id, mode, {**filters, "cursor": None})
    row = await reader.one(f"SELECT COUNT(*) AS total FROM call WHERE {where}", **params)
    return int(row["total"]) if row else 0


def _search(part: str) -> str:
    """Digits have no small letters, and to make them costs as much as the comparison itself."""
    folded = "LOWER({})" if part.lower() != part.upper() else "{}"
    columns = (folded.format(column) for column in SEARCHED)
    return "({})".format(" OR ".join(f"{one} LIKE :search ESCAPE '\\'" for one in columns))


def _where(
    account_id: str, mode: str, filters: dict[str, Any], which: tuple[str, ...] = (HAS_ENDED,)
) -> tuple[str, dict[str, Any]]:
    used = {name: value for name, value in filters.items() if value is not None}
    clauses = ["account_id = :account_id", "mode = :mode", *which]
    clauses += [_FILTERS[name] for name in used if name != "search"]
    if "search" in used:
        clauses.append(_search(used["search"]))
        used["search"] = like(used["search"])
    if "since" in used:
        used["since_id"] = first_id(CALL, max(0, used["since"] // 1000 - EARLY_MILLIS))
    return " AND ".join(clauses), {"account_id": account_id, "mode": mode, **used}
