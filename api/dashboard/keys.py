"""API keys: listed, made, shown once, rotated, revoked."""

from collections.abc import AsyncIterator
from typing import Literal

from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.dashboard.amounts import cap_of
from api.dashboard.forms import IdForm, Text
from api.dashboard.lists import Filters, as_csv, shown_query
from api.dashboard.viewer import go, member
from api.fields import Answer, Body, Money, Time, end_of
from api.web.page import Facts, PageContext, Pages
from api.web.templates import render
from db import accounts
from db.connection import Row
from telephony.accounts import SCOPES, NewKey
from telephony.clock import Instant
from telephony.users import keys
from telephony.users.problems import bad
from telephony.users.roles import Right, having

page = Pages()
HERE = "/dashboard/keys"
LOOKERS, BUILDERS = having(Right.look), having(Right.build)
ROWS = 25
CSV_ROWS = 500


class KeysQuery(Filters):
    """A part of what is shown, and the place in the list."""

    search: str = Field("", max_length=64)
    cursor: str | None = Field(None, max_length=64)


class KeyLine(Answer):
    """A key as a line of CSV; `currency` is that of the cap."""

    id: str
    name: str
    mode: Literal["live", "test"]
    last4: str
    scopes: str
    cidrs: str
    spend_day_max: Money | None
    currency: str
    created_at: Time
    expires_at: Time | None
    revoked_at: Time | None
    last_used_at: Time | None


class KeyForm(Body):
    """A new key; each scope that is ticked is a field of its own."""

    model_config = ConfigDict(extra="allow")

    name: Text
    mode: Text
    cidrs: str = Field("", max_length=4_000)
    expires_at: str = Field("", max_length=40)
    spend_day_max: str = Field("", max_length=40)

    @property
    def scopes(self) -> list[str]:
        """Those that are ticked."""
        return [scope for scope in SCOPES if scope in (self.model_extra or {})]


async def _keys(context: PageContext, given: KeysQuery | None = None) -> Facts:
    given = given or KeysQuery()
    rows = await _found(context, given.search, given.cursor, ROWS + 1)
    return {
        "keys": rows[:ROWS], "scopes": SCOPES, "now": context.now, "query": shown_query(context),
        "at_first": given.cursor is None,
        "next_cursor": rows[ROWS - 1]["id"] if len(rows) > ROWS else None,
        "builds": Right.build in member(context).rights,
    }  # fmt: skip


async def _found(context: PageContext, search: str, below: str | None, limit: int) -> list[Row]:
    return await accounts.key_page(
        context.db, member(context).account_id, limit=limit, below=below, search=search
    )


@page("GET", HERE, roles=LOOKERS, takes=KeysQuery, template="dashboard/keys.html")
async def show_keys(context: PageContext, given: KeysQuery) -> Facts:
    """The keys of the account, the newest first."""
    return await _keys(context, given)


@page("GET", f"{HERE}.csv", roles=LOOKERS, takes=KeysQuery)
async def keys_csv(context: PageContext, given: KeysQuery) -> Response:
    """All of them that the search finds."""
    currency = member(context).currency
    return as_csv("api-keys.csv", KeyLine, _pages(context, given.search),
                  lambda row: KeyLine(**row | {"currency": currency}))  # fmt: skip


async def _pages(context: PageContext, search: str) -> AsyncIterator[list[Row]]:
    below = None
    while rows := await _found(context, search, below, CSV_ROWS):
        yield rows
        below = rows[-1]["id"]


@page("POST", HERE, roles=BUILDERS, confirm=True, takes=KeyForm,
      template="dashboard/keys.html", again=_keys)  # fmt: skip
async def make_key(context: PageContext, given: KeyForm) -> Response:
    """Make a key and show it this once."""
    made = await context.db.write(
        keys.create, member(context), given.mode, given.name, context.now, scopes=given.scopes,
        cidrs=given.cidrs.replace(",", " ").split(), expires_at=_expires(given.expires_at),
        spend_day_max=cap_of(given.spend_day_max, "spend_day_max"),
    )  # fmt: skip
    return _shown(context, made)


@page("POST", f"{HERE}/rotate", roles=BUILDERS, confirm=True, takes=IdForm,
      template="dashboard/keys.html", again=_keys)  # fmt: skip
async def rotate_key(context: PageContext, given: IdForm) -> Response:
    """Another key in its place, shown this once; both work for a day."""
    return _shown(
        context, await context.db.write(keys.rotate, member(context), given.id, context.now)
    )


@page("POST", f"{HERE}/revoke", roles=BUILDERS, confirm=True, takes=IdForm)
async def revoke_key(context: PageContext, given: IdForm) -> Response:
    """The key works no more."""
    await context.db.write(keys.revoke, member(context), given.id, context.now)
    return go(HERE)


def _shown(context: PageContext, made: NewKey) -> Response:
    answer = render(context.request, "dashboard/key_made.html", key=made.key,
                    replaced_until=made.replaced_until)  # fmt: skip
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _expires(text: str) -> Instant | None:
    try:
        return end_of(text) if text else None
    except ValueError as error:
        raise bad("expires_at", "invalid", "Write a date such as 2027-01-31.") from error
