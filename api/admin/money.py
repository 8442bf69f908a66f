"""Money of customers: paid in, corrected, refunded; each with a reason."""

import secrets
from typing import Annotated, Literal

from pydantic import Field
from starlette.responses import Response

from api.admin.accounts import ONE, account_of, where
from api.admin.acting import ADMINS, FormId, ReasonForm, act
from api.dashboard.amounts import amount_of
from api.dashboard.viewer import go
from api.fields import Body
from api.web.page import Facts, PageContext, Pages
from telephony.admin import money as deeds
from telephony.billing import statement
from telephony.billing.wallets import MODES

page = Pages()
Amount = Annotated[str, Field(max_length=40)]


class MoneyForm(ReasonForm):
    """`wallet` counts for a correction; what is paid in goes to the wallet."""

    what: Literal["paid_in", "correction"]
    mode: Literal["live", "test"]
    wallet: Literal["wallet", "sip"] = "wallet"
    amount: Amount
    form: FormId


class ChargeQuery(Body):
    """Id or reference of what was charged, how much of it, and the statement it was found on."""

    charge: str = Field("", max_length=200)
    amount: Amount = ""
    mode: Literal["live", "test"] = "live"


class RefundForm(ReasonForm):
    """A charge, how much of it, and the statement to show then."""

    charge: str = Field(max_length=200)
    amount: Amount
    mode: Literal["live", "test"] = "live"
    form: FormId


async def _money(context: PageContext) -> Facts:
    row = await account_of(context)
    pots = {mode: await statement.wallets(context.db, row["id"], mode) for mode in MODES}
    return {"account": row, "pots": pots, "form": secrets.token_urlsafe(12)}


@page("GET", f"{ONE}/money", roles=ADMINS, template="admin/money.html")
async def show_money(context: PageContext, _: None) -> Facts:
    """The form of deposits and corrections."""
    return await _money(context)


@page("POST", f"{ONE}/money", roles=ADMINS, confirm=True, takes=MoneyForm,
      template="admin/money.html", again=_money)  # fmt: skip
async def move_money(context: PageContext, given: MoneyForm) -> Response:
    """Put in what was paid, or correct a wallet."""
    account_id, amount = context.path["id"], amount_of(given.amount)
    if given.what == "paid_in":
        await act(context, deeds.pay_in, account_id, given.mode, amount, given.reason, given.form)
    else:
        await act(context, deeds.correct, account_id, given.mode, given.wallet, amount,
                  given.reason, given.form)  # fmt: skip
    return go(f"{where(context)}?mode={given.mode}")


async def _refund(context: PageContext) -> Facts:
    return {"account": await account_of(context), "form": secrets.token_urlsafe(12)}


@page("GET", f"{ONE}/refund", roles=ADMINS, takes=ChargeQuery, template="admin/refund.html")
async def show_refund(context: PageContext, given: ChargeQuery) -> Facts:
    """The form of a refund, perhaps filled in."""
    return {**await _refund(context), "values": given.model_dump()}


@page("POST", f"{ONE}/refund", roles=ADMINS, confirm=True, takes=RefundForm,
      template="admin/refund.html", again=_refund)  # fmt: skip
async def refund_charge(context: PageContext, given: RefundForm) -> Response:
    """Give a charge or a part of it back."""
    amount = amount_of(given.amount)
    await act(context, deeds.refund, given.charge.strip(), amount, given.reason,
              context.path["id"], given.form)  # fmt: skip
    return go(f"{where(context)}?mode={given.mode}")
