"""SIP accounts and their wallet: caller id, secret, top-up."""

from api.endpoint import Context, Endpoints
from api.fields import Amount, Answer, Body, Money, Number, SipAccount, SipSecret
from api.v1.applied import when_applied
from db.ids import new_id
from telephony.billing import wallets
from telephony.errors import CallerIdNotAllowedError, InsufficientFundsError, NotFoundError
from telephony.voice import sip_accounts

endpoint = Endpoints()


class CallerIdBody(Body):
    """The number that a SIP account shows from now on."""

    caller_id: Number
    sip_account: SipAccount | None = None


class CallerIdAnswer(Answer):
    """`applied` once every PBX node shows it."""

    sip_account: str
    caller_id: str
    applied: bool = False
    nodes: str = ""


class PasswordBody(Body):
    """A new secret; a good one is made if none is given."""

    sip_password: SipSecret | None = None
    sip_account: SipAccount | None = None


class PasswordAnswer(Answer):
    """`sip_password` only if it was generated, and only in this response."""

    sip_account: str
    applied: bool = False
    nodes: str = ""
    sip_password: str | None = None


class TopupBody(Body):
    """Money from the wallet to the SIP wallet."""

    amount: Amount
    sip_account: SipAccount | None = None


class TopupAnswer(Answer):
    """Both balances after the transfer."""

    transaction_id: str
    amount: Money
    wallet_balance: Money
    sip_balance: Money
    currency: str


@endpoint(
    "POST", "/voip/caller-id", scope="voip:manage", takes=CallerIdBody, returns=CallerIdAnswer,
    errors=(CallerIdNotAllowedError, NotFoundError), then=when_applied,
)  # fmt: skip
def set_caller_id(context: Context, body: CallerIdBody) -> CallerIdAnswer:
    """Change the number that a SIP account shows."""
    row = sip_accounts.set_caller_id(
        context.conn, context.me.account_id, body.sip_account, body.caller_id, context.now
    )
    return CallerIdAnswer(sip_account=row["username"], caller_id=row["caller_id"])


@endpoint(
    "POST", "/voip/password", scope="voip:manage", takes=PasswordBody, returns=PasswordAnswer,
    errors=(NotFoundError,), then=when_applied,
)  # fmt: skip
def set_password(context: Context, body: PasswordBody) -> PasswordAnswer:
    """Change the secret of a SIP account; the old one stops working at once."""
    given = body.sip_password  # an empty one is false, and must be refused
    secret = sip_accounts.new_secret() if given is None else given.get_secret_value()
    row = sip_accounts.set_secret(
        context.conn, context.vault, context.settings.realm, context.me.account_id,
        body.sip_account, secret, context.now,
    )  # fmt: skip
    return PasswordAnswer(
        sip_account=row["username"], sip_password=secret if given is None else None
    )


@endpoint(
    "POST", "/voip/topup", scope="wallet:transfer", takes=TopupBody, returns=TopupAnswer,
    errors=(InsufficientFundsError, NotFoundError),
)  # fmt: skip
def top_up(context: Context, body: TopupBody) -> TopupAnswer:
    """Move money from the wallet to the SIP wallet."""
    me, conn = context.me, context.conn
    if body.sip_account:
        sip_accounts.pick(conn, me.account_id, body.sip_account)
    transaction_id = wallets.top_up_sip(
        conn, me.account_id, me.mode, body.amount, reference=new_id("topup"), actor=me.key_id,
        now=context.now,
    )  # fmt: skip
    return TopupAnswer(
        transaction_id=transaction_id, amount=body.amount, currency=me.currency,
        wallet_balance=wallets.balance(conn, me.account_id, me.mode, "wallet"),
        sip_balance=wallets.balance(conn, me.account_id, me.mode, "sip"),
    )  # fmt: skip
