"""What moved the money of an account's wallets, newest first. A page costs its rows, however much
was posted before and after it."""

from collections.abc import AsyncIterator
from typing import Any

from db.connection import Reader, Row
from db.ids import first_id
from db.ledger import COMMON, WALLETS

JOURNAL = "txn"
ROWS_PER_READ = 500
EARLY_MILLIS = 60_000
"""An id is made after the instant that its journal names, never so long before."""
LATE_MILLIS = 3_600_000
"""Nor so long after: a deed that waits for its turn waits for seconds."""
NEWEST = f"{JOURNAL}_{'z' * 26}"
JUST_AFTER = "0"
"""Added to an id it sorts behind that one, and before the next, in every collation."""
_AT = {"since": "j.at >= :since", "until": "j.at < :until"}


async def page(
    reader: Reader, account_id: str, mode: str, *, limit: int, wallet: str | None = None,
    before: tuple[str, str] | None = None, **filters: Any,
) -> list[Row]:  # fmt: skip
    """Postings of the wallets with their journals. Filters are `kind`, `since` and `until`, None
    means any; `before` is the journal and wallet of the last row of the page before this."""
    used = {name: value for name, value in filters.items() if value is not None}
    wallets = [wallet] if wallet else list(WALLETS)
    parts = [f"SELECT * FROM ({_of_pot(reader, kind, used)}) AS {kind}" for kind in wallets]
    ends = {f"before_{kind}": _before(kind, before, used) for kind in wallets}
    if "since" in used:
        used["since_id"] = first_id(JOURNAL, max(0, used["since"] // 1000 - EARLY_MILLIS))
    return await reader.all(
        f"{' UNION ALL '.join(parts)} ORDER BY id DESC, wallet DESC LIMIT :limit",
        account_id=account_id, mode=mode, limit=limit, **ends, **used,
    )  # fmt: skip


async def pages(
    reader: Reader, account_id: str, mode: str, **filters: Any
) -> AsyncIterator[list[Row]]:
    """All rows that the filters find, a bounded number at a time."""
    rows = await page(reader, account_id, mode, limit=ROWS_PER_READ, **filters)
    while rows:
        yield rows
        filters["before"] = (rows[-1]["id"], rows[-1]["wallet"])
        rows = await page(reader, account_id, mode, limit=ROWS_PER_READ, **filters)


def _of_pot(reader: Reader, wallet: str, used: dict[str, Any]) -> str:
    """The rows of one pot, read off an index that begins with it and goes on with the journal."""
    rare = used.get("kind", COMMON[0]) not in COMMON
    pot = (
        "(SELECT id FROM ledger_account WHERE account_id = :account_id AND mode = :mode"
        f" AND kind = '{wallet}')"
    )
    same = "p.journal_id = k.journal_id AND p.ledger_account_id = k.ledger_account_id"
    listed = f"posting_of_kind k {_looked_up(reader, 'posting p', same)}"
    at = "k" if rare else "p"
    journal = _looked_up(reader, "journal j", f"j.id = {at}.journal_id")
    where = [f"{at}.ledger_account_id = {pot}", f"{at}.journal_id < :before_{wallet}"]
    where += [f"{at}.journal_id >= :since_id"] if "since" in used else []
    where += [_AT[name] for name in _AT if name in used]
    if "kind" in used:
        where.append("k.kind = :kind" if rare else "j.kind = :kind")
    return (
        f"SELECT j.id, '{wallet}' AS wallet, p.amount, p.balance_after, j.kind, j.reference,"
        f" j.reason, j.refers_to, j.at FROM {listed if rare else 'posting p'}"
        f" {journal} WHERE {' AND '.join(where)}"
        f" ORDER BY {at}.journal_id DESC LIMIT :limit"
    )


def _looked_up(reader: Reader, named: str, same: str) -> str:
    """The row of a table, given with its short name, that belongs to each row before it. PostgreSQL
    has to be told to look it up: it would walk through a whole index beside them."""
    if reader.dialect == "postgres":
        return (
            f"CROSS JOIN LATERAL (SELECT * FROM {named} WHERE {same} OFFSET 0)"
            f" AS {named.split()[1]}"
        )
    return f"JOIN {named} ON {same}"


def _before(wallet: str, before: tuple[str, str] | None, used: dict[str, Any]) -> str:
    """The id that rows of the wallet come before. Of one journal `wallet` is shown before `sip`,
    so after its `wallet` row the `sip` row is still to come."""
    ends = [NEWEST]
    if before:
        ends.append(before[0] + (JUST_AFTER if wallet < before[1] else ""))
    if "until" in used:
        ends.append(first_id(JOURNAL, max(0, used["until"] // 1000 + LATE_MILLIS)))
    return min(ends)
