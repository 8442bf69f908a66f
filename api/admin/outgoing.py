"""The kill switch: live messages and calls leave for the world, or do not."""

from pydantic import Field
from starlette.responses import Response

from api.admin.acting import ADMINS, acts
from api.dashboard.forms import Text
from api.dashboard.viewer import go, member
from api.fields import Body
from api.web.page import Facts, PageContext, Pages
from db import outgoing as stored
from db.outgoing import Outgoing
from telephony import outgoing as switch
from telephony.admin import kill_switch
from telephony.admin.rights import as_admin
from telephony.users.roles import PLATFORM

page = Pages()
HERE = "/admin/outgoing"


class StopForm(Body):
    """What is stopped, and why; `hang_up` is there if it is ticked."""

    kind: Outgoing
    reason: Text
    hang_up: str = Field("", max_length=10)


class ResumeForm(Body):
    """What leaves again."""

    kind: Outgoing


async def _switch(context: PageContext) -> Facts:
    stops = {row["kind"]: row for row in await stored.shown(context.db)}
    return {"kinds": tuple(Outgoing), "stops": stops, "acts": acts(context)}


@page("GET", HERE, roles=PLATFORM, template="admin/outgoing.html")
async def show_switch(context: PageContext, _: None) -> Facts:
    """What is stopped, since when, by whom, and why."""
    return await _switch(context)


@page("POST", f"{HERE}/stop", roles=ADMINS, confirm=True, takes=StopForm,
      template="admin/outgoing.html", again=_switch)  # fmt: skip
async def stop_outgoing(context: PageContext, given: StopForm) -> Response:
    """Let nothing of that kind out any more."""
    hang_up, at = bool(given.hang_up), context.now
    await context.db.write(
        as_admin, member(context), at, kill_switch.stop, given.kind, given.reason, hang_up
    )
    if given.kind == Outgoing.calls:
        await kill_switch.finish(context.db, at, hang_up)
    return go(HERE)


@page("POST", f"{HERE}/resume", roles=ADMINS, confirm=True, takes=ResumeForm)
async def resume_outgoing(context: PageContext, given: ResumeForm) -> Response:
    """Let it out again."""
    await context.db.write(as_admin, member(context), context.now, switch.resume, given.kind)
    return go(HERE)
