"""Numbers that the account may show: verified by a code that a call speaks to them."""

from collections.abc import AsyncIterator
from typing import Annotated

from pydantic import Field
from starlette.responses import Response

from api.dashboard.lists import Mode, ModeQuery, as_csv, mode_of_form, shown_query
from api.dashboard.viewer import go, member
from api.fields import Body, Number
from api.v1.call_log import searched
from api.v1.caller_ids import CallerId
from api.web.page import Facts, PageContext, Pages
from db import caller_ids as stored
from db.connection import Row
from telephony.users import numbers
from telephony.users.problems import bad
from telephony.users.roles import Right, having

page = Pages()
HERE = "/dashboard/caller-ids"
LOOKERS, BUILDERS = having(Right.look), having(Right.build)
ROWS = 25
CSV_ROWS = 500


class CallerIdsQuery(ModeQuery):
    """A part of a number, and the place in the list."""

    search: str = Field("", max_length=64)
    cursor: str = Field("", max_length=64)


class NumberForm(Body):
    """A number, in one mode."""

    mode: Mode
    number: Number


class CodeForm(NumberForm):
    """The code that it was told."""

    code: Annotated[str, Field(max_length=20)]


async def _listed(context: PageContext, mode: str, given: CallerIdsQuery | None = None) -> Facts:
    given = given or CallerIdsQuery()
    rows = await _found(context, mode, given.search, given.cursor, ROWS + 1)
    return {
        "mode": mode, "numbers": rows[:ROWS], "started": None,
        "query": shown_query(context, mode), "at_first": not given.cursor,
        "next_cursor": rows[ROWS - 1]["number"] if len(rows) > ROWS else None,
        "builds": Right.build in member(context).rights,
    }  # fmt: skip


async def _found(context: PageContext, mode: str, search: str, after: str, limit: int) -> list[Row]:
    return await stored.page(
        context.db, member(context).account_id, mode, limit=limit, after=after,
        search=searched(search) or "",
    )  # fmt: skip


async def _again(context: PageContext) -> Facts:
    return await _listed(context, mode_of_form(context))


@page("GET", HERE, roles=LOOKERS, template="dashboard/caller_ids.html", takes=CallerIdsQuery)
async def show_caller_ids(context: PageContext, given: CallerIdsQuery) -> Facts:
    """The numbers, and those that wait for their code."""
    return await _listed(context, given.mode_for(context), given)


@page("GET", f"{HERE}.csv", roles=LOOKERS, takes=CallerIdsQuery)
async def caller_ids_csv(context: PageContext, given: CallerIdsQuery) -> Response:
    """All of them that the search finds."""
    found = _pages(context, given.mode_for(context), given.search)
    return as_csv("caller-ids.csv", CallerId, found, CallerId.model_validate)


async def _pages(context: PageContext, mode: str, search: str) -> AsyncIterator[list[Row]]:
    after = ""
    while rows := await _found(context, mode, search, after, CSV_ROWS):
        yield rows
        after = rows[-1]["number"]


@page("POST", f"{HERE}/verify", roles=BUILDERS, takes=NumberForm,
      template="dashboard/caller_ids.html", again=_again)  # fmt: skip
async def call_number(context: PageContext, given: NumberForm) -> Facts:
    """Have a code spoken to it; only test mode shows the code, as the API does."""
    started = await context.db.write(
        numbers.verify, context.settings, context.vault, member(context), given.mode,
        given.number, context.now,
    )  # fmt: skip
    return await _listed(context, given.mode) | {"started": started}


@page("POST", f"{HERE}/code", roles=BUILDERS, takes=CodeForm,
      template="dashboard/caller_ids.html", again=_again)  # fmt: skip
async def tell_number_code(context: PageContext, given: CodeForm) -> Response:
    """The code that was heard; a wrong one counts as a try, so it is refused after the commit."""
    left = await context.db.write(
        numbers.tell_code, context.vault, member(context), given.mode, given.number,
        given.code.strip(), context.now,
    )  # fmt: skip
    if left is not None:
        raise bad("code", "wrong", f"The code is wrong. {left} tries are left.")
    return go(f"{HERE}?mode={given.mode}")


@page("POST", f"{HERE}/remove", roles=BUILDERS, takes=NumberForm,
      template="dashboard/caller_ids.html", again=_again)  # fmt: skip
async def remove_number(context: PageContext, given: NumberForm) -> Response:
    """It may no longer be shown."""
    await context.db.write(numbers.give_up, member(context), given.mode, given.number, context.now)
    return go(f"{HERE}?mode={given.mode}")
