"""Numbers of the account: what rings when somebody calls them."""

from collections.abc import AsyncIterator
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field, model_validator
from starlette.responses import Response

from api.dashboard.lists import Filters, as_csv
from api.dashboard.offered import phones_of
from api.dashboard.viewer import go, member
from api.fields import Answer, Body, NumberIfAny, Time
from api.web.page import Facts, PageContext, Pages
from db import numbers as stored
from db.connection import Row
from telephony.errors import NotFoundError
from telephony.users import numbers
from telephony.users.roles import Right, having
from telephony.voice.numbers import RING_SECONDS, TARGETS_MAX, Rule

page = Pages()
HERE = "/dashboard/numbers"
ONE = f"{HERE}/{{number}}"
LOOKERS, BUILDERS = having(Right.look), having(Right.build)
ROWS = 25
CSV_ROWS = 500


class SearchQuery(Filters):
    """A part of what is shown, and the place in the list."""

    search: str = Field("", max_length=64)
    cursor: str = Field("", max_length=64)


class RuleForm(Body):
    """What rings when the number is called."""

    targets: list[str] = Field(max_length=TARGETS_MAX)
    strategy: Literal["all", "order"]
    ring_seconds: int = Field(ge=RING_SECONDS[0], le=RING_SECONDS[1])
    forward_to: NumberIfAny = ""

    @model_validator(mode="before")
    @classmethod
    def _reshaped(cls, given: dict[str, Any]) -> dict[str, Any]:
        names = str(given.get("targets", "")).replace(",", " ").split()
        return given | {"targets": list(dict.fromkeys(names))}


class NumberLine(Answer):
    """A number as a line of CSV."""

    number: str
    mode: str
    targets: str
    strategy: str
    ring_seconds: int
    forward_to: str
    created_at: Time


@page("GET", HERE, roles=LOOKERS, template="dashboard/numbers.html", takes=SearchQuery)
async def show_numbers(context: PageContext, given: SearchQuery) -> Facts:
    """The numbers that people can call the account by."""
    rows = await _found(context, given, given.cursor, ROWS + 1)
    return {
        "numbers": rows[:ROWS], "query": {"search": given.search},
        "at_first": not given.cursor,
        "next_cursor": rows[ROWS - 1]["number"] if len(rows) > ROWS else None,
        "builds": Right.build in member(context).rights,
    }  # fmt: skip


@page("GET", f"{HERE}.csv", roles=LOOKERS, takes=SearchQuery)
async def numbers_csv(context: PageContext, given: SearchQuery) -> Response:
    """All of them that the search finds."""
    return as_csv("numbers.csv", NumberLine, _pages(context, given), _line)


async def _found(context: PageContext, given: SearchQuery, after: str, limit: int) -> list[Row]:
    return await stored.page(
        context.db, member(context).account_id, limit=limit, after=after, search=given.search
    )


async def _pages(context: PageContext, given: SearchQuery) -> AsyncIterator[list[Row]]:
    rows = await _found(context, given, "", CSV_ROWS)
    while rows:
        yield rows
        rows = await _found(context, given, rows[-1]["number"], CSV_ROWS)


def _line(row: Row) -> NumberLine:
    return NumberLine(**{name: row[name] for name in NumberLine.model_fields})


async def _number(context: PageContext) -> Facts:
    me = member(context)
    row = await stored.find(context.db, me.account_id, context.path["number"])
    if row is None:
        raise NotFoundError("The account does not own this number.")
    phones, _ = await phones_of(context, me.account_id)
    return {"one": row, "phones": phones, "seconds": RING_SECONDS,
            "builds": Right.build in me.rights}  # fmt: skip


@page("GET", ONE, roles=LOOKERS, template="dashboard/number.html")
async def show_number(context: PageContext, _: None) -> Facts:
    """One number and its rule."""
    return await _number(context)


@page("POST", ONE, roles=BUILDERS, takes=RuleForm, template="dashboard/number.html",
      again=_number)  # fmt: skip
async def set_number_rule(context: PageContext, given: RuleForm) -> Response:
    """Ring others from now on."""
    rule = Rule(tuple(given.targets), given.strategy, given.ring_seconds, given.forward_to)
    number = context.path["number"]
    await context.db.write(numbers.set_rule, member(context), number, rule, context.now)
    return go(f"{HERE}/{quote(number, safe='')}")
