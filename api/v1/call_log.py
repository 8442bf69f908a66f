"""The call log: a page of it as JSON, or the whole of it as a CSV stream."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.responses import StreamingResponse

from api import csv_stream
from api.endpoint import Context, Endpoints
from api.fields import Answer, Body, Moment, Money, SipAccount, Time, Until
from api.v1.recordings import Reading, linked
from db import call_log
from db.connection import Row
from telephony.billing.rating import Rate
from telephony.clock import SECOND, Instant

endpoint = Endpoints()

PAGE_MAX = 100
PAGE_DEFAULT = 25
OFFSET_MAX = 10_000
"""Whoever wants to read on goes on from `next_cursor`, which costs the same on every page."""
SHOWN_STATUS = {"completed": "answered"}
STORED_STATUS = {shown: stored for stored, shown in SHOWN_STATUS.items()}
NOT_IN_NUMBERS = str.maketrans("", "", " ()")


class LogQuery(Body):
    """Filters of the call log; `search` is a part of any number or name. A CSV stream has the
    whole result, whatever `limit` and `offset` say."""

    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT
    offset: Annotated[int, Field(ge=0, le=OFFSET_MAX)] = 0
    cursor: Annotated[str, Field(max_length=64)] | None = None
    search: Annotated[str, Field(max_length=64)] | None = None
    direction: Literal["outbound", "inbound", "internal"] | None = None
    status: Literal["answered", "busy", "no_answer", "failed", "canceled"] | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Until | None = None
    sip_account: SipAccount | None = None


class LogRow(Answer):
    """An ended call. `duration` is from its start to its end, `ring_seconds` how much of that
    `to` rang, `billsec` how long the two talked."""

    id: str
    call_id: str
    direction: Literal["outbound", "inbound", "internal"]
    from_: Annotated[str, Field(alias="from")]
    to: str
    caller_id: str
    sip_account: str | None
    status: Literal["answered", "busy", "no_answer", "failed", "canceled"]
    started_at: Time
    ringing_at: Time | None
    answered_at: Time | None
    ended_at: Time
    duration: int
    ring_seconds: int
    billsec: int
    cost: Money
    currency: str
    rate_per_minute: Money
    hangup_cause: str | None
    sip_code: int | None
    recording_url: str | None = None
    node: str | None


class LogPage(Answer):
    """One page of the call log, newest first. There are at least `total` calls on all pages; no
    others where `total_exact` is true: up to 10,000 calls, and with `search` where a page and
    little more holds them."""

    data: list[LogRow]
    total: int
    total_exact: bool
    limit: int
    offset: int
    next_cursor: str | None


@endpoint(
    "GET", "/voip/logs", scope="voip:read", takes=LogQuery, returns=LogPage,
    besides=(csv_stream.MEDIA_TYPE,),
)  # fmt: skip
async def call_logs(context: Context, query: LogQuery) -> LogPage | StreamingResponse:
    """Read the call log, newest call first; `Accept: text/csv` streams the whole result."""
    me = context.me
    if csv_stream.wanted(context.headers.get("accept", "")):
        return as_csv(context, me.account_id, me.mode, query)
    return await listed(context, me.account_id, me.mode, query)


def as_csv(context: Reading, account_id: str, mode: str, query: LogQuery) -> StreamingResponse:
    """The whole result, as it is read."""
    pages = call_log.pages(context.db, account_id, mode, **_filters(query))
    return csv_stream.response("call-log.csv", LogRow, _linked(context, pages), _log_row)


async def listed(context: Reading, account_id: str, mode: str, query: LogQuery) -> LogPage:
    """One page of the result."""
    found, more, total = await call_log.listing(
        context.db, account_id, mode, limit=query.limit, offset=query.offset, **_filters(query)
    )
    rows = await linked(context, found)
    return LogPage(
        data=[_log_row(row) for row in rows], limit=query.limit, offset=query.offset,
        total=total.rows, total_exact=total.exact,
        next_cursor=rows[-1]["id"] if more else None,
    )  # fmt: skip


async def _linked(context: Reading, pages: AsyncIterator[list[Row]]) -> AsyncIterator[list[Row]]:
    async for rows in pages:
        yield await linked(context, rows)


def _filters(query: LogQuery) -> dict[str, Any]:
    return {
        "search": searched(query.search), "direction": query.direction, "cursor": query.cursor,
        "status": STORED_STATUS.get(query.status or "", query.status), "since": query.from_,
        "until": query.to, "sip_account": query.sip_account,
    }  # fmt: skip


def searched(search: str | None) -> str | None:
    """As numbers are stored: without blanks and brackets. A raw + in a query string arrives as
    a blank."""
    if search is None:
        return None
    return ("+" if search.startswith(" ") else "") + search.translate(NOT_IN_NUMBERS)


def _log_row(row: Row) -> LogRow:
    rate = Rate.from_text(row["rate"])
    facts = {name: row[name] for name in LogRow.model_fields if name in row}
    return LogRow(**{
        **facts,
        "call_id": row["id"],
        "from": row["from_number"],
        "to": row["to_number"],
        "status": SHOWN_STATUS.get(row["status"], row["status"]),
        "started_at": row["started_at"] or row["created_at"],
        "ring_seconds": _rang(row),
        "rate_per_minute": rate.voice_per_minute,
    })  # fmt: skip


def _rang(row: Row) -> int:
    """Whole seconds between the first ringing and the answer, or the end where there is none."""
    if row["ringing_at"] is None:
        return 0
    rang: Instant = (row["answered_at"] or row["ended_at"]) - row["ringing_at"]
    return max(0, rang) // SECOND
