"""Tickets of an account: what it asks support."""

from collections.abc import AsyncIterator

from starlette.responses import Response

from api.dashboard import ticket_forms
from api.dashboard.lists import as_csv
from api.dashboard.ticket_forms import (
    FORM_BYTES_MAX,
    EntryForm,
    TicketForm,
    TicketLine,
    TicketsQuery,
    attached,
)
from api.dashboard.viewer import go, member, post
from api.web.page import Facts, PageContext, Pages
from db import tickets
from db.connection import Row
from telephony.users import tickets as deeds
from telephony.users.roles import Right, having
from telephony.users.tickets import Question

page = Pages()
HERE = "/dashboard/tickets"
ONE = f"{HERE}/{{id}}"
ANYBODY = having(Right.look)


@page("GET", HERE, roles=ANYBODY, template="dashboard/tickets.html", takes=TicketsQuery)
async def show_tickets(context: PageContext, given: TicketsQuery) -> Facts:
    """The tickets of the account, newest first."""
    return await ticket_forms.listed(context, member(context).account_id, given)


@page("GET", f"{HERE}.csv", roles=ANYBODY, takes=TicketsQuery)
async def tickets_csv(context: PageContext, given: TicketsQuery) -> Response:
    """The whole list that the filters find, as a file."""
    found = every(context, member(context).account_id, given)
    return as_csv("tickets.csv", TicketLine, found, ticket_forms.line)


async def every(
    context: PageContext, account_id: str | None, given: TicketsQuery
) -> AsyncIterator[list[Row]]:
    """All tickets that the filters find, a bounded number at a time."""
    cursor = None
    while True:
        rows = await tickets.page(
            context.db, account_id, limit=ticket_forms.ROWS, status=given.status,
            search=given.search, cursor=cursor,
        )  # fmt: skip
        if not rows:
            return
        yield rows
        cursor = rows[-1]["id"]


async def _new(context: PageContext) -> Facts:
    return {"kinds": tickets.KINDS}


@page("GET", f"{HERE}/new", roles=ANYBODY, template="dashboard/ticket_new.html")
async def new_ticket(context: PageContext, _: None) -> Facts:
    """What support is to be asked."""
    return await _new(context)


@page("POST", HERE, roles=ANYBODY, takes=TicketForm, bytes_max=FORM_BYTES_MAX, again=_new,
      template="dashboard/ticket_new.html")  # fmt: skip
async def open_ticket(context: PageContext, given: TicketForm) -> Response:
    """Ask support."""
    asked = Question(given.kind, given.subject, given.body, given.request_ids)
    ticket_id = await context.db.write(
        deeds.open_ticket, post(context), context.settings.support_email, member(context), asked,
        await attached(context, given.file), context.now,
    )  # fmt: skip
    return go(f"{HERE}/{ticket_id}")


async def _thread(context: PageContext) -> Facts:
    return {**await ticket_forms.thread(context, member(context).account_id), "here": HERE}


@page("GET", ONE, roles=ANYBODY, template="dashboard/ticket.html")
async def show_ticket(context: PageContext, _: None) -> Facts:
    """What was written."""
    return await _thread(context)


@page("POST", f"{ONE}/reply", roles=ANYBODY, takes=EntryForm, bytes_max=FORM_BYTES_MAX,
      again=_thread, template="dashboard/ticket.html")  # fmt: skip
async def reply(context: PageContext, given: EntryForm) -> Response:
    """Write to it."""
    await context.db.write(
        deeds.reply, post(context), context.settings.support_email, member(context),
        context.path["id"], given.body, await attached(context, given.file), context.now,
    )  # fmt: skip
    return go(f"{HERE}/{context.path['id']}")


@page("POST", f"{ONE}/close", roles=ANYBODY)
async def close(context: PageContext, _: None) -> Response:
    """It is settled."""
    await context.db.write(deeds.close, member(context), context.path["id"], context.now)
    return go(f"{HERE}/{context.path['id']}")


@page("GET", f"{ONE}/files/{{file}}", roles=ANYBODY)
async def ticket_file(context: PageContext, _: None) -> Response:
    """What was attached."""
    return await ticket_forms.file_of(context, member(context).account_id)
