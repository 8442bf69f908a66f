"""What is said of a SIP account when it is made or changed."""

from typing import Annotated, Literal

from pydantic import Field, StrictBool

from api.fields import WHOLE, Body, NumberIfAny, SipSecret, anchored
from telephony.voice.sip_rules import CIDRS_MAX, SHORT_NUMBER, USERNAME

LABEL_CHARS_MAX = 64
CONTACTS_MAX = 10

Transport = Literal["udp", "tcp", "tls", "wss"]
Codecs = Annotated[
    list[Literal["ulaw", "alaw", "g722", "gsm"]],
    Field(min_length=1, description="In the order of preference"),
]
Transports = Annotated[list[Transport], Field(min_length=1)]
Cidr = Annotated[str, Field(json_schema_extra={"format": "cidr"}, examples=["192.0.2.0/24"])]
Cidrs = Annotated[
    list[Cidr],
    Field(
        description="Networks that the phone may come from; empty: any",
        json_schema_extra={"maxItems": CIDRS_MAX},
    ),
]
Username = Annotated[
    str,
    Field(
        description="2 to 32 of a-z, 0-9, dot, dash, underscore",
        json_schema_extra={"pattern": anchored(USERNAME)},
    ),
]
ShortNumber = Annotated[
    str,
    Field(
        description="2 to 6 digits that the account's other phones dial; no emergency number",
        examples=["201"],
        json_schema_extra={"pattern": anchored(SHORT_NUMBER)},
    ),
]


class SipAccountOptions(Body):
    """What may be changed of a SIP account."""

    label: Annotated[str, Field(max_length=LABEL_CHARS_MAX)] = ""
    caller_id: NumberIfAny = ""
    short_number: ShortNumber | None = None
    codecs: Codecs = Field(default=["ulaw", "alaw"])
    transports: Transports = Field(default=["udp", "tcp", "tls", "wss"])
    media: Annotated[
        Literal["rtp", "srtp", "webrtc"], Field(description="`webrtc`: DTLS-SRTP with ICE")
    ] = "rtp"
    max_contacts: Annotated[int, Field(ge=1, le=CONTACTS_MAX), WHOLE] = 5
    nat: Annotated[StrictBool, Field(description="The phone may be behind a router")] = True
    cidrs: Cidrs = Field(default=[])
    record: Annotated[
        Literal["", "outbound", "inbound", "all"], Field(description="Calls to record")
    ] = ""
    status: Literal["active", "suspended"] = "active"


class SipAccountBody(SipAccountOptions):
    """A new SIP account; every field has a default."""

    username: Username | None = None
    sip_password: SipSecret | None = None
