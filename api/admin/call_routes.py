"""Which carrier reaches which numbers: routes of calls, found, listed, added, removed."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from pydantic import Field
from starlette.responses import Response

from api.admin.acting import ADMINS, LINES, LOOKERS, act, acts
from api.admin.network import HERE, Name, RoutesQuery
from api.dashboard.lists import as_csv
from api.dashboard.viewer import go
from api.fields import Answer, Body
from api.web.page import Facts, PageContext, Pages
from db import trunks
from db.connection import Row
from telephony.admin import carriers as deeds

page = Pages()
ROUTES = f"{HERE}/routes"
CSV_ROWS = 1_000


class CallRoutesQuery(RoutesQuery):
    """Which numbers, which carrier, and the place in the list."""

    trunk: Name = ""
    cursor: str = Field("", pattern=r"^[0-9]{0,15}:[0-9]{1,9}:[a-z0-9_]{1,40}$")

    @property
    def after(self) -> trunks.Place | None:
        """The route that the list goes on behind."""
        prefix, _, rest = self.cursor.partition(":")
        priority, _, trunk_id = rest.partition(":")
        return (prefix, int(priority), trunk_id) if self.cursor else None


class RouteLine(Answer):
    """A route of calls in a file."""

    prefix: str
    name: str
    priority: int
    weight: int
    strip: int
    prepend: str


class RouteKeyForm(Body):
    """Numbers that begin so, and the carrier; an empty prefix is all of them."""

    prefix: Annotated[str, Field(max_length=16)] = ""
    name: Name

    @property
    def digits(self) -> str:
        """The prefix without its plus."""
        return self.prefix.strip().removeprefix("+")


class RouteForm(RouteKeyForm):
    """How they lead there."""

    priority: int = 10
    weight: int = 1
    strip: int = 0
    prepend: Annotated[str, Field(max_length=16)] = ""


async def _filters(context: PageContext, given: CallRoutesQuery) -> dict[str, Any]:
    trunk = await trunks.find(context.db, given.trunk) if given.trunk else None
    whose = (trunk["id"] if trunk else "") if given.trunk else None
    return {"digits": given.digits, "trunk_id": whose}


async def _routes(context: PageContext, given: CallRoutesQuery | None = None) -> Facts:
    given = given or CallRoutesQuery()
    found = await trunks.page_of_routes(
        context.db, limit=LINES + 1, after=given.after, **await _filters(context, given)
    )
    rows, carriers = found[:LINES], await trunks.every(context.db)
    last = rows[-1] if len(found) > LINES else None
    return {
        "routes": rows, "acts": acts(context), "query": given.shown(),
        "names": [(one["name"], one["name"]) for one in carriers], "at_first": not given.cursor,
        "next_cursor": f"{last['prefix']}:{last['priority']}:{last['trunk_id']}" if last else None,
    }  # fmt: skip


@page("GET", ROUTES, roles=LOOKERS, takes=CallRoutesQuery, template="admin/call_routes.html")
async def show_call_routes(context: PageContext, given: CallRoutesQuery) -> Facts:
    """Which numbers go where; the longest prefix counts."""
    return await _routes(context, given)


@page("GET", f"{ROUTES}.csv", roles=LOOKERS, takes=CallRoutesQuery)
async def call_routes_csv(context: PageContext, given: CallRoutesQuery) -> Response:
    """All that are asked for, as a file."""
    found = _pages(context, await _filters(context, given))
    return as_csv("call-routes.csv", RouteLine, found, RouteLine.model_validate)


async def _pages(context: PageContext, filters: dict[str, Any]) -> AsyncIterator[list[Row]]:
    after: trunks.Place | None = None
    while rows := await trunks.page_of_routes(context.db, limit=CSV_ROWS, after=after, **filters):
        yield rows
        last = rows[-1]
        after = last["prefix"], last["priority"], last["trunk_id"]


@page("POST", ROUTES, roles=ADMINS, confirm=True, takes=RouteForm,
      template="admin/call_routes.html", again=_routes)  # fmt: skip
async def put_call_route(context: PageContext, given: RouteForm) -> Response:
    """Lead a prefix to a carrier, or do it otherwise than before."""
    await act(context, deeds.route, prefix=given.digits, name=given.name, priority=given.priority,
              weight=given.weight, strip=given.strip, prepend=given.prepend)  # fmt: skip
    return go(ROUTES)


@page("POST", f"{ROUTES}/remove", roles=ADMINS, confirm=True, takes=RouteKeyForm,
      template="admin/call_routes.html", again=_routes)  # fmt: skip
async def remove_call_route(context: PageContext, given: RouteKeyForm) -> Response:
    """Lead it there no longer."""
    await act(context, deeds.unroute, prefix=given.digits, name=given.name)
    return go(ROUTES)
