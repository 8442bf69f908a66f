"""The first page after signing in: what is going on, what needs attention, what to do first."""

from typing import Annotated

from pydantic import Field
from starlette.responses import Response

from api.dashboard import attention, overview
from api.dashboard.lists import ModeQuery
from api.dashboard.viewer import go, member
from api.web.page import Facts, PageContext, Pages
from db import accounts, spending, users
from db.columns import MODES
from telephony.billing import statement
from telephony.billing.limits import Payer
from telephony.users import first_steps
from telephony.users.roles import USER

page = Pages()
DAYS = (7, 30, 90)


class OverviewQuery(ModeQuery):
    """What the charts show."""

    days: Annotated[int, Field(ge=DAYS[0], le=DAYS[-1])] = 30


@page("GET", "/dashboard", roles=(USER,), template="dashboard/home.html", takes=OverviewQuery)
async def home(context: PageContext, given: OverviewQuery) -> Facts | Response:
    """Balances and traffic of one mode, and what to do next."""
    me, db = member(context), context.db
    if not me.account_id and me.platform_role:
        return go("/admin")
    mode = given.mode_for(context)
    facts: Facts = {"accounts": await users.accounts_of(db, me.user_id), "mode": mode,
                    "days": given.days, "spans": DAYS}  # fmt: skip
    return facts | (await _account(context, mode, given.days) if me.account_id else {})


async def _account(context: PageContext, mode: str, days: int) -> Facts:
    me, db, now = member(context), context.db, context.now
    pots = {one: await statement.wallets(db, me.account_id, one) for one in MODES}
    periods = Payer(me.account_id, mode, None, now).periods()
    spent = await spending.spent(db, mode, list(periods.values()))
    return {
        "live_offered": me.live
        and mode == "test"
        and not await accounts.has_key(db, me.account_id, "live"),
        "pots": pots[mode],
        "points": await attention.points(db, me, pots, now),
        "steps": await first_steps.look(db, me.account_id, now),
        "spent": {name: spent.get(period, 0) for name, period in periods.items()},
        "caps": await spending.caps_of(db, me.account_id),
        **await overview.traffic_of(db, me.account_id, mode, days, now),
    }
