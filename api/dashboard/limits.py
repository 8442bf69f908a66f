"""When the account is warned of a low balance, and how much it may spend."""

from pydantic import Field
from starlette.responses import Response

from api.dashboard.amounts import cap_of
from api.dashboard.forms import Text
from api.dashboard.lists import ModeQuery, mode_of_form
from api.dashboard.viewer import go, member
from api.fields import Body
from api.web.page import Facts, PageContext, Pages
from db import spending
from telephony.billing import statement
from telephony.billing.limits import Payer
from telephony.users import own_limits
from telephony.users.roles import Right, having

page = Pages()
HERE = "/dashboard/wallet/limits"
PAYERS = having(Right.pay)


class ThresholdForm(Body):
    """From which balance down a wallet is low; never if empty."""

    mode: Text
    wallet: Text
    threshold: str = Field("", max_length=40)


class CapsForm(Body):
    """Caps of the account; none if empty."""

    day: str = Field("", max_length=40)
    month: str = Field("", max_length=40)


@page("GET", HERE, roles=having(Right.look), template="dashboard/limits.html", takes=ModeQuery)
async def show_limits(context: PageContext, given: ModeQuery) -> Facts:
    """Thresholds of one mode, caps of the account, and what is spent."""
    return await _limits(context, given)


async def _limits(context: PageContext, given: ModeQuery) -> Facts:
    me, db = member(context), context.db
    mode = given.mode_for(context)
    periods = Payer(me.account_id, mode, None, context.now).periods()
    spent = await spending.spent(db, mode, list(periods.values()))
    return {
        "mode": mode, "pots": await statement.wallets(db, me.account_id, mode),
        "caps": await spending.caps_of(db, me.account_id), "pays": Right.pay in me.rights,
        "spent": {name: spent.get(period, 0) for name, period in periods.items()},
    }  # fmt: skip


async def _again(context: PageContext) -> Facts:
    return await _limits(context, ModeQuery(mode=mode_of_form(context)))


@page("POST", f"{HERE}/threshold", roles=PAYERS, takes=ThresholdForm, again=_again,
      template="dashboard/limits.html")  # fmt: skip
async def set_threshold(context: PageContext, given: ThresholdForm) -> Response:
    """Warn of a low balance from another amount on."""
    threshold = cap_of(given.threshold, f"threshold_{given.wallet}")
    await context.db.write(
        own_limits.set_threshold, member(context), given.mode, given.wallet, threshold, context.now
    )
    return go(f"{HERE}?mode={given.mode}")


@page("POST", f"{HERE}/caps", roles=PAYERS, confirm=True, takes=CapsForm, again=_again,
      template="dashboard/limits.html")  # fmt: skip
async def set_caps(context: PageContext, given: CapsForm) -> Response:
    """Other caps of the account."""
    day, month = cap_of(given.day, "day"), cap_of(given.month, "month")
    await context.db.write(own_limits.set_caps, member(context), day, month, context.now)
    return go(HERE)
