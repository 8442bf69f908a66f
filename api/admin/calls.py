"""The call log over all accounts, one call, and the calls that are under way."""

from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from starlette.responses import Response

from api.admin import logs
from api.admin.acting import ADMINS, act_noted, acts
from api.dashboard.forms import IdForm
from api.dashboard.viewer import go
from api.fields import Money, Time
from api.web.page import Facts, PageContext, Pages
from db import accounts, all_accounts, calls, cdrs
from db.calls import CallStatus
from db.searched import CALLS
from telephony.errors import NotFoundError
from telephony.users.roles import PLATFORM
from telephony.voice import hangups

page = Pages()
HERE = "/admin/calls"
LIVE = "/admin/live-calls"
LIVE_MAX = 500
"""So many calls are shown; a page of more would be slow to draw, and nobody reads it."""
EVERY = {"direction": calls.DIRECTIONS, "status": tuple(CallStatus)}


class CallQuery(logs.LogQuery):
    """Filters of the call log."""

    status: CallStatus | None = None
    direction: Literal["outbound", "inbound", "internal"] | None = None
    sip_account: Annotated[str, Field(max_length=64)] | None = None

    def filters(self) -> dict[str, Any]:
        """As the records take them."""
        return super().filters() | {
            "status": self.status, "direction": self.direction, "sip_account": self.sip_account,
        }  # fmt: skip


class CallLine(BaseModel):
    """A call in the file."""

    id: str
    account_id: str
    mode: str
    direction: str
    status: str
    from_number: str
    to_number: str
    caller_id: str
    sip_account: str | None
    trunk: str | None
    node: str | None
    created_at: Time
    answered_at: Time | None
    ended_at: Time | None
    billsec: int
    cost: Money
    currency: str
    hangup_cause: str | None
    sip_code: int | None
    request_id: str | None


@page("GET", HERE, roles=PLATFORM, template="admin/calls.html", takes=CallQuery)
async def show_calls(context: PageContext, given: CallQuery) -> Facts:
    """Calls of all accounts, the newest first."""
    return await logs.found(context, CALLS, given) | {"every": EVERY}


@page("GET", f"{HERE}.csv", roles=PLATFORM, takes=CallQuery)
async def calls_file(context: PageContext, given: CallQuery) -> Response:
    """The same as a file."""
    return await logs.as_file(context, CALLS, given, "calls.csv", CallLine)


@page("GET", f"{HERE}/{{call_id}}", roles=PLATFORM, template="admin/call.html")
async def show_call(context: PageContext, _: None) -> Facts:
    """One call: what was asked for, its timeline, what the PBX wrote of it."""
    row = await all_accounts.one(context.db, CALLS, context.path["call_id"])
    if row is None:
        raise NotFoundError("There is no such call.")
    return {
        "call": row, "accounts": await accounts.names(context.db, [row["account_id"]]),
        "moments": await calls.timeline(context.db, row["id"]),
        "records": await cdrs.of_call(context.db, row["id"]), "acts": acts(context),
        "open": row["status"] not in calls.ENDED,
    }  # fmt: skip


@page("GET", LIVE, roles=PLATFORM, template="admin/live_calls.html",
      part="admin/live_calls_part.html")  # fmt: skip
async def show_live(context: PageContext, _: None) -> Facts:
    """What is under way on all PBX nodes."""
    rows = await all_accounts.live_calls(context.db, LIVE_MAX)
    named = await accounts.names(context.db, {row["account_id"] for row in rows})
    return {"rows": rows, "accounts": named, "now": context.now, "most": LIVE_MAX,
            "acts": acts(context)}  # fmt: skip


@page("POST", f"{LIVE}/hang-up", roles=ADMINS, confirm=True, takes=IdForm)
async def hang_up(context: PageContext, given: IdForm) -> Response:
    """End a call, whoever's it is."""
    row = await all_accounts.one(context.db, CALLS, given.id)
    if row is None:
        raise NotFoundError("There is no such call.")
    cut = partial(hangups.cut, call_id=given.id, at=context.now)
    await act_noted(context, "call.hung_up", given.id, cut, account_id=row["account_id"])
    return go(LIVE)
