"""Prices."""

from api.endpoint import PUBLIC, Context, Endpoints
from api.fields import Answer, Money
from db import tariffs
from telephony.clock import now

endpoint = Endpoints()


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
    """A price list, by country."""

    data: list[RateRow]


@endpoint("GET", "/rates", scope=PUBLIC, returns=Rates)
async def rates(context: Context, _: None) -> Rates:
    """List prices by country; with a key, the account's own."""
    if context.caller:
        rows = await tariffs.deck_of(context.db, context.caller.account_id, now())
    else:
        rows = await tariffs.public_deck(context.db, now())
    return Rates(data=[
        RateRow(country=row["country"], iso=row["iso"], prefix=row["prefix"],
                sms=row["sms_per_segment"], voice=row["voice_per_minute"],
                currency=row["currency"], route=row["route"])
        for row in rows
    ])  # fmt: skip
