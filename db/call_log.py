"""The call log: ended calls of an account, newest first, found by a part of any number."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from db import lists
from db.branches import Branches
from db.calls import DIRECTIONS, HAS_ENDED
from db.calls import ENDED as HAVE_ENDED
from db.connection import Reader, Row
from db.lists import Listing, Query
from db.searched import CALLS

_OUTCOMES = {"direction": DIRECTIONS, "status": tuple(sorted(map(str, HAVE_ENDED)))}
ENDED = replace(
    CALLS, only=HAS_ENDED,
    branches=(Branches("ix_call_phone", {"sip_account": (), **_OUTCOMES}),
              Branches("ix_call_outcome", _OUTCOMES)),
)  # fmt: skip


async def listing(
    reader: Reader, account_id: str | None, mode: str, *, limit: int, offset: int = 0,
    **filters: Any,
) -> Listing:  # fmt: skip
    """A page of ended calls, whether others follow, and the total; filters are `search`, `cursor`,
    `since`, `until` and those of `CALLS`, None means any. Without an account of all of them."""
    return await lists.listing(reader, Query(ENDED, account_id, mode, filters), limit, offset)


async def newest(
    reader: Reader, account_id: str, mode: str, *, limit: int, **filters: Any
) -> list[Row]:
    """Rows of a page with calls that have not ended, and without an offset."""
    return await lists.page(reader, Query(CALLS, account_id, mode, filters), limit)


def pages(
    reader: Reader, account_id: str, mode: str, **filters: Any
) -> AsyncIterator[list[Row]]:  # fmt: skip
    """All rows that the filters find, a bounded number at a time."""
    return lists.pages(reader, Query(ENDED, account_id, mode, filters))
