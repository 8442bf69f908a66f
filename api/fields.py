"""Kinds of fields that several endpoints take or give."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    field_validator,
)

from telephony.clock import SECOND, Instant, rfc3339
from telephony.money import Micros, to_json, to_micros
from telephony.phone_numbers import e164

Number = Annotated[
    str, AfterValidator(e164), Field(description="E.164 phone number", examples=["+15550111222"])
]
Money = Annotated[
    Micros,
    PlainSerializer(to_json, return_type=float),
    Field(description="Amount in the account's currency", examples=[0.006]),
]
Time = Annotated[
    Instant,
    PlainSerializer(rfc3339, return_type=str),
    Field(description="RFC 3339, UTC", examples=["2026-01-12T20:15:00Z"]),
]
SipAccount = Annotated[str, Field(max_length=64, description="SIP username or id")]
Reference = Annotated[str, Field(max_length=255, description="Your own id, given back in events")]


def _amount(value: Any) -> Micros:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("write the amount as a number, for example 25")
    # The shortest decimal of a float is what the customer typed.
    micros = to_micros(Decimal(str(value)))
    if not 0 < micros <= AMOUNT_MAX:
        raise ValueError("an amount is above 0 and at most 1,000,000")
    return micros


AMOUNT_MAX = 1_000_000 * 1_000_000
Amount = Annotated[
    Micros,
    BeforeValidator(_amount, json_schema_input_type=float),
    Field(description="Amount in the account's currency, at most six decimals", examples=[25]),
]


def _whole(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("write a whole number, for example 60")
    return value


Whole = Annotated[int, BeforeValidator(_whole)]
"""pydantic alone takes `true` for 1."""


class Body(BaseModel):
    """A request: unknown fields are refused, so that a typing error does not go unseen."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)

    @field_validator("*")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        """PostgreSQL has no text with this character in it."""
        if isinstance(value, str) and "\0" in value:
            raise ValueError("the character NUL cannot be used")
        return value


class Nothing(Body):
    """A request that says all by its path; no body at all will do."""


class Answer(BaseModel):
    """A response."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


def instant_of(text: str) -> Instant:
    """`2026-01-12` or RFC 3339 → instant; ValueError with a sentence."""
    try:
        moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
    except ValueError as error:
        raise ValueError("write a date such as 2026-01-12 or 2026-01-12T20:15:00Z") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def end_of(text: str) -> Instant:
    """Like `instant_of`, but a date alone means the end of that day."""
    alone = len(text.strip()) <= len("2026-01-12")
    return instant_of(text) + (86400 * SECOND if alone else 0)


Moment = Annotated[
    Instant,
    BeforeValidator(instant_of, json_schema_input_type=str),
    Field(description="Date or RFC 3339 time, UTC", examples=["2026-01-12"]),
]
Until = Annotated[
    Instant,
    BeforeValidator(end_of, json_schema_input_type=str),
    Field(description="Date, its whole day included, or RFC 3339 time", examples=["2026-01-12"]),
]
