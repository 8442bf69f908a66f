"""What an operator may set of one SMPP provider: a frozen object, checked as it is read.

It is written as JSON (`sms-voip provider add`; SMS_VOIP_SMPP_OPTIONS adds to the settings). Only
`host` and `system_id` have no default. The docstring or comment of a field is its documentation.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from telephony.settings import Port, Settings
from telephony.sms.alphabets import PLAIN, Encoding

_IN_SETTINGS = (
    "host", "port", "system_id", "password", "system_type", "window", "response_seconds",
    "enquire_link_seconds", "response_id_base", "receipt_id_base",
)  # fmt: skip
BINDS_MAX = 32
WINDOW_MAX = 10_000


class IdBase(StrEnum):
    """How an SMSC writes message ids in one kind of PDU."""

    AS_IS = "as_is"
    HEX = "hex"
    DECIMAL = "decimal"


class BindMode(StrEnum):
    """One bind for both directions, or a transmitter beside a receiver."""

    TRANSCEIVER = "transceiver"
    TRANSMITTER_RECEIVER = "transmitter_receiver"


class LongMessages(StrEnum):
    """How the parts of a long text are joined again at the phone."""

    UDH = "udh"  # a header in each part, which every SMSC passes on
    SAR = "sar"  # optional parameters sar_msg_ref_num, sar_total_segments, sar_segment_seqnum
    PAYLOAD = "payload"  # one submit_sm with the whole text in message_payload; the SMSC cuts it


class Validity(StrEnum):
    """How validity_period is written."""

    RELATIVE = "relative"
    ABSOLUTE = "absolute"
    NONE = "none"  # empty: the SMSC's own default


class UnknownOutcome(StrEnum):
    """What is done with a submit_sm that was never answered."""

    WAIT = "wait"  # for a receipt, until its validity ends: nothing is ever sent twice
    RESEND = "resend"  # it may arrive twice


class Treatment(StrEnum):
    """What a command_status means for the dispatcher."""

    FAIL = "fail"
    RETRY = "retry"
    THROTTLE = "throttle"  # retry, and slow down


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Octet = Annotated[int, Field(ge=0, le=255)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class NumberRule(_Frozen):
    """Type of number and numbering plan of one kind of address; `plus` keeps the + of E.164."""

    ton: Octet = 1
    npi: Octet = 1
    plus: bool = False


class SourceRules(_Frozen):
    """By the look of a sender: E.164, up to eight digits without plus, anything else."""

    international: NumberRule = NumberRule(ton=1, npi=1)
    short_code: NumberRule = NumberRule(ton=3, npi=0)
    alphanumeric: NumberRule = NumberRule(ton=5, npi=0)


class DataCodings(_Frozen):
    """data_coding of each encoding."""

    gsm7: Octet = 0
    ucs2: Octet = 8


class ErrorRule(_Frozen):
    """What one command_status means; `code` is what customers see, "" keeps the usual one."""

    treat: Treatment
    code: Annotated[str, Field(pattern=r"^([a-z][a-z0-9_]{0,63})?$")] = ""


class Tls(_Frozen):
    """The SMSC's certificate is always verified, its name too."""

    server_name: str = ""  # for SNI and the check of the name; "": the host
    ca_file: Path | None = None  # trusted instead of the system's authorities
    certificate_file: Path | None = None  # ours, where the SMSC asks for one
    key_file: Path | None = None


def _status(key: object) -> object:
    """JSON has only strings for keys."""
    try:
        return int(key, 0) if isinstance(key, str) else key
    except ValueError:
        raise ValueError("write a command_status as 0x0400 or 1024") from None


Status = Annotated[int, BeforeValidator(_status), Field(ge=1, le=0xFFFFFFFF)]


class SmppOptions(_Frozen):
    """One provider: its binds, and how it wants its messages."""

    host: Annotated[str, Field(min_length=1)]
    port: Port = 2775
    tls: Tls | None = None  # {} is enough
    system_id: Annotated[str, Field(max_length=64)]
    password: SecretStr = SecretStr("")  # longer than the specification's eight octets if need be
    system_type: Annotated[str, Field(max_length=12)] = ""
    interface_version: Literal["3.4", "5.0"] = "3.4"
    address_range: Annotated[str, Field(max_length=40)] = ""
    bind: BindMode = BindMode.TRANSCEIVER
    binds: Annotated[int, Field(ge=1, le=BINDS_MAX)] = 1  # of each mode
    window: Annotated[int, Field(ge=1, le=WINDOW_MAX)] = 50  # submit_sm in flight per bind
    messages_per_second: Annotated[float, Field(gt=0)] | None = None  # submit_sm on all binds

    connect_seconds: Seconds = 10  # until the bind is answered
    response_seconds: Seconds = 30
    enquire_link_seconds: Seconds = 30
    drain_seconds: Seconds = 2
    reconnect_seconds_min: Seconds = 0.5
    reconnect_seconds_max: Seconds = 30

    service_type: Annotated[str, Field(max_length=5)] = ""
    priority: Annotated[int, Field(ge=0, le=3)] = 0
    source: SourceRules = SourceRules()
    destination: NumberRule = NumberRule()
    encodings: frozenset[Encoding] = PLAIN  # the alphabets of languages, where phones know them
    data_coding: DataCodings = DataCodings()
    long_messages: LongMessages = LongMessages.UDH
    registered_delivery: Octet = 1
    validity: Validity = Validity.RELATIVE
    response_id_base: IdBase = IdBase.AS_IS
    receipt_id_base: IdBase = IdBase.AS_IS
    user_message_reference: bool = False  # send one: an SMSC that echoes it proves whose receipt
    unknown_outcome: UnknownOutcome = UnknownOutcome.WAIT
    errors: dict[Status, ErrorRule] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.reconnect_seconds_min > self.reconnect_seconds_max:
            raise ValueError("reconnect_seconds_min is above reconnect_seconds_max")
        for text in (self.system_id, self.password.get_secret_value(), self.system_type,
                     self.address_range, self.service_type):  # fmt: skip
            if not text.isascii() or "\0" in text:
                raise ValueError("system_id, password and the like must be ASCII without NUL")
        return self

    @classmethod
    def from_mapping(cls, options: Mapping[str, object]) -> Self:
        """From what JSON was read as; ValueError with one line per mistake."""
        try:
            return cls.model_validate(options)
        except ValidationError as error:
            raise ValueError(_mistakes(error)) from None


def from_settings(settings: Settings) -> dict[str, object]:
    """The options that the settings name; ValueError without a host."""
    if not settings.smpp_host:
        raise ValueError("SMS_VOIP_SMPP_HOST is empty: name the SMSC that live SMS go to")
    try:
        more = json.loads(settings.smpp_options or "{}")
    except ValueError as error:
        raise ValueError(f"SMS_VOIP_SMPP_OPTIONS is no JSON: {error}") from None
    if not isinstance(more, dict):
        raise ValueError("SMS_VOIP_SMPP_OPTIONS must be a JSON object")
    return {name: getattr(settings, f"smpp_{name}") for name in _IN_SETTINGS} | more


def _mistakes(error: ValidationError) -> str:
    # Not pydantic's own text: it repeats the input, and the password with it.
    return "\n".join(
        f"{'.'.join(map(str, mistake['loc'])) or 'options'}: {mistake['msg']}"
        for mistake in error.errors(include_input=False, include_url=False)
    )
