"""Lists of messages, newest first: a page costs the rows that it passes over, read off an index
that holds every number."""

from typing import Any

from db.call_log import like
from db.connection import Reader, Row
from db.ids import first_id

MESSAGE = "msg"
EARLY_MILLIS = 60_000
"""An id is made after the instant of its request, never so long before."""
_FILTERS = {
    "status": "status = :status",
    "since": "created_at >= :since AND id >= :since_id",
    "until": "created_at < :until",
    "cursor": "id < :cursor",
    "search": "(LOWER(to_number) LIKE :search ESCAPE '\\'"
    " OR LOWER(from_number) LIKE :search ESCAPE '\\')",
}


async def page_of(
    table: str, reader: Reader, account_id: str, mode: str, *, limit: int, offset: int = 0,
    **filters: Any,
) -> list[Row]:  # fmt: skip
    """Rows of an account and mode; filters are the keys of `_FILTERS`, None means any."""
    where, params = _where(account_id, mode, filters)
    return await reader.all(
        f"SELECT * FROM {table} WHERE id IN (SELECT id FROM {table}"
        f" WHERE {where} ORDER BY id DESC LIMIT :limit OFFSET :offset) ORDER BY id DESC",
        limit=limit, offset=offset, **params,
    )  # fmt: skip


async def total_of(
    table: str, reader: Reader, account_id: str, mode: str, **filters: Any
) -> int:  # fmt: skip
    """How many rows the filters find on all pages."""
    where, params = _where(account_id, mode, {**filters, "cursor": None})
    row = await reader.one(f"SELECT COUNT(*) AS total FROM {table} WHERE {where}", **params)
    return int(row["total"]) if row else 0


def _where(account_id: str, mode: str, filters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    used = {name: value for name, value in filters.items() if value is not None}
    clauses = ["account_id = :account_id", "mode = :mode", *(_FILTERS[name] for name in used)]
    if "search" in used:
        used["search"] = like(used["search"])
    if "since" in used:
        used["since_id"] = first_id(MESSAGE, max(0, used["since"] // 1000 - EARLY_MILLIS))
    return " AND ".join(clauses), {"account_id": account_id, "mode": mode, **used}
