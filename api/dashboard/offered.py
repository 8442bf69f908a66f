"""What forms offer of what an account may have thousands of: some to choose from; where there are
more than that, the form has an input that suggests these and takes any."""

from typing import NamedTuple

from api.dashboard.viewer import member
from api.web.formats import phone
from api.web.page import PageContext
from db import caller_ids, numbers, sip
from db.connection import Row

OFFERED_MAX = 200


class Offer(NamedTuple):
    """Values with what is shown for each, and whether the account has more of them."""

    options: list[tuple[str, str]]
    more: bool


async def shown_numbers(context: PageContext, mode: str) -> Offer:
    """Those that calls and messages of the account may show."""
    found = await caller_ids.showable(context.db, member(context).account_id, mode, OFFERED_MAX + 1)
    return _numbers(found)


async def own_numbers(context: PageContext) -> Offer:
    """Those that people may call or write to."""
    rows = await numbers.page(context.db, member(context).account_id, limit=OFFERED_MAX + 1)
    return _numbers([row["number"] for row in rows])


async def phones_of(context: PageContext, account_id: str) -> tuple[list[Row], bool]:
    """SIP accounts of an account, and whether there are more."""
    rows = await sip.page(context.db, account_id, limit=OFFERED_MAX + 1, offset=0,
                          cursor=None, search=None)  # fmt: skip
    return rows[:OFFERED_MAX], len(rows) > OFFERED_MAX


def _numbers(found: list[str]) -> Offer:
    return Offer([(one, phone(one)) for one in found[:OFFERED_MAX]], len(found) > OFFERED_MAX)
