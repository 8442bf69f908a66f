"""What programs have asked of the API: the newest requests, or those with an id."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from pydantic import BaseModel, Field
from starlette.responses import Response

from api.dashboard.lists import Filters, as_csv
from api.dashboard.viewer import member
from api.fields import Time
from api.web.page import Facts, PageContext, Pages
from db import request_log
from db.connection import Row
from telephony.request_log import look_up
from telephony.users.roles import Right, having

page = Pages()
HERE = "/dashboard/requests"
LOOKERS = having(Right.look)
ROWS = 50
ROWS_PER_READ = 500


class RequestsQuery(Filters):
    """`search` is the whole id of a request, as `X-Request-Id` told it."""

    search: Annotated[str, Field(max_length=64)] | None = None
    cursor: Annotated[str, Field(max_length=64)] | None = None


class RequestLine(BaseModel):
    """A line of the file."""

    at: Time
    request_id: str
    mode: str | None
    key_id: str | None
    method: str
    path: str
    status: int
    code: str | None
    latency_us: int


@page("GET", HERE, roles=LOOKERS, takes=RequestsQuery, template="dashboard/requests.html")
async def show_requests(context: PageContext, given: RequestsQuery) -> Facts:
    """The newest requests of the account, or those with an id and what they made."""
    account_id, days = member(context).account_id, context.settings.request_log_days
    rows: list[dict[str, Any]]
    if given.search:
        search = given.search.strip()
        rows = await look_up(context.db, search, account_id)
        return {"rows": rows, "search": search, "next_cursor": None, "at_first": True, "days": days}
    found = await request_log.page(context.db, account_id, ROWS + 1, given.cursor)
    rows = [row | {"made": []} for row in found[:ROWS]]
    return {
        "rows": rows, "search": "", "at_first": given.cursor is None, "days": days,
        "next_cursor": rows[-1]["id"] if len(found) > ROWS else None,
    }  # fmt: skip


@page("GET", f"{HERE}.csv", roles=LOOKERS, takes=RequestsQuery)
async def requests_csv(context: PageContext, given: RequestsQuery) -> Response:
    """All of them, or those with an id."""
    return as_csv("requests.csv", RequestLine, _pages(context, given), _line)


async def _pages(context: PageContext, given: RequestsQuery) -> AsyncIterator[list[Row]]:
    account_id = member(context).account_id
    if given.search:
        yield await look_up(context.db, given.search.strip(), account_id)
        return
    cursor: str | None = None
    while rows := await request_log.page(context.db, account_id, ROWS_PER_READ, cursor):
        yield rows
        cursor = rows[-1]["id"]


def _line(row: Row) -> RequestLine:
    return RequestLine(**{name: row[name] for name in RequestLine.model_fields})
