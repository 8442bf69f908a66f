"""Customers' accounts: searched, looked at, suspended, limited."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field
from starlette.responses import Response

from api import csv_stream
from api.admin.acting import (
    ADMINS,
    LINES,
    LOOKERS,
    Cursor,
    ReasonForm,
    Search,
    act,
)
from api.dashboard import statements
from api.dashboard.amounts import cap_of
from api.dashboard.lists import Filters, shown_query
from api.dashboard.statements import StatementQuery
from api.dashboard.viewer import go
from api.fields import Answer, Body, Money, Time
from api.web.page import Facts, PageContext, Pages
from db import account_search, accounts, audit_log, sms_accounts, users
from db.connection import Row
from telephony.admin import accounts as deeds
from telephony.billing import statement
from telephony.billing.wallets import MODES
from telephony.errors import NotFoundError
from telephony.users.problems import bad

page = Pages()
HERE = "/admin/accounts"
ONE = f"{HERE}/{{id}}"
ACTS = 10
CALLS_MAX = 1_000_000
Count = Annotated[str, Field(max_length=10)]
Amount = Annotated[str, Field(max_length=40)]


class AccountsQuery(Filters):
    """Filters, as they stand in the URL."""

    q: Search = ""
    status: Literal["active", "suspended"] | None = None
    cursor: Cursor | None = None


class AccountQuery(StatementQuery):
    """Whose money is shown, real or play money, and which of it."""

    mode: Literal["live", "test"] = "live"


class AccountLine(Answer):
    """An account as CSV."""

    id: str
    name: str
    status: str
    country: str
    currency: str
    tariff: str | None
    wallet: Money | None
    sip_wallet: Money | None
    identity_approved_at: Time | None
    created_at: Time


class LimitsForm(Body):
    """What is empty is not limited, or as by the settings."""

    spend_day_max: Amount = ""
    spend_month_max: Amount = ""
    calls_max: Count = ""
    calls_per_second: Count = ""


@page("GET", HERE, roles=LOOKERS, takes=AccountsQuery, template="admin/accounts.html")
async def list_accounts(context: PageContext, given: AccountsQuery) -> Facts:
    """The accounts that a search finds, the newest first."""
    found = await account_search.page(
        context.db, limit=LINES + 1, search=given.q, status=given.status, before=given.cursor
    )
    rows = found[:LINES]
    return {"accounts": rows, "query": shown_query(context), "at_first": given.cursor is None,
            "next_cursor": rows[-1]["id"] if len(found) > LINES else None}  # fmt: skip


@page("GET", f"{HERE}.csv", roles=LOOKERS, takes=AccountsQuery)
async def accounts_csv(context: PageContext, given: AccountsQuery) -> Response:
    """All that the search finds, as a file."""
    found = account_search.pages(context.db, given.q, given.status)
    return csv_stream.response("accounts.csv", AccountLine, found, _line)


@page("GET", ONE, roles=LOOKERS, takes=AccountQuery, template="admin/account.html")
async def show_account(context: PageContext, given: AccountQuery) -> Facts:
    """One account: people, keys, money, what was done to it."""
    return await _account(context, given)


@page("GET", f"{ONE}/statement.csv", roles=LOOKERS, takes=AccountQuery)
async def account_statement_csv(context: PageContext, given: AccountQuery) -> Response:
    """Its statement, as far as the filters say, as a file."""
    row = await account_of(context)
    return statements.as_file(context, row["id"], given.mode, row["currency"], given)


async def show_again(context: PageContext) -> Facts:
    """The same page for a form of it that was refused."""
    return await _account(context)


@page("POST", f"{ONE}/suspend", roles=ADMINS, confirm=True, takes=ReasonForm,
      template="admin/account.html", again=show_again)  # fmt: skip
async def suspend(context: PageContext, given: ReasonForm) -> Response:
    """Its keys and phones are refused at once, its calls hung up."""
    await act(context, deeds.suspend, context.path["id"], given.reason)
    return go(where(context))


@page("POST", f"{ONE}/lift", roles=ADMINS, confirm=True, takes=ReasonForm,
      template="admin/account.html", again=show_again)  # fmt: skip
async def lift(context: PageContext, given: ReasonForm) -> Response:
    """It works again."""
    await act(context, deeds.lift, context.path["id"], given.reason)
    return go(where(context))


async def _limits(context: PageContext) -> Facts:
    row = await account_of(context)
    return {"account": row, "caps": {
        "spend_day_max": _units(row["spend_day_max"]), "calls_max": row["calls_max"],
        "spend_month_max": _units(row["spend_month_max"]),
        "calls_per_second": row["calls_per_second"],
    }}  # fmt: skip


@page("GET", f"{ONE}/limits", roles=ADMINS, template="admin/limits.html")
async def show_limits(context: PageContext, _: None) -> Facts:
    """The form of the limits."""
    return await _limits(context)


@page("POST", f"{ONE}/limits", roles=ADMINS, confirm=True, takes=LimitsForm,
      template="admin/limits.html", again=_limits)  # fmt: skip
async def set_limits(context: PageContext, given: LimitsForm) -> Response:
    """What the account may spend, and how many calls it may have."""
    caps = {name: cap_of(getattr(given, name), name) for name in
            ("spend_day_max", "spend_month_max")}  # fmt: skip
    calls = {name: _count(getattr(given, name), name) for name in ("calls_max", "calls_per_second")}
    await act(context, deeds.limit, context.path["id"], **caps, **calls)
    return go(where(context))


async def account_of(context: PageContext) -> Row:
    """The account that the path names; NotFoundError."""
    row = await account_search.one(context.db, context.path["id"])
    if row is None:
        raise NotFoundError("There is no account of that id.")
    return row


def where(context: PageContext) -> str:
    """The page of the account that the path names."""
    return f"{HERE}/{context.path['id']}"


async def _account(context: PageContext, given: AccountQuery | None = None) -> Facts:
    given = given or AccountQuery()
    row, db = await account_of(context), context.db
    return {
        "account": row, "mode": given.mode, "now": context.now,
        "pots": {mode: await statement.wallets(db, row["id"], mode) for mode in MODES},
        "members": await users.members(db, row["id"]),
        "keys": list(reversed(await db.write(accounts.keys_of, row["id"]))),
        "senders": await sms_accounts.senders_of(db, row["id"]),
        "acts": await audit_log.of_account(db, row["id"], 2**62, ACTS),
        **await statements.listed(context, row["id"], given.mode, given),
    }  # fmt: skip


def _line(row: Row) -> BaseModel:
    return AccountLine(
        **{name: row[name] for name in ("id", "name", "status", "country", "currency", "tariff")},
        wallet=row["wallet"], sip_wallet=row["sip"], created_at=row["created_at"],
        identity_approved_at=row["kyc_approved_at"],
    )  # fmt: skip


def _count(text: str, field: str) -> int | None:
    if not text.strip():
        return None
    if not (text.strip().isascii() and text.strip().isdigit() and 0 < int(text) < CALLS_MAX):
        raise bad(field, "invalid", "Write a whole number above 0, such as 20.")
    return int(text)


def _units(cap: int | None) -> str:
    return "" if cap is None else f"{cap / 1_000_000:.6f}".rstrip("0").rstrip(".")
