"""Kinds of fields that several endpoints take or give."""

import re
from collections.abc import Collection
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
    SecretStr,
    field_validator,
)

from telephony.clock import SECOND, Instant, rfc3339
from telephony.money import Micros, to_json, to_micros
from telephony.phone_numbers import e164
from telephony.voice.sip_rules import SECRET_LENGTHS
from telephony.webhooks.egress import URL_CHARS_MAX

PHONE_NUMBER = {"format": "phone-number", "minLength": 1}
"""E.164; blanks, dashes and brackets are tolerated, so no pattern would be right."""

Number = Annotated[
    str,
    AfterValidator(e164),
    Field(
        description="E.164 phone number",
        examples=["+15550111222"],
        json_schema_extra=PHONE_NUMBER,
    ),
]


def _number_if_any(text: str) -> str:
    return e164(text) if text else ""


NumberIfAny = Annotated[
    str,
    AfterValidator(_number_if_any),
    Field(
        description="E.164 phone number; empty for none",
        examples=["+15550111222"],
        json_schema_extra={"anyOf": [{"const": ""}, PHONE_NUMBER]},
    ),
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


def anchored(pattern: re.Pattern[str]) -> str:
    """What matches the whole of a text, as JSON Schema writes it."""
    return f"^(?:{pattern.pattern})$"


CallbackUrl = Annotated[
    str,
    Field(
        description="Where this one's events go: https, and no private address",
        examples=["https://example.com/hooks/sms"],
        json_schema_extra={"format": "uri", "maxLength": URL_CHARS_MAX},
    ),
]
SipSecret = Annotated[
    SecretStr,
    Field(
        description="Printable ASCII; not a common one, and not made of the user name",
        json_schema_extra={
            "minLength": SECRET_LENGTHS[0],
            "maxLength": SECRET_LENGTHS[1],
            "pattern": "^[ -~]*$",
        },
    ),
]
SipAccount = Annotated[str, Field(max_length=64, description="SIP username or id")]
Reference = Annotated[str, Field(max_length=255, description="Your own id, given back in events")]


def _amount(value: Any) -> Micros:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("write the amount as a number, for example 25")
    # The shortest decimal of a float is what the customer typed.
    micros = to_micros(Decimal(str(value)))
    if not 0 < micros <= to_micros(AMOUNT_MAX):
        raise ValueError(f"an amount is above 0 and at most {AMOUNT_MAX:,}")
    return micros


AMOUNT_MIN = 0.000_001
AMOUNT_MAX = 1_000_000
Amount = Annotated[
    Micros,
    BeforeValidator(_amount, json_schema_input_type=float),
    Field(
        description="Amount in the account's currency, at most six decimals",
        examples=[25],
        json_schema_extra={"minimum": AMOUNT_MIN, "maximum": AMOUNT_MAX},
    ),
]


def _whole(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("write a whole number, for example 60")
    return value


WHOLE = BeforeValidator(_whole)
"""For an int, after its limits: pydantic alone takes `true` for 1."""


SECRET = {"format": "password"}
"""Of a field that no page may show again."""


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

    @classmethod
    def secret_names(cls) -> Collection[str]:
        """Names of fields that are secret, as a form has them."""
        return {name for name, one in cls.model_fields.items() if one.json_schema_extra == SECRET}


class Nothing(Body):
    """A request that says all by its path; no body at all will do."""


class Answer(BaseModel):
    """A response."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("write it as a string")
    return value


def instant_of(text: Any) -> Instant:
    """`2026-01-12` or RFC 3339 → instant; ValueError with a sentence."""
    try:
        moment = datetime.fromisoformat(_text(text).strip().replace(" ", "+"))
    except ValueError as error:
        raise ValueError("write a date such as 2026-01-12 or 2026-01-12T20:15:00Z") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def end_of(text: Any) -> Instant:
    """Like `instant_of`, but a date alone means the end of that day."""
    alone = len(_text(text).strip()) <= len("2026-01-12")
    return instant_of(text) + (86400 * SECOND if alone else 0)


DATE_OR_TIME = {"anyOf": [{"format": "date"}, {"format": "date-time"}]}

Moment = Annotated[
    Instant,
    BeforeValidator(instant_of, json_schema_input_type=str),
    Field(
        description="Date or RFC 3339 time, UTC",
        examples=["2026-01-12"],
        json_schema_extra=DATE_OR_TIME,
    ),
]
Until = Annotated[
    Instant,
    BeforeValidator(end_of, json_schema_input_type=str),
    Field(
        description="Date, its whole day included, or RFC 3339 time",
        examples=["2026-01-12"],
        json_schema_extra=DATE_OR_TIME,
    ),
]
