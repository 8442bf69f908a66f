"""One API key: from where it may be used, how much it may spend and ask for."""

from pydantic import Field
from starlette.responses import Response

from api.dashboard.amounts import cap_of, limit_of
from api.dashboard.viewer import go, member
from api.fields import Body
from api.web.page import Facts, PageContext, Pages
from db import accounts, spending
from telephony.billing.limits import Payer
from telephony.errors import NotFoundError
from telephony.users import keys
from telephony.users.roles import Right, having

page = Pages()
HERE = "/dashboard/keys/{id}"
COUNTS = ("calls_max", "calls_per_second", "requests_per_minute", "requests_burst")


class KeyLimitsForm(Body):
    """Networks and limits; those that are empty are as the account has them."""

    cidrs: str = Field("", max_length=4_000)
    spend_day_max: str = Field("", max_length=40)
    calls_max: str = Field("", max_length=40)
    calls_per_second: str = Field("", max_length=40)
    requests_per_minute: str = Field("", max_length=40)
    requests_burst: str = Field("", max_length=40)


async def _key(context: PageContext) -> Facts:
    me, db = member(context), context.db
    key = await accounts.find_key(db, me.account_id, context.path["id"])
    if key is None:
        raise NotFoundError
    period = Payer(me.account_id, key["mode"], key["id"], context.now).periods()["key_day"]
    spent = await spending.spent(db, key["mode"], [period])
    ended = key["revoked_at"] is not None or (key["expires_at"] or context.now) < context.now
    return {"key": key, "spent": spent.get(period, 0),
            "builds": Right.build in me.rights and not ended}  # fmt: skip


@page("GET", HERE, roles=having(Right.look), template="dashboard/key.html")
async def show_key(context: PageContext, _: None) -> Facts:
    """What the key may do, and what it has spent today."""
    return await _key(context)


@page("POST", HERE, roles=having(Right.build), confirm=True, takes=KeyLimitsForm, again=_key,
      template="dashboard/key.html")  # fmt: skip
async def change_key(context: PageContext, given: KeyLimitsForm) -> Response:
    """Set networks and limits; they count within a second."""
    limits = {name: limit_of(getattr(given, name), name) for name in COUNTS}
    limits["spend_day_max"] = cap_of(given.spend_day_max, "spend_day_max")
    cidrs, key_id = given.cidrs.replace(",", " ").split(), context.path["id"]
    await context.db.write(keys.change, member(context), key_id, cidrs, limits, context.now)
    return go(f"/dashboard/keys/{key_id}")
