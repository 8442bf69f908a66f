"""The wallets: what is in them, and the statement of what moved their money."""

from typing import Annotated, Literal

from pydantic import Field
from starlette.responses import StreamingResponse

from api import csv_stream
from api.endpoint import Context, Endpoints
from api.fields import Answer, Body, Moment, Money, Time, Until
from db.connection import Row
from telephony.billing import statement

endpoint = Endpoints()

PAGE_MAX = 100
PAGE_DEFAULT = 25
Wallet = Literal["wallet", "sip"]
Kind = Literal["fund", "sip_topup", "charge", "refund", "adjust"]


class Pot(Answer):
    """`balance` counts what is `held` for messages and calls that have not ended; only what is
    `available` can be spent. Where the balance falls below `low_threshold`, wallet_low is sent."""

    balance: Money
    held: Money
    available: Money
    low_threshold: Money | None
    low: bool


class WalletAnswer(Answer):
    """`wallet` pays for messages, `sip` for calls; a test key sees play money."""

    mode: str
    currency: str
    wallet: Pot
    sip: Pot


class StatementQuery(Body):
    """Filters of the statement. A CSV stream has the whole result, whatever `limit` says."""

    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT
    cursor: Annotated[str, Field(pattern=statement.CURSOR)] | None = None
    wallet: Wallet | None = None
    kind: Kind | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Until | None = None


class Transaction(Answer):
    """What a transaction did to one wallet: a transfer between both is two lines of one id.
    `balance` is what was in the wallet after it (null for the oldest, from before that was kept);
    `refunds` is the charge that is given back."""

    id: str
    wallet: Wallet
    kind: Kind
    amount: Money
    balance: Money | None
    currency: str
    message_id: str | None
    call_id: str | None
    refunds: str | None
    description: str
    created_at: Time


class Statement(Answer):
    """One page of the statement, newest first."""

    data: list[Transaction]
    limit: int
    next_cursor: str | None


@endpoint("GET", "/wallet", returns=WalletAnswer)
async def wallet(context: Context, _: None) -> WalletAnswer:
    """Read both balances and what is held of them."""
    me = context.me
    pots = await statement.wallets(context.db, me.account_id, me.mode)
    return WalletAnswer(
        mode=me.mode, currency=me.currency, wallet=_pot(pots["wallet"]), sip=_pot(pots["sip"])
    )


@endpoint(
    "GET", "/wallet/transactions", takes=StatementQuery, returns=Statement,
    besides=(csv_stream.MEDIA_TYPE,),
)  # fmt: skip
async def wallet_transactions(
    context: Context, query: StatementQuery
) -> Statement | StreamingResponse:
    """Read the statement, newest first; `Accept: text/csv` streams the whole result."""
    me = context.me
    filters = {
        "wallet": query.wallet, "kind": query.kind, "since": query.from_, "until": query.to
    }  # fmt: skip

    def shown(row: Row) -> Transaction:
        return line(row, me.currency)

    if csv_stream.wanted(context.headers.get("accept", "")):
        pages = statement.pages(context.db, me.account_id, me.mode, **filters)
        return csv_stream.response("statement.csv", Transaction, pages, shown)
    found = await statement.page(
        context.db, me.account_id, me.mode, limit=query.limit + 1, cursor=query.cursor, **filters
    )
    rows = found[: query.limit]
    return Statement(
        data=[shown(row) for row in rows], limit=query.limit,
        next_cursor=statement.cursor_of(rows[-1]) if len(found) > len(rows) else None,
    )  # fmt: skip


def _pot(row: Row) -> Pot:
    balance, held, threshold = row["balance"], row["held"], row["low_threshold"]
    return Pot(
        balance=balance, held=held, available=balance - held, low_threshold=threshold,
        low=threshold is not None and balance < threshold,
    )  # fmt: skip


def line(row: Row, currency: str) -> Transaction:
    """A line of the statement."""
    return Transaction(
        id=row["id"], wallet=row["wallet"], kind=row["kind"], amount=row["amount"],
        balance=row["balance_after"], currency=currency, message_id=row["message_id"],
        call_id=row["call_id"], refunds=row["refers_to"], description=row["description"],
        created_at=row["at"],
    )  # fmt: skip
