"""The message log: search, filters, CSV, and one message as it goes on."""

from typing import get_args

from starlette.responses import Response

from api.dashboard.lists import MODES, NumbersQuery, as_csv, listed
from api.dashboard.viewer import go, member
from api.v1 import sms, sms_list
from api.v1.sms import Listed, Status
from api.v1.sms_list import MessageQuery, Received
from api.web.page import Facts, PageContext, Pages
from api.web.streams import follow
from api.web.templates import render
from db import inbound, messages
from db.connection import Row
from telephony.errors import NotFoundError
from telephony.users import messages as deeds
from telephony.users.roles import Right, having

page = Pages()
HERE = "/dashboard/messages"
LOOKERS, BUILDERS = having(Right.look), having(Right.build)
WAITING = ("scheduled", "queued")
OVER = ("delivered", "undelivered", "failed", "expired", "canceled")


class MessagesQuery(NumbersQuery, MessageQuery):
    """The filters of `GET /sms`, and a mode."""


@page("GET", HERE, roles=LOOKERS, takes=MessagesQuery, template="dashboard/messages.html")
async def show_messages(context: PageContext, given: MessagesQuery) -> Facts:
    """Messages that were sent, the newest first."""
    return {**await listed(context, given, messages.listing), "statuses": get_args(Status),
            "builds": Right.build in member(context).rights}  # fmt: skip


@page("GET", f"{HERE}.csv", roles=LOOKERS, takes=MessagesQuery)
async def messages_csv(context: PageContext, given: MessagesQuery) -> Response:
    """All that the filters find, as `GET /sms` shows it."""
    me = member(context)
    pages = messages.pages(context.db, me.account_id, given.mode_for(context), **given.filters())
    return as_csv("messages.csv", Listed, pages, sms.listed)


@page("GET", f"{HERE}/received", roles=LOOKERS, takes=NumbersQuery,
      template="dashboard/received.html")  # fmt: skip
async def show_received(context: PageContext, given: NumbersQuery) -> Facts:
    """Messages that phones sent, the newest first."""
    return await listed(context, given, inbound.listing)


@page("GET", f"{HERE}/received.csv", roles=LOOKERS, takes=NumbersQuery)
async def received_csv(context: PageContext, given: NumbersQuery) -> Response:
    """All that the filters find, as `GET /sms/inbound` shows it."""
    me = member(context)
    pages = inbound.pages(context.db, me.account_id, given.mode_for(context), **given.filters())
    return as_csv("received.csv", Received, pages, sms_list.received)


async def _message(context: PageContext) -> Facts:
    row = await _found(context)
    builds = Right.build in member(context).rights
    return {
        "one": row, "history": await messages.history(context.db, row["id"]),
        "over": row["status"] in OVER, "cancels": builds and row["status"] in WAITING,
        "builds": builds,
    }  # fmt: skip


async def _found(context: PageContext) -> Row:
    """The message that the path names, in whichever mode; NotFoundError."""
    for mode in MODES:
        row = await messages.find(context.db, member(context).account_id, mode, context.path["id"])
        if row is not None:
            return row
    raise NotFoundError("There is no such message.")


@page("GET", f"{HERE}/{{id}}", roles=LOOKERS, template="dashboard/message.html")
async def show_message(context: PageContext, _: None) -> Facts:
    """One message with its history."""
    return await _message(context)


@page("GET", f"{HERE}/{{id}}/live", roles=LOOKERS)
async def follow_message(context: PageContext, _: None) -> Response:
    """The same part of it whenever something changes."""
    await _found(context)

    async def look() -> str:
        shown = render(context.request, "dashboard/message_part.html", **await _message(context))
        return bytes(shown.body).decode()

    return follow(context.request, member(context).account_id, look)


@page("POST", f"{HERE}/{{id}}/cancel", roles=BUILDERS, template="dashboard/message.html",
      again=_message)  # fmt: skip
async def cancel_message(context: PageContext, _: None) -> Response:
    """Send it no more; what was held for it is free again."""
    row = await _found(context)
    await context.db.write(deeds.cancel, member(context), row["mode"], row["id"], context.now)
    return go(f"{HERE}/{row['id']}")
