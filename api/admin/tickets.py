"""Tickets of all accounts, as support reads and answers them."""

from starlette.responses import Response

from api.dashboard import ticket_forms
from api.dashboard.lists import as_csv
from api.dashboard.ticket_forms import (
    FORM_BYTES_MAX,
    EntryForm,
    TicketLine,
    TicketsQuery,
    attached,
)
from api.dashboard.tickets import every
from api.dashboard.viewer import go, member, post
from api.web.page import Facts, PageContext, Pages
from telephony.users import tickets as deeds
from telephony.users.roles import PLATFORM

page = Pages()
HERE = "/admin/tickets"
ONE = f"{HERE}/{{id}}"


@page("GET", HERE, roles=PLATFORM, template="admin/tickets.html", takes=TicketsQuery)
async def show_tickets(context: PageContext, given: TicketsQuery) -> Facts:
    """The tickets of all accounts, newest first."""
    return await ticket_forms.listed(context, None, given)


@page("GET", f"{HERE}.csv", roles=PLATFORM, takes=TicketsQuery)
async def all_tickets_csv(context: PageContext, given: TicketsQuery) -> Response:
    """The whole list that the filters find, as a file."""
    return as_csv("tickets.csv", TicketLine, every(context, None, given), ticket_forms.line)


async def _thread(context: PageContext) -> Facts:
    return {**await ticket_forms.thread(context, None), "here": HERE}


@page("GET", ONE, roles=PLATFORM, template="admin/ticket.html")
async def show_ticket(context: PageContext, _: None) -> Facts:
    """What was written."""
    return await _thread(context)


@page("POST", f"{ONE}/reply", roles=PLATFORM, takes=EntryForm, bytes_max=FORM_BYTES_MAX,
      again=_thread, template="admin/ticket.html")  # fmt: skip
async def answer(context: PageContext, given: EntryForm) -> Response:
    """Answer it; whoever opened it gets a mail."""
    await context.db.write(
        deeds.answer, post(context), member(context), context.path["id"], given.body,
        await attached(context, given.file), context.now,
    )  # fmt: skip
    return go(f"{HERE}/{context.path['id']}")


@page("POST", f"{ONE}/close", roles=PLATFORM)
async def close(context: PageContext, _: None) -> Response:
    """It is settled."""
    await context.db.write(deeds.close_as_support, member(context), context.path["id"], context.now)
    return go(f"{HERE}/{context.path['id']}")


@page("GET", f"{ONE}/files/{{file}}", roles=PLATFORM)
async def ticket_file(context: PageContext, _: None) -> Response:
    """What was attached."""
    return await ticket_forms.file_of(context, None)
