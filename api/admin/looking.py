"""Looking at a customer's dashboard without being able to change it."""

from starlette.responses import Response

from api.admin.accounts import HERE, ONE, show_again
from api.admin.acting import ADMINS, LOOKERS, ReasonForm
from api.dashboard.viewer import member, rotated
from api.web.page import PageContext, Pages
from telephony.admin import looking

page = Pages()


@page("POST", f"{ONE}/look", roles=ADMINS, confirm=True, takes=ReasonForm,
      template="admin/account.html", again=show_again)  # fmt: skip
async def begin_look(context: PageContext, given: ReasonForm) -> Response:
    """See what its members see, for an hour."""
    token = await context.db.write(
        looking.begin, member(context), context.path["id"], given.reason, context.now
    )
    return rotated(context, token, "/dashboard")


@page("POST", "/admin/looking/end", roles=LOOKERS, looking=True)
async def end_look(context: PageContext, _: None) -> Response:
    """Back to the accounts, or to the one that was looked at."""
    me = member(context)
    token = await context.db.write(looking.end, me, context.now)
    return rotated(context, token, f"{HERE}/{me.account_id}" if me.looks else HERE)
