"""What a message or a call costs. The numbers are copied onto the message or call when it is
accepted: a later change of prices never re-rates it."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from functools import lru_cache
from operator import itemgetter

from db import tariffs
from db.connection import Conn
from telephony import clock
from telephony.clock import Instant
from telephony.errors import DestinationNotAllowedError, ValidationFailedError
from telephony.money import Micros, share
from telephony.phone_numbers import longest, prefixes, prefixes_of


@dataclass(frozen=True)
class Rate:
    """Prices in millionths; seconds for the billing steps of a call (60/60, 30/6, 1/1) and for
    the talk time before them that costs nothing. `version_id` is empty for an account's own rate.
    """

    prefix: str
    currency: str
    sms_per_segment: Micros
    voice_per_minute: Micros
    voice_connect_fee: Micros
    voice_initial_seconds: int
    voice_increment_seconds: int
    voice_free_seconds: int = 0
    country: str = ""
    iso: str = ""
    route: str = ""
    version_id: str = ""

    def to_text(self) -> str:
        """The snapshot that is stored beside a call."""
        return json.dumps(asdict(self))

    @classmethod
    @lru_cache(maxsize=1024)  # many calls that end together have few rates
    def from_text(cls, text: str) -> "Rate":
        """A stored snapshot, also one that an older or a newer release wrote."""
        stored = json.loads(text)
        return cls(**{name: stored[name] for name in FIELDS if name in stored})


FIELDS = tuple(Rate.__dataclass_fields__)
_values = itemgetter(*FIELDS)


def free(currency: str) -> Rate:
    """The rate of calls between the platform's own phones."""
    return Rate("", currency, 0, 0, 0, 1, 1)


def rate_for(conn: Conn, account_id: str, number: str, now: Instant | None = None) -> Rate:
    """What the account pays for a number at an instant, by default now: the longest matching
    prefix of its own rates and its tariff's version in force; raises DestinationNotAllowedError
    where there is none."""
    at = clock.now() if now is None else now
    found = tariffs.price(conn, account_id, prefixes(number), at)
    if found is None:
        raise no_price(number)
    return Rate(*_values(found))


def rates_for(
    conn: Conn, account_id: str, numbers: Collection[str], now: Instant
) -> dict[str, Rate]:  # fmt: skip
    """The same for many numbers at once, without those that have no price."""
    found = tariffs.prices(conn, account_id, prefixes_of(numbers), now)
    rates = {prefix: Rate(*_values(row)) for prefix, row in found.items()}
    return {number: rate for number in numbers if (rate := longest(number, rates))}


def no_price(number: str) -> DestinationNotAllowedError:
    """The error of a number that no price list has."""
    return DestinationNotAllowedError(f"There is no price for {number}, so it is not offered.")


def billed_seconds(rate: Rate, billsec: int) -> int:
    """Talk time after the free seconds, rounded up to the billing steps; nothing for a call that
    was not answered or ended within them."""
    paid = billsec - rate.voice_free_seconds
    if billsec <= 0 or paid <= 0:
        return 0
    over = max(0, paid - rate.voice_initial_seconds)
    steps = -(-over // rate.voice_increment_seconds)
    return rate.voice_initial_seconds + steps * rate.voice_increment_seconds


def call_cost(rate: Rate, billsec: int) -> Micros:
    """Connect fee and billed time, rounded up to a millionth once. A call that ends within its
    free seconds costs nothing, not even the fee."""
    billed = billed_seconds(rate, billsec)
    if billed == 0:
        return 0
    return rate.voice_connect_fee + share(rate.voice_per_minute, billed, 60)


def affordable_seconds(rate: Rate, funds: Micros, at_most: int) -> int:
    """The longest talk time, at most `at_most`, that costs no more than the funds: the free
    seconds and then whole billing steps."""
    if rate.voice_per_minute == 0 and rate.voice_connect_fee <= funds:
        return at_most
    seconds = (funds - rate.voice_connect_fee) * 60 // max(1, rate.voice_per_minute)
    steps = (seconds - rate.voice_initial_seconds) // rate.voice_increment_seconds
    paid = rate.voice_initial_seconds + steps * rate.voice_increment_seconds if steps >= 0 else 0
    return min(at_most, rate.voice_free_seconds + paid)


def above(field: str, price: str) -> ValidationFailedError:
    """The error of a request that names the most it will pay; `price` is a sentence."""
    message = f"{price} That is above {field}."
    return ValidationFailedError(
        message, errors=[{"field": field, "code": "price_above_max", "message": message}]
    )
