"""The wallets: balances, the statement, and moving money to the SIP wallet."""

import secrets

from pydantic import Field
from starlette.responses import Response

from api.dashboard import statements
from api.dashboard.amounts import amount_of
from api.dashboard.forms import Text
from api.dashboard.lists import ModeQuery, mode_of_form
from api.dashboard.statements import StatementQuery
from api.dashboard.viewer import go, member
from api.fields import Body
from api.web.page import Facts, PageContext, Pages
from telephony.billing import statement
from telephony.users import transfers
from telephony.users.roles import Right, having

page = Pages()
HERE = "/dashboard/wallet"


class WalletQuery(ModeQuery, StatementQuery):
    """The statement of one mode."""


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
    return {
        **await statements.listed(context, me.account_id, mode, given),
        "mode": mode, "pots": await statement.wallets(context.db, me.account_id, mode),
        "pays": Right.pay in me.rights, "form": secrets.token_urlsafe(12),
    }  # fmt: skip


@page("GET", f"{HERE}/statement.csv", roles=having(Right.look), takes=WalletQuery)
async def statement_csv(context: PageContext, given: WalletQuery) -> Response:
    """The whole statement that the filters find, as a file."""
    me = member(context)
    mode = given.mode_for(context)
    return statements.as_file(context, me.account_id, mode, me.currency, given)


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
