"""The first of the administrators' pages: the traffic of all accounts, and what waits."""

from api.dashboard import overview
from api.dashboard.home import DAYS, OverviewQuery
from api.web.page import Facts, PageContext, Pages
from db import tickets
from db.accounts import PLATFORM as ALL_ACCOUNTS
from telephony.users.roles import PLATFORM

page = Pages()
TICKETS_MAX = 1_000
"""Open ones are counted no further."""


@page("GET", "/admin", roles=PLATFORM, template="admin/home.html", takes=OverviewQuery)
async def home(context: PageContext, given: OverviewQuery) -> Facts:
    """Traffic of one mode, and what needs an administrator."""
    mode = given.mode or "live"
    return {
        "mode": mode,
        "days": given.days,
        "spans": DAYS,
        "open_tickets": await tickets.count_waiting(context.db, "open", None, TICKETS_MAX),
        **await overview.traffic_of(context.db, ALL_ACCOUNTS, mode, given.days, context.now),
    }
