"""The call log: calls in progress as they change, and those that have ended."""

from starlette.responses import Response

from api.dashboard.lists import ModeQuery, shown_query
from api.dashboard.live import live
from api.dashboard.viewer import member
from api.v1 import call_log as log
from api.v1.call_log import LogQuery
from api.web.page import Facts, PageContext, Pages
from db import call_queue
from telephony.users.roles import Right, having

page = Pages()
HERE = "/dashboard/calls"
LOOKERS, BUILDERS = having(Right.look), having(Right.build)
OPEN_SHOWN_MAX = 50
DIRECTIONS = ("outbound", "inbound", "internal")
STATUSES = ("answered", "busy", "no_answer", "failed", "canceled")


class CallsQuery(ModeQuery, LogQuery):
    """The filters of `GET /voip/logs`, and a mode."""


@page("GET", HERE, roles=LOOKERS, template="dashboard/calls.html", takes=CallsQuery)
async def show_calls(context: PageContext, given: CallsQuery) -> Facts:
    """Calls in progress, and a page of the log."""
    me = member(context)
    mode = given.mode_for(context)
    return {
        "found": await log.listed(context, me.account_id, mode, given),
        "query": shown_query(context, mode), "at_first": given.cursor is None,
        "directions": DIRECTIONS, "statuses": STATUSES, **await _open(context, mode),
    }  # fmt: skip


@page("GET", f"{HERE}/live", roles=LOOKERS, takes=ModeQuery)
async def live_calls(context: PageContext, given: ModeQuery) -> Response:
    """Calls in progress, as they change."""
    mode = given.mode_for(context)
    return live(context, "dashboard/calls_open.html", lambda: _open(context, mode))


@page("GET", f"{HERE}.csv", roles=LOOKERS, takes=CallsQuery)
async def calls_csv(context: PageContext, given: CallsQuery) -> Response:
    """All calls that the filters find, as the API gives them."""
    me = member(context)
    answer = log.as_csv(context, me.account_id, given.mode_for(context), given)
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def _open(context: PageContext, mode: str) -> Facts:
    me = member(context)
    return {
        "open": await call_queue.in_progress(context.db, me.account_id, mode, OPEN_SHOWN_MAX),
        "open_max": OPEN_SHOWN_MAX, "mode": mode, "builds": Right.build in me.rights,
    }  # fmt: skip
