"""What customers are told of the platform: a notice on top of the status, notes on incidents."""

from functools import partial

from pydantic import Field
from starlette.responses import Response

from api.admin.acting import ADMINS, act_noted, acts
from api.dashboard.forms import IdForm, Text
from api.dashboard.viewer import go, member
from api.fields import Body, end_of
from api.web.page import Facts, PageContext, Pages
from telephony import status
from telephony.clock import Instant
from telephony.users.problems import bad
from telephony.users.roles import PLATFORM

page = Pages()
HERE = "/admin/notices"
DAYS = 30


class NoticeForm(Body):
    """A sentence, and when it is taken away by itself."""

    text: Text
    until: str = Field("", max_length=40)


class NoteForm(IdForm):
    """What customers are told about an incident."""

    text: Text


async def _notices(context: PageContext) -> Facts:
    found = await status.look(context.db, context.now)
    past = await status.history(context.db, context.now, DAYS)
    return {"notice": found.notice, "incidents": past.incidents, "days": DAYS,
            "acts": acts(context)}  # fmt: skip


@page("GET", HERE, roles=PLATFORM, template="admin/notices.html")
async def show_notices(context: PageContext, _: None) -> Facts:
    """The notice, and the incidents of a month."""
    return await _notices(context)


@page("POST", HERE, roles=ADMINS, confirm=True, takes=NoticeForm, template="admin/notices.html",
      again=_notices)  # fmt: skip
async def set_notice(context: PageContext, given: NoticeForm) -> Response:
    """Show customers a sentence in place of the one before."""
    deed = partial(status.set_notice, text=given.text, until=_until(given.until),
                   actor=member(context).email, now=context.now)  # fmt: skip
    await act_noted(context, "notice.set", "notice", deed, field="text",
                    after={"text": given.text, "until": given.until})  # fmt: skip
    return go(HERE)


@page("POST", f"{HERE}/clear", roles=ADMINS, confirm=True)
async def clear_notice(context: PageContext, _: None) -> Response:
    """Take the notice away."""
    await act_noted(
        context, "notice.cleared", "notice", partial(status.clear_notice, now=context.now)
    )
    return go(HERE)


@page("POST", f"{HERE}/note", roles=ADMINS, confirm=True, takes=NoteForm,
      template="admin/notices.html", again=_notices)  # fmt: skip
async def note(context: PageContext, given: NoteForm) -> Response:
    """Tell customers something about an incident."""
    deed = partial(status.annotate, incident_id=given.id, note=given.text)
    await act_noted(context, "incident.noted", given.id, deed, after={"note": given.text})
    return go(HERE)


def _until(text: str) -> Instant | None:
    try:
        return end_of(text) if text else None
    except ValueError as error:
        raise bad("until", "invalid", "Write a day such as 2027-01-31, or a time.") from error
