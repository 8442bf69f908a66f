"""What a message or a call costs. The numbers are copied onto the message or call when it is
accepted: a later change of prices never re-rates it."""

import json
from dataclasses import asdict, dataclass

from db import accounts, tariffs
from db.connection import Conn
from telephony.errors import DestinationNotAllowedError
from telephony.money import Micros, share
from telephony.phone_numbers import prefixes


@dataclass(frozen=True)
class Rate:
    """Prices in millionths; seconds for the billing steps of a call (60/60, 30/6, 1/1)."""

    prefix: str
    currency: str
    sms_per_segment: Micros
    voice_per_minute: Micros
    voice_connect_fee: Micros
    voice_initial_seconds: int
    voice_increment_seconds: int

    def to_text(self) -> str:
        """The snapshot that is stored beside a call."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "Rate":
        """A stored snapshot."""
        return cls(**json.loads(text))


def free(currency: str) -> Rate:
    """The rate of calls between the platform's own phones."""
    return Rate("", currency, 0, 0, 0, 1, 1)


def rate_for(conn: Conn, account_id: str, number: str) -> Rate:
    """The rate of the longest matching prefix in the account's tariff; raises
    DestinationNotAllowedError where there is none."""
    tariff_id = accounts.account(conn, account_id)["tariff_id"]
    found = tariffs.longest_match(conn, tariff_id, prefixes(number))
    if found is None:
        raise DestinationNotAllowedError(f"There is no price for {number}, so it is not offered.")
    return Rate(**{name: found[name] for name in Rate.__dataclass_fields__})


def billed_seconds(rate: Rate, billsec: int) -> int:
    """Talk time rounded up to the billing steps; nothing for a call that was not answered."""
    if billsec <= 0:
        return 0
    over = max(0, billsec - rate.voice_initial_seconds)
    steps = -(-over // rate.voice_increment_seconds)
    return rate.voice_initial_seconds + steps * rate.voice_increment_seconds


def call_cost(rate: Rate, billsec: int) -> Micros:
    """Connect fee and talk time of an answered call, rounded up to a millionth once."""
    if billsec <= 0:
        return 0
    return rate.voice_connect_fee + share(rate.voice_per_minute, billed_seconds(rate, billsec), 60)


def affordable_seconds(rate: Rate, funds: Micros, at_most: int) -> int:
    """The longest talk time, in whole billing steps, that costs no more than the funds; 0 where
    they do not cover the first step."""
    if rate.voice_per_minute == 0 and rate.voice_connect_fee <= funds:
        return at_most
    seconds = (funds - rate.voice_connect_fee) * 60 // max(1, rate.voice_per_minute)
    steps = (seconds - rate.voice_initial_seconds) // rate.voice_increment_seconds
    if steps < 0:
        return 0
    return min(at_most, rate.voice_initial_seconds + steps * rate.voice_increment_seconds)
