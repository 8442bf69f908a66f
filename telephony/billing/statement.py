"""What an account's wallets hold, and what moved their money: read only."""

import re
from collections.abc import AsyncIterator
from typing import Any

from db import ledger, statement
from db.connection import Reader, Row

CURSOR = r"^txn_[0-9a-z]{26}\.(wallet|sip)$"
"""What `cursor_of` gives."""
_ABOUT = re.compile(r"(?:charge|surplus):((msg|call)_[0-9a-z]+)")
_ABOUT_TOLD = {"msg": "Message", "call": "Call"}
_TOLD = {"fund": "Deposit", "charge": "Charge", "refund": "Refund", "adjust": "Correction"}
_TRANSFER = {"wallet": "To the SIP wallet", "sip": "From the wallet"}


async def wallets(reader: Reader, account_id: str, mode: str) -> dict[str, Row]:
    """The account's `wallet` and `sip`: balance, held, low_threshold, currency."""
    return await ledger.balances(reader, account_id, mode)


async def page(
    reader: Reader, account_id: str, mode: str, *, limit: int, cursor: str | None = None,
    **filters: Any,
) -> list[Row]:  # fmt: skip
    """Lines, newest first. Filters are `wallet`, `kind`, `since` and `until`, None means any;
    `cursor` is that of the line before."""
    journal_id, _, wallet = (cursor or "").partition(".")
    before = (journal_id, wallet) if cursor else None
    rows = await statement.page(reader, account_id, mode, limit=limit, before=before, **filters)
    return [_line(row) for row in rows]


async def pages(
    reader: Reader, account_id: str, mode: str, **filters: Any
) -> AsyncIterator[list[Row]]:
    """All lines that the filters find, a bounded number at a time."""
    async for rows in statement.pages(reader, account_id, mode, **filters):
        yield [_line(row) for row in rows]


def cursor_of(line: Row) -> str:
    """What a page that follows the line begins after."""
    return f"{line['id']}.{line['wallet']}"


def _line(row: Row) -> Row:
    """A row with what it is about: a message, a call, or the charge that it gives back."""
    about = _ABOUT.match(row["reference"])
    ids: dict[str, str | None] = {"msg": None, "call": None}
    if about:
        ids[about[2]] = about[1]
    return {
        **row, "message_id": ids["msg"], "call_id": ids["call"],
        "description": _described(row, about[2] if about else ""),
    }  # fmt: skip


def _described(row: Row, about: str) -> str:
    if row["kind"] == "sip_topup":
        return _TRANSFER[str(row["wallet"])]
    told = _ABOUT_TOLD.get(about) or _TOLD[str(row["kind"])]
    return f"{told}: {row['reason']}" if row["reason"] else told
