"""The call log: ended calls of an account, newest first, found by a part of any number."""

from typing import Any

from db import calls
from db.connection import Reader, Row

ENDED = sorted(calls.ENDED)
_FILTERS = {
    "search": "(LOWER(to_number) LIKE :search ESCAPE '\\'"
    " OR LOWER(from_number) LIKE :search ESCAPE '\\'"
    " OR LOWER(caller_id) LIKE :search ESCAPE '\\'"
    " OR LOWER(sip_account) LIKE :search ESCAPE '\\')",
    "direction": "direction = :direction",
    "status": "status = :status",
    "since": "created_at >= :since",
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
    """Rows of ended calls; filters are the keys of `_FILTERS`, None means any."""
    where, params = _where(account_id, mode, filters)
    return await reader.all(
        f"SELECT * FROM call WHERE {where} ORDER BY id DESC LIMIT :limit OFFSET :offset",
        limit=limit, offset=offset, **params,
    )  # fmt: skip


async def count(reader: Reader, account_id: str, mode: str, **filters: Any) -> int:
    """How many rows the filters find on all pages."""
    where, params = _where(account_id, mode, {**filters, "cursor": None})
    row = await reader.one(f"SELECT COUNT(*) AS total FROM call WHERE {where}", **params)
    return int(row["total"]) if row else 0


def _where(account_id: str, mode: str, filters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    used = {name: value for name, value in filters.items() if value is not None}
    clauses = ["account_id = :account_id", "mode = :mode", "status IN :ended"]
    clauses += [_FILTERS[name] for name in used]
    if "search" in used:
        used["search"] = like(used["search"])
    return " AND ".join(clauses), {"account_id": account_id, "mode": mode, "ended": ENDED, **used}
