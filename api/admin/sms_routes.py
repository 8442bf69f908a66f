"""Which provider carries which live messages: routes, found, listed, added, changed, removed."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.responses import Response

from api.admin.acting import ADMINS, LINES, LOOKERS, Cursor, Search, account_named, act, acts
from api.admin.network import HERE, Name, RoutesQuery
from api.dashboard.forms import IdForm
from api.dashboard.lists import as_csv
from api.dashboard.viewer import go
from api.fields import Answer, Body
from api.web.page import Facts, PageContext, Pages
from db import sms_providers
from db.connection import Row
from telephony.admin import providers as deeds
from telephony.errors import NotFoundError

page = Pages()
ROUTES = f"{HERE}/sms-routes"
CSV_ROWS = 1_000
NOBODY = "acc_nobody"
"""Whose routes are asked for, where no account is called so: "" would be those of everybody."""
Count = Annotated[int, Field(ge=0, le=1_000_000)]


class SmsRoutesQuery(RoutesQuery):
    """Which numbers, which provider, whose messages (id or whole name), and the place in the
    list."""

    provider: Name = ""
    account: Search = ""
    cursor: Cursor | None = None


class SmsRouteLine(Answer):
    """A route of messages in a file."""

    id: str
    account_id: str
    account: str
    sender: str
    prefix: str
    provider: str
    priority: int
    weight: int


class SmsRouteForm(Body):
    """Which live messages go to a provider; what is empty stands for all."""

    provider: Name
    prefix: Annotated[str, Field(max_length=16)] = ""
    account_id: Annotated[str, Field(max_length=40)] = ""
    sender: Annotated[str, Field(max_length=32)] = ""
    mode: Literal["live"] = "live"
    priority: Count = 0
    weight: Annotated[int, Field(ge=1, le=1_000_000)] = 1

    def facts(self) -> Facts:
        """As the deeds take it: the prefix without its plus, nothing around what was written."""
        told = {name: getattr(self, name).strip() for name in ("account_id", "sender", "prefix")}
        return {**self.model_dump(), **told, "prefix": told["prefix"].removeprefix("+")}


async def _filters(context: PageContext, given: SmsRoutesQuery) -> dict[str, Any]:
    whose = (await account_named(context, given.account) or NOBODY) if given.account else None
    return {"digits": given.digits, "provider": given.provider or None, "account_id": whose}


async def _names(context: PageContext) -> list[tuple[str, str]]:
    return [(one["name"], one["name"]) for one in await sms_providers.every(context.db)]


async def _routes(context: PageContext, given: SmsRoutesQuery | None = None) -> Facts:
    given = given or SmsRoutesQuery()
    last = await sms_providers.find_route(context.db, given.cursor) if given.cursor else None
    found = await sms_providers.page_of_routes(
        context.db, limit=LINES + 1, after=_place(last), **await _filters(context, given)
    )
    rows = found[:LINES]
    return {
        "sms_routes": rows, "acts": acts(context), "query": given.shown(),
        "names": await _names(context), "at_first": last is None,
        "next_cursor": rows[-1]["id"] if len(found) > LINES else None,
    }  # fmt: skip


def _place(row: Row | None) -> sms_providers.Place | None:
    """Of a route in the list; the beginning, if it is gone."""
    if row is None:
        return None
    return row["account_id"], row["sender"], row["prefix"], row["priority"], row["id"]


@page("GET", ROUTES, roles=LOOKERS, takes=SmsRoutesQuery, template="admin/sms_routes.html")
async def show_sms_routes(context: PageContext, given: SmsRoutesQuery) -> Facts:
    """Which messages go where; the most specific route counts."""
    return await _routes(context, given)


@page("GET", f"{ROUTES}.csv", roles=LOOKERS, takes=SmsRoutesQuery)
async def sms_routes_csv(context: PageContext, given: SmsRoutesQuery) -> Response:
    """All that are asked for, as a file."""
    found = _pages(context, await _filters(context, given))
    return as_csv("sms-routes.csv", SmsRouteLine, found, SmsRouteLine.model_validate)


async def _pages(context: PageContext, filters: dict[str, Any]) -> AsyncIterator[list[Row]]:
    last: Row | None = None
    while rows := await sms_providers.page_of_routes(
        context.db, limit=CSV_ROWS, after=_place(last), **filters
    ):
        yield rows
        last = rows[-1]


@page("POST", ROUTES, roles=ADMINS, confirm=True, takes=SmsRouteForm,
      template="admin/sms_routes.html", again=_routes)  # fmt: skip
async def add_sms_route(context: PageContext, given: SmsRouteForm) -> Response:
    """Let a provider carry them."""
    await act(context, deeds.add_route, **given.facts())
    return go(ROUTES)


@page("POST", f"{ROUTES}/remove", roles=ADMINS, confirm=True, takes=IdForm,
      template="admin/sms_routes.html", again=_routes)  # fmt: skip
async def remove_sms_route(context: PageContext, given: IdForm) -> Response:
    """Let it carry them no longer."""
    await act(context, deeds.remove_route, given.id)
    return go(ROUTES)


async def _route(context: PageContext) -> Facts:
    row = await sms_providers.find_route(context.db, context.path["id"])
    if row is None:
        raise NotFoundError(f"There is no route {context.path['id']}.")
    return {"one": row, "names": await _names(context)}


@page("GET", f"{ROUTES}/{{id}}", roles=ADMINS, template="admin/sms_route.html")
async def show_sms_route(context: PageContext, _: None) -> Facts:
    """One route, to be changed."""
    return await _route(context)


@page("POST", f"{ROUTES}/{{id}}", roles=ADMINS, confirm=True, takes=SmsRouteForm,
      template="admin/sms_route.html", again=_route)  # fmt: skip
async def change_sms_route(context: PageContext, given: SmsRouteForm) -> Response:
    """Messages from now on go by what it says."""
    await act(context, deeds.change_route, context.path["id"], **given.facts())
    return go(ROUTES)
