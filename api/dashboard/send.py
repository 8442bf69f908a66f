"""The form that sends one message, with a count of its parts while it is written."""

import secrets
from typing import Any

from pydantic import ConfigDict, Field, field_validator
from starlette.responses import Response

from api.dashboard import messages
from api.dashboard.lists import Filters, Mode, ModeQuery, mode_of_form
from api.dashboard.offered import shown_numbers
from api.dashboard.viewer import go, member
from api.v1.sms import TEXT_MAX, SendBody
from api.web.page import Facts, PageContext, Pages
from db import sms_accounts
from telephony.phone_numbers import e164
from telephony.sms.quote import Quote, quote
from telephony.users import messages as deeds

page = Pages()
HERE = f"{messages.HERE}/send"


def _lines(text: object) -> object:
    """Browsers end each line of a form with two characters; both would be paid for."""
    return text.replace("\r\n", "\n") if isinstance(text, str) else text


class SendForm(Filters, SendBody):
    """The fields of `POST /sms/send`; `form` tells a second click from a second wish."""

    mode: Mode
    form: str = Field(min_length=8, max_length=64)

    @field_validator("text", mode="before")
    @classmethod
    def _one_character(cls, text: object) -> object:
        return _lines(text)


class CountForm(Filters):
    """What is written so far, of which anything may be missing or wrong."""

    model_config = ConfigDict(extra="ignore")

    mode: Mode
    to: str = ""
    from_: str = Field("", alias="from")
    text: str = Field("", max_length=2 * TEXT_MAX)


async def _form(context: PageContext, mode: Mode, **more: Any) -> Facts:
    names = await sms_accounts.senders_of(context.db, member(context).account_id)
    usable = [number for number, _ in (await shown_numbers(context, mode)).options]
    usable += [row["sender"] for row in names if row["status"] == "approved"]
    return {"mode": mode, "senders": usable, "form": secrets.token_urlsafe(12), **more}


@page("GET", HERE, roles=messages.BUILDERS, takes=ModeQuery, template="dashboard/send.html")
async def show_form(context: PageContext, given: ModeQuery) -> Facts:
    """An empty form."""
    return await _form(context, given.mode_for(context), quote=None)


async def _again(context: PageContext) -> Facts:
    return await _form(context, mode_of_form(context), quote=None)


@page("POST", HERE, roles=messages.BUILDERS, takes=SendForm, template="dashboard/send.html",
      again=_again)  # fmt: skip
async def send_message(context: PageContext, given: SendForm) -> Response:
    """Queue or schedule the message, and show what becomes of it."""
    me, state = member(context), context.request.app.state
    state.background.backlog.take("messages", me.account_id)
    draft = given.draft(context.settings, context.request.state.request_id)
    accepted = await context.db.write(
        deeds.send, context.settings, me, given.mode, draft, given.form, context.now
    )
    here = messages.HERE
    return go(f"{here}/{accepted.message_id}" if accepted else f"{here}?mode={given.mode}")


@page("POST", f"{HERE}/count", roles=messages.BUILDERS, takes=CountForm,
      template="dashboard/send_count.html")  # fmt: skip
async def count_parts(context: PageContext, given: CountForm) -> Facts:
    """How many parts the text needs, and what they cost."""
    return {"quote": await _quote(context, given)}


async def _quote(context: PageContext, given: CountForm) -> Quote | None:
    text = str(_lines(given.text))
    if not text:
        return None
    return await context.db.write(
        quote, context.settings, account_id=member(context).account_id, mode=given.mode,
        to=_number(given.to), sender=given.from_, text=text, now=context.now,
    )  # fmt: skip


def _number(text: str) -> str:
    try:
        return e164(text)
    except ValueError:
        return ""
