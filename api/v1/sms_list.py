"""Lists of messages, newest first: those that were sent, and those that phones sent."""

from typing import Annotated, Any

from pydantic import Field

from api.endpoint import Context, Endpoints
from api.fields import Answer, Body, Moment, Time, Until
from api.v1.sms import Listed, Status, listed
from db import inbound, messages
from db.connection import Row

endpoint = Endpoints()

PAGE_MAX = 100
PAGE_DEFAULT = 25
OFFSET_MAX = 10_000
"""Whoever wants to read on goes on from `next_cursor`, which costs the same on every page."""
NOT_IN_NUMBERS = str.maketrans("", "", " ()")


class InboundQuery(Body):
    """Filters of a list; `search` is a part of a number or name."""

    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT
    offset: Annotated[int, Field(ge=0, le=OFFSET_MAX)] = 0
    cursor: Annotated[str, Field(max_length=64)] | None = None
    search: Annotated[str, Field(max_length=64)] | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Until | None = None

    def filters(self) -> dict[str, Any]:
        """As the records take them. A raw + in a query string arrives as a blank."""
        search = self.search
        if search is not None:
            plus = "+" if search.startswith(" ") else ""
            search = plus + search.translate(NOT_IN_NUMBERS)
        return {"search": search, "cursor": self.cursor, "since": self.from_, "until": self.to}


class MessageQuery(InboundQuery):
    """The same, and a state."""

    status: Status | None = None

    def filters(self) -> dict[str, Any]:
        """As the records take them."""
        return super().filters() | {"status": self.status}


class Page(Answer):
    """One page of a list, newest first. There are at least `total` messages on all pages; no
    others where `total_exact` is true: up to 10,000, and with `search` where a page and little
    more holds them."""

    total: int
    total_exact: bool
    limit: int
    offset: int
    next_cursor: str | None


class MessagePage(Page):
    """Sent messages, without their histories."""

    data: list[Listed]


class Received(Answer):
    """A message from a phone; `keyword` is what it asked for: stop, start or help."""

    message_id: str
    from_: Annotated[str, Field(alias="from")]
    to: str
    text: str
    segments: int
    keyword: str | None
    received_at: Time


class InboundPage(Page):
    """Received messages."""

    data: list[Received]


@endpoint("GET", "/sms", scope="sms:read", takes=MessageQuery, returns=MessagePage)
async def list_messages(context: Context, query: MessageQuery) -> MessagePage:
    """List messages that were sent, newest first."""
    rows, frame = await _page(context, query, messages)
    return MessagePage(data=[listed(row) for row in rows], **frame)


@endpoint("GET", "/sms/inbound", scope="sms:read", takes=InboundQuery, returns=InboundPage)
async def list_inbound(context: Context, query: InboundQuery) -> InboundPage:
    """List messages that phones sent to the account's numbers, newest first."""
    rows, frame = await _page(context, query, inbound)
    return InboundPage(data=[received(row) for row in rows], **frame)


async def _page(
    context: Context, query: InboundQuery, records: Any
) -> tuple[list[Row], dict[str, Any]]:
    me, filters = context.me, query.filters()
    rows, more, total = await records.listing(
        context.db, me.account_id, me.mode, limit=query.limit, offset=query.offset, **filters
    )
    return rows, {
        "total": total.rows, "total_exact": total.exact,
        "limit": query.limit, "offset": query.offset,
        "next_cursor": rows[-1]["id"] if more else None,
    }  # fmt: skip


def received(row: Row) -> Received:
    """A message of a list."""
    return Received(**{
        "message_id": row["id"], "from": row["from_number"], "to": row["to_number"],
        "text": row["body"], "segments": row["segments"], "keyword": row["keyword"] or None,
        "received_at": row["created_at"],
    })  # fmt: skip
