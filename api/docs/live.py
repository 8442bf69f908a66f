"""Prices and status, as pages."""

import asyncio
import logging
from typing import Any

from pydantic import BaseModel, ValidationError

from api.v1 import rates, status
from api.web.page import PageContext, Pages
from db import price_list
from db.connection import Row
from telephony import status as platform
from telephony.phone_numbers import prefixes
from telephony.status import History

page = Pages()
log = logging.getLogger(__name__)

ROWS_MAX = 100
DAYS = 60


class RatesQuery(BaseModel):
    """`to` is a number to price; the others filter and page the list."""

    to: str = ""
    country: str = ""
    cursor: str = ""


@page("GET", "/rates", takes=RatesQuery, template="docs/rates.html", part="docs/rates_price.html")
async def rates_page(context: PageContext, query: RatesQuery) -> dict[str, Any]:
    """The price list, and what one number costs; for who is signed in, the account's own."""
    account_id = context.viewer.account_id if context.viewer else None
    price, complaint = await _price(context, account_id, query.to)
    facts = {"query": query, "price": price, "complaint": complaint}
    if context.wants_part:
        return facts
    at = await price_list.stand(context.db, account_id, context.now)
    found = await price_list.page(
        context.db, at, limit=ROWS_MAX + 1, iso=query.country.strip().upper() or None,
        after=rates.place_of(query.cursor or None),
    )  # fmt: skip
    rows, more = found[:ROWS_MAX], len(found) > ROWS_MAX
    next_cursor = rates.cursor_of(rates.shown(rows[-1])) if more else ""
    return {**facts, "rows": rows, "next_cursor": next_cursor}


async def _price(context: PageContext, account_id: str | None, to: str) -> tuple[Row | None, str]:
    """The rate of a number, or why there is none."""
    if not to.strip():
        return None, ""
    try:
        digits = rates.LookupQuery.model_validate({"to": to}).to
    except ValidationError:
        return None, "Write it in international format, for example +1 555 123 4567."
    found = await price_list.price(context.db, account_id, prefixes(digits), context.now)
    return found, "" if found else f"Numbers that begin with +{digits} are not offered."


@page("GET", "/status", template="docs/status.html", part="docs/status_part.html")
async def status_page(context: PageContext, _: None) -> dict[str, Any]:
    """How the platform is, from real probes, and how it was."""
    now = await status.current(context.db, context.now)
    return {"now": now, "past": await _past(context), "days_shown": DAYS}


async def _past(context: PageContext) -> History:
    """Whoever asks how the platform is gets a page, also where the database gives no answer."""
    try:
        async with asyncio.timeout(status.LOOK_SECONDS_MAX):
            return await platform.history(context.db, context.now, DAYS)
    except Exception:
        log.exception("the history of the status cannot be read")
        return History({}, [])
