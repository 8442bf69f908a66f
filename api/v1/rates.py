"""Prices: a list in pages or as CSV, and that of one number."""

import base64
import json
import re
from collections.abc import AsyncIterator
from typing import Annotated

from pydantic import BeforeValidator, Field
from starlette.responses import Response

from api import csv_stream, etag
from api.endpoint import PUBLIC, Context, Endpoints
from api.fields import Answer, Body, Money
from api.version import VERSION
from db import price_list
from db.connection import Row
from db.price_list import Stand
from telephony.errors import NotFoundError, ValidationFailedError
from telephony.phone_numbers import prefixes

endpoint = Endpoints()

PAGE_MAX = 1000
"""More than there are countries: only a carrier's deck has a second page."""
DIGITS = re.compile("[0-9]{1,15}")
NOT_IN_NUMBERS = re.compile(r"[\s()./-]")


class RatesQuery(Body):
    """`country` is an ISO 3166 code. A CSV stream has the whole list, whatever `limit` says."""

    country: Annotated[str, Field(pattern="^([A-Za-z]{2}|001)$", examples=["DE"])] | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE_MAX
    cursor: Annotated[str, Field(json_schema_extra={"format": "cursor"})] | None = None


class RateRow(Answer):
    """Prices of one prefix: of an SMS part and of a minute."""

    country: str
    iso: str
    prefix: str
    sms: Money
    voice: Money
    currency: str
    route: str


class Rates(Answer):
    """A price list, by country; `next_cursor` where there is more of it."""

    data: list[RateRow]
    next_cursor: str | None


def _digits(text: str) -> str:
    """`+1 (555)` → `1555`. A raw + in a query string arrives as a blank."""
    return NOT_IN_NUMBERS.sub("", text).removeprefix("+")


class LookupQuery(Body):
    """A number, or how numbers begin."""

    to: Annotated[
        str,
        Field(
            pattern="^[0-9]{1,15}$", examples=["+15551234567"],
            json_schema_extra={"pattern": r"^\+?[0-9]{1,15}$"},
        ),
        BeforeValidator(_digits),
    ]  # fmt: skip
    """What is looked up are the digits; clients write the plus sign, too."""


class RateOfNumber(Answer):
    """What a number costs. `own`: it is a rate of the account's own, not of its price list. A
    call is billed for `voice_initial_seconds` at least, then in steps of
    `voice_increment_seconds`; its first `voice_free_seconds` are free."""

    to: str
    prefix: str
    country: str
    iso: str
    route: str
    currency: str
    sms_per_segment: Money
    voice_per_minute: Money
    voice_connect_fee: Money
    voice_initial_seconds: int
    voice_increment_seconds: int
    voice_free_seconds: int
    own: bool


@endpoint(
    "GET", "/rates", scope=PUBLIC, takes=RatesQuery, returns=Rates, cached=True,
    besides=(csv_stream.MEDIA_TYPE,),
)  # fmt: skip
async def rates(context: Context, query: RatesQuery) -> Response:
    """List prices by country; with a key, the account's own."""
    account_id = context.caller.account_id if context.caller else None
    at = await price_list.stand(context.db, account_id, context.now)
    iso = query.country.upper() if query.country else None
    tag = ".".join((VERSION, at.account_id, at.version_id, at.own_rates, at.currency))
    if etag.known(context.headers, tag):
        return etag.unchanged(tag)
    if csv_stream.wanted(context.headers.get("accept", "")):
        return csv_stream.response("rates.csv", RateRow, _pages(context, at, iso), shown)
    rows = await price_list.page(
        context.db, at, limit=query.limit + 1, iso=iso, after=place_of(query.cursor)
    )
    data = [shown(row) for row in rows[: query.limit]]
    more = len(rows) > query.limit
    return etag.respond(Rates(data=data, next_cursor=cursor_of(data[-1]) if more else None), tag)


@endpoint(
    "GET", "/rates/lookup", scope=PUBLIC, takes=LookupQuery, returns=RateOfNumber,
    errors=(NotFoundError,),
)  # fmt: skip
async def rate_of_number(context: Context, query: LookupQuery) -> RateOfNumber:
    """Look up what one number costs; with a key, what it costs the account."""
    account_id = context.caller.account_id if context.caller else None
    found = await price_list.price(context.db, account_id, prefixes(query.to), context.now)
    if found is None:
        raise NotFoundError(f"There is no price for +{query.to}: numbers there are not offered.")
    return RateOfNumber(to=f"+{query.to}", own=not found["version_id"], **found)


async def _pages(context: Context, at: Stand, iso: str | None) -> AsyncIterator[list[Row]]:
    after = ("", "")
    while rows := await price_list.page(context.db, at, limit=PAGE_MAX, iso=iso, after=after):
        yield rows
        after = (rows[-1]["country"], rows[-1]["prefix"])


def shown(row: Row) -> RateRow:
    """A row of the list."""
    return RateRow(
        country=row["country"], iso=row["iso"], prefix=row["prefix"], sms=row["sms_per_segment"],
        voice=row["voice_per_minute"], currency=row["currency"], route=row["route"],
    )  # fmt: skip


def cursor_of(row: RateRow) -> str:
    """Where the page after this row begins."""
    return base64.urlsafe_b64encode(json.dumps([row.country, row.prefix]).encode()).decode()


def place_of(cursor: str | None) -> tuple[str, str]:
    """What `cursor_of` was made of."""
    if cursor is None:
        return "", ""
    try:
        country, prefix = json.loads(base64.urlsafe_b64decode(cursor))
        if not (isinstance(country, str) and country.isprintable() and DIGITS.fullmatch(prefix)):
            raise ValueError(cursor)
        return country, prefix
    except (ValueError, TypeError) as error:
        message = "give the next_cursor of the page before, as it was"
        finding = {"field": "cursor", "code": "value_error", "message": message}
        raise ValidationFailedError(f"cursor: {message}.", errors=[finding]) from error
