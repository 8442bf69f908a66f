"""Numbers of all accounts: given to one, what rings when they are called, taken away."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field
from starlette.responses import Response

from api.admin.acting import ADMINS, LINES, LOOKERS, account_named, act, acts
from api.admin.network import HERE as NETWORK
from api.dashboard.lists import Filters, Mode, as_csv
from api.dashboard.numbers import CSV_ROWS, NumberLine, RuleForm
from api.dashboard.offered import phones_of
from api.dashboard.viewer import go
from api.web.page import Facts, PageContext, Pages
from db import numbers as stored
from db.connection import Row
from telephony.admin import carriers as deeds
from telephony.errors import NotFoundError
from telephony.users.problems import bad
from telephony.voice.numbers import RING_SECONDS, Rule

page = Pages()
HERE = f"{NETWORK}/numbers"
ONE = f"{HERE}/{{number}}"
Whose = Annotated[str, Field(max_length=200)]
RULE: dict[str, Any] = {"targets": "", "strategy": "all", "ring_seconds": 25, "forward_to": ""}
"""What a form for a new number begins with."""


class NumbersQuery(Filters):
    """How they begin, whose they are (id or whole name), and the place in the list."""

    search: str = Field("", pattern="^[ +]?[0-9]{0,15}$")
    account: Whose = ""
    cursor: str = Field("", pattern=r"^[ +]?[0-9]{0,15}$")


class OwnedLine(NumberLine):
    """The same with whose it is."""

    account_id: str
    name: str


class NumberForm(RuleForm):
    """A number, who gets it, and what rings first."""

    number: str = Field(max_length=40)
    account: Whose
    mode: Mode = "live"


async def _numbers(context: PageContext, given: NumbersQuery | None = None) -> Facts:
    given = given or NumbersQuery()
    found = await stored.page_of_all(
        context.db, limit=LINES + 1, after=_plus(given.cursor), **await _filters(context, given)
    )
    rows = found[:LINES]
    query = {"search": _plus(given.search), "account": given.account}
    return {
        "numbers": rows, "query": {name: text for name, text in query.items() if text},
        "rule": RULE, "seconds": RING_SECONDS, "acts": acts(context),
        "at_first": not given.cursor,
        "next_cursor": rows[-1]["number"] if len(found) > LINES else None,
    }  # fmt: skip


@page("GET", HERE, roles=LOOKERS, takes=NumbersQuery, template="admin/numbers.html")
async def list_all_numbers(context: PageContext, given: NumbersQuery) -> Facts:
    """Numbers in order, and a form for a new one."""
    return await _numbers(context, given)


@page("GET", f"{HERE}.csv", roles=LOOKERS, takes=NumbersQuery)
async def all_numbers_csv(context: PageContext, given: NumbersQuery) -> Response:
    """All that are asked for, as a file."""
    found = _pages(context, await _filters(context, given))
    return as_csv("numbers.csv", OwnedLine, found, OwnedLine.model_validate)


async def _filters(context: PageContext, given: NumbersQuery) -> dict[str, Any]:
    whose = await account_named(context, given.account) if given.account else None
    return {"begins": _plus(given.search), "account_id": whose}


async def _pages(context: PageContext, filters: dict[str, Any]) -> AsyncIterator[list[Row]]:
    after = ""
    while rows := await stored.page_of_all(context.db, limit=CSV_ROWS, after=after, **filters):
        yield rows
        after = rows[-1]["number"]


@page("POST", HERE, roles=ADMINS, confirm=True, takes=NumberForm, template="admin/numbers.html",
      again=_numbers)  # fmt: skip
async def assign_number(context: PageContext, given: NumberForm) -> Response:
    """Give one to an account."""
    account_id = await account_named(context, given.account.strip())
    if not account_id:
        raise bad("account", "unknown", "There is no such account, or more than one: take its id.")
    number = await act(context, deeds.own, number=given.number, account_id=account_id,
                       mode=given.mode, rule=_rule(given))  # fmt: skip
    return go(f"{HERE}/{quote(number, safe='')}")


async def _number(context: PageContext) -> Facts:
    row = await stored.find_any(context.db, context.path["number"])
    if row is None:
        raise NotFoundError("Nobody owns this number.")
    phones, _ = await phones_of(context, row["account_id"])
    return {"one": row, "phones": phones, "seconds": RING_SECONDS, "acts": acts(context)}


@page("GET", ONE, roles=LOOKERS, template="admin/number.html")
async def show_any_number(context: PageContext, _: None) -> Facts:
    """One number, whose it is, and its rule."""
    return await _number(context)


@page("POST", ONE, roles=ADMINS, confirm=True, takes=RuleForm, template="admin/number.html",
      again=_number)  # fmt: skip
async def set_any_rule(context: PageContext, given: RuleForm) -> Response:
    """Ring others from now on."""
    row = (await _number(context))["one"]
    await act(context, deeds.set_rule, row["account_id"], row["number"], _rule(given))
    return go(f"{HERE}/{quote(row['number'], safe='')}")


@page("POST", f"{ONE}/remove", roles=ADMINS, confirm=True)
async def remove_number(context: PageContext, _: None) -> Response:
    """Take it away: who calls it hears that it is not in use."""
    await act(context, deeds.disown, context.path["number"])
    return go(HERE)


def _rule(given: RuleForm) -> Rule:
    return Rule(tuple(given.targets), given.strategy, given.ring_seconds, given.forward_to)


def _plus(text: str) -> str:
    """A raw + in a query string arrives as a blank; whoever writes none means one."""
    digits = text.strip().removeprefix("+")
    return f"+{digits}" if digits else ""
