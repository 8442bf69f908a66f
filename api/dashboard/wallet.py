"""The wallets: balances, the statement, and moving money to the SIP wallet."""

import secrets
from functools import partial
from typing import Annotated, Literal

from pydantic import Field
from starlette.responses import Response

from api.dashboard.amounts import amount_of
from api.dashboard.forms import Text
from api.dashboard.lists import ModeQuery, as_csv, mode_of_form, shown_query
from api.dashboard.viewer import go, member
from api.fields import Body, Moment, Until
from api.v1.wallet import Transaction, line
from api.web.page import Facts, PageContext, Pages
from telephony.billing import statement
from telephony.users import transfers
from telephony.users.roles import Right, having

page = Pages()
HERE = "/dashboard/wallet"
LINES = 50
KINDS = ("fund", "sip_topup", "charge", "refund", "adjust")


class WalletQuery(ModeQuery):
    """Filters of the statement, as they stand in the URL."""

    wallet: Literal["wallet", "sip"] | None = None
    kind: Literal["fund", "sip_topup", "charge", "refund", "adjust"] | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Until | None = None
    cursor: Annotated[str, Field(pattern=statement.CURSOR)] | None = None


class TopUpForm(Body):
    """Money to be moved; `form` tells a second click from a second wish."""

    mode: Text
    amount: Text
    form: str = Field(min_length=8, max_length=64)


@page("GET", HERE, roles=having(Right.look), template="dashboard/wallet.html", takes=WalletQuery)
async def show_wallet(context: PageContext, given: WalletQuery) -> Facts:
    """Balances and statement of one mode."""
    return await _wallet(context, given)


async def _wallet(context: PageContext, given: WalletQuery) -> Facts:
    me = member(context)
    mode = given.mode_for(context)
    lines = await statement.page(
        context.db, me.account_id, mode, limit=LINES + 1, cursor=given.cursor,
        wallet=given.wallet, kind=given.kind, since=given.from_, until=given.to,
    )  # fmt: skip
    return {
        "mode": mode, "pots": await statement.wallets(context.db, me.account_id, mode),
        "lines": lines[:LINES], "kinds": KINDS, "query": shown_query(context, mode),
        "next_cursor": statement.cursor_of(lines[LINES - 1]) if len(lines) > LINES else None,
        "at_first": given.cursor is None, "pays": Right.pay in me.rights,
        "form": secrets.token_urlsafe(12),
    }  # fmt: skip


@page("GET", f"{HERE}/statement.csv", roles=having(Right.look), takes=WalletQuery)
async def statement_csv(context: PageContext, given: WalletQuery) -> Response:
    """The whole statement that the filters find, as a file."""
    me = member(context)
    mode = given.mode_for(context)
    found = statement.pages(
        context.db, me.account_id, mode, wallet=given.wallet, kind=given.kind, since=given.from_,
        until=given.to,
    )  # fmt: skip
    return as_csv(f"statement-{mode}.csv", Transaction, found, partial(line, currency=me.currency))


async def _again(context: PageContext) -> Facts:
    return await _wallet(context, WalletQuery(mode=mode_of_form(context)))


@page("POST", f"{HERE}/top-up", roles=having(Right.pay), confirm=True, takes=TopUpForm,
      template="dashboard/wallet.html", again=_again)  # fmt: skip
async def top_up(context: PageContext, given: TopUpForm) -> Response:
    """Move money from the wallet to the SIP wallet."""
    amount = amount_of(given.amount)
    await context.db.write(
        transfers.top_up, member(context), given.mode, amount, given.form, context.now
    )
    return go(f"{HERE}?mode={given.mode}")
