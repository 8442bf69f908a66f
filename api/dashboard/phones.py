"""SIP accounts of the account: the list, with the phones that are registered just now."""

from collections.abc import AsyncIterator
from typing import Literal

from starlette.responses import Response

from api.dashboard.lists import Filters, as_csv
from api.dashboard.live import live
from api.dashboard.viewer import member
from api.fields import Answer, Time
from api.v1.sip_accounts import PAGE_MAX, SipAccountQuery, listed
from api.web.page import Facts, PageContext, Pages
from db import sip
from db.connection import Row
from telephony.users.roles import Right, having

page = Pages()
HERE = "/dashboard/phones"
LOOKERS, BUILDERS = having(Right.look), having(Right.build)


class PhonesQuery(Filters, SipAccountQuery):
    """Filters of the list, as they stand in the URL."""


class PhoneLine(Answer):
    """A SIP account as a line of CSV."""

    username: str
    label: str
    mode: Literal["live", "test"]
    status: Literal["active", "suspended"]
    caller_id: str
    short_number: str | None
    registered: int
    codecs: str
    transports: str
    media: str
    cidrs: str
    record: str
    created_at: Time


@page("GET", HERE, roles=LOOKERS, template="dashboard/phones.html", takes=PhonesQuery)
async def show_phones(context: PageContext, given: PhonesQuery) -> Facts:
    """SIP accounts, the newest first."""
    return await _facts(context, given)


@page("GET", f"{HERE}/live", roles=LOOKERS, takes=PhonesQuery)
async def live_phones(context: PageContext, given: PhonesQuery) -> Response:
    """The rows of the list as they change."""
    return live(context, "dashboard/phones_rows.html", lambda: _facts(context, given))


@page("GET", f"{HERE}.csv", roles=LOOKERS, takes=PhonesQuery)
async def phones_csv(context: PageContext, given: PhonesQuery) -> Response:
    """All of them that the search finds."""
    return as_csv("sip-accounts.csv", PhoneLine, _pages(context, given), _line)


async def _facts(context: PageContext, given: PhonesQuery) -> Facts:
    me = member(context)
    found = await listed(context.db, me.account_id, given)
    return {
        "found": found, "query": {"search": given.search or ""}, "at_first": given.cursor is None,
        "cursor": given.cursor, "builds": Right.build in me.rights,
    }  # fmt: skip


async def _pages(context: PageContext, given: PhonesQuery) -> AsyncIterator[list[Row]]:
    cursor, more = None, True
    while more:
        rows = await sip.page(
            context.db, member(context).account_id, limit=PAGE_MAX, offset=0, cursor=cursor,
            search=given.search,
        )  # fmt: skip
        yield await sip.with_state(context.db, rows)
        more = len(rows) == PAGE_MAX
        cursor = rows[-1]["id"] if rows else None


def _line(row: Row) -> PhoneLine:
    return PhoneLine(**row | {"mode": row["dial_mode"], "registered": len(row["contacts"])})
