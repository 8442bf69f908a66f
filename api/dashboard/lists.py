"""What the lists of the dashboard have in common: a mode, filters in the URL, pages, CSV."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Literal

from pydantic import BaseModel, model_validator
from starlette.responses import Response

from api import csv_stream
from api.dashboard.viewer import member
from api.fields import Body
from api.v1.sms_list import InboundQuery
from api.web import cookies
from api.web.page import Facts, PageContext
from db.connection import Row
from db.lists import Listing

Mode = Literal["live", "test"]
MODES: tuple[Mode, ...] = ("live", "test")
MODE = "mode"
"""The cookie of the mode that was shown last."""
MODE_KEPT_SECONDS = 365 * 24 * 3600


class Filters(Body):
    """A form whose empty fields say nothing."""

    @model_validator(mode="before")
    @classmethod
    def _given(cls, fields: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in fields.items() if value != ""}


class ModeQuery(Filters):
    """Each mode has messages, calls and endpoints of its own."""

    mode: Mode | None = None

    def mode_for(self, context: PageContext) -> Mode:
        """The mode that is asked for, else the one that this browser was shown last. Where live
        keys do not work that is test, so that whoever began there stays there once they do."""
        me, kept = member(context), cookies.read(context.request, MODE)
        usual: Mode = "live" if me.live else "test"
        if me.looks:
            return self.mode or usual
        shown = self.mode or ("test" if kept == "test" else usual)
        if shown != kept:
            cookies.later(context.request, MODE, shown, MODE_KEPT_SECONDS)
        return shown


def mode_of_form(context: PageContext) -> Mode:
    """The mode that a refused form had; test where it had none that there is."""
    return "live" if context.values.get("mode") == "live" else "test"


class NumbersQuery(ModeQuery, InboundQuery):
    """The filters of the API's lists."""


def shown_query(context: PageContext, mode: str = "") -> dict[str, str]:
    """The filters for links of the page, but for the place in the list; with the mode of a list
    that has one."""
    given = context.request.query_params.items()
    kept = {name: value for name, value in given if value and name not in ("cursor", "offset")}
    return kept | ({"mode": mode} if mode else {})


async def listed(
    context: PageContext, query: NumbersQuery, listing: Callable[..., Awaitable[Listing]]
) -> Facts:
    """One page of a list of the account: `rows` and what the template says about them."""
    me = member(context)
    mode = query.mode_for(context)
    rows, more, total = await listing(
        context.db, me.account_id, mode, limit=query.limit, offset=query.offset,
        **query.filters(),
    )  # fmt: skip
    return {
        "mode": mode, "rows": rows, "total": total, "query": shown_query(context, mode),
        "next_cursor": rows[-1]["id"] if more else None,
        "at_first": query.cursor is None and not query.offset,
    }  # fmt: skip


def as_csv(
    name: str, columns: type[BaseModel], pages: AsyncIterator[list[Row]],
    shown: Callable[[Row], BaseModel],
) -> Response:  # fmt: skip
    """The whole list as a file, which no browser keeps."""
    response = csv_stream.response(name, columns, pages, shown)
    response.headers["Cache-Control"] = "no-store"
    return response
