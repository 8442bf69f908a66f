"""Place a call, and end one."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool

from api.endpoint import Context, Endpoints
from api.fields import (
    PHONE_NUMBER,
    WHOLE,
    Amount,
    Answer,
    Body,
    CallbackUrl,
    Money,
    Nothing,
    Number,
    Reference,
    anchored,
)
from api.urls import callback
from api.v1.calls import Status
from telephony.billing.rating import above
from telephony.errors import (
    CallAlreadyEndedError,
    CallerIdNotAllowedError,
    ConcurrencyLimitError,
    DestinationNotAllowedError,
    InsufficientFundsError,
    NoLineFreeError,
    NotFoundError,
    OutgoingStoppedError,
    QueueFullError,
    SpendCapReachedError,
)
from telephony.money import shown
from telephony.phone_numbers import e164
from telephony.settings import Settings
from telephony.voice.hangups import hang_up
from telephony.voice.place import CALL_SECONDS_MAX, RING_SECONDS_DEFAULT, SIP, Wish, place
from telephony.voice.recordings.policy import OFF, STEREO
from telephony.voice.sip_rules import USERNAME

endpoint = Endpoints()


def _number_or_phone(text: str) -> str:
    if text.startswith(SIP):
        return text
    return e164(text)


def _origin(text: str) -> str:
    return text if not text or USERNAME.fullmatch(text) else e164(text)


def _record(asked: str | bool | None) -> str | None:
    if isinstance(asked, bool):
        return STEREO if asked else OFF
    return asked


Callee = Annotated[
    str,
    AfterValidator(_number_or_phone),
    Field(
        description="E.164 phone number, or `sip:` and a username",
        examples=["+15559876543"],
        json_schema_extra={"anyOf": [PHONE_NUMBER, {"pattern": f"^{SIP}"}]},
    ),
]


class CallBody(Body):
    """A call from a phone of the account to a number, or to `sip:` and a username."""

    to: Callee
    from_: Annotated[
        str,
        AfterValidator(_origin),
        Field(
            alias="from",
            description="SIP username or its caller id: its phone rings first;"
            " another number of the account: it is called first, and charged, too",
            json_schema_extra={
                "anyOf": [{"const": ""}, {"pattern": anchored(USERNAME)}, PHONE_NUMBER]
            },
        ),
    ] = ""
    caller_id: Number | None = None
    record: Annotated[
        Literal["stereo", "mixed"] | StrictBool | None,
        Field(description="True is stereo; if absent, SIP account and account decide"),
    ] = None
    timeout_seconds: Annotated[int, Field(ge=5, le=120), WHOLE] = RING_SECONDS_DEFAULT
    time_limit_seconds: Annotated[int, Field(ge=1, le=CALL_SECONDS_MAX), WHOLE] = CALL_SECONDS_MAX
    max_price_per_minute: Annotated[
        Amount | None, Field(description="Refuse a call whose minute, of both legs, is dearer")
    ] = None
    callback_url: CallbackUrl | None = None
    reference: Reference | None = None


class Placed(Answer):
    """A queued call. `rate` is the price of a minute, `first_leg_rate` that of the number that is
    called first. `max_seconds` is what is affordable now; the call is paid for and lengthened
    slice by slice."""

    call_id: str
    status: Literal["queued"] = "queued"
    to: str
    from_: Annotated[str, Field(alias="from")]
    caller_id: str
    max_seconds: int
    rate: Money
    first_leg_rate: Money | None = None


class HangupAnswer(Answer):
    """A call that ends: one that was still queued has ended, any other does within moments, and
    `call_completed` tells how."""

    call_id: str
    status: Status


@endpoint(
    "POST", "/voice/call", scope="voice:call", takes=CallBody, returns=Placed, status=202,
    errors=(InsufficientFundsError, SpendCapReachedError, CallerIdNotAllowedError,
            DestinationNotAllowedError, NotFoundError, ConcurrencyLimitError,
            NoLineFreeError, OutgoingStoppedError, QueueFullError),
)  # fmt: skip
def place_call(context: Context, body: CallBody) -> Placed:
    """Place a call: `from` rings first, then `to` is dialled."""
    context.backlog.take("calls", context.me.account_id)
    me, wish = context.me, wish_of(body, context.settings, context.request_id)
    placed = place(
        context.conn, context.settings, account_id=me.account_id, mode=me.mode, key_id=me.key_id,
        wish=wish, now=context.now,
    )  # fmt: skip
    first = placed.first_rate.voice_per_minute if placed.first_rate else None
    price, most = placed.rate.voice_per_minute + (first or 0), body.max_price_per_minute
    if most is not None and price > most:  # what was placed is undone with the transaction
        sentence = f"A minute costs {shown(price, placed.rate.currency)}."
        raise above("max_price_per_minute", sentence)
    return Placed(
        call_id=placed.call_id, to=placed.to, from_=placed.origin, caller_id=placed.caller_id,
        max_seconds=placed.max_seconds, rate=placed.rate.voice_per_minute,
        first_leg_rate=first,
    )  # fmt: skip


def wish_of(body: CallBody, settings: Settings, request_id: str) -> Wish:
    """What a body asks for."""
    return Wish(
        to=body.to, origin=body.from_, caller_id=body.caller_id or "",
        record=_record(body.record), ring_seconds=body.timeout_seconds,
        time_limit_seconds=body.time_limit_seconds, reference=body.reference,
        callback_url=callback(body.callback_url, settings), request_id=request_id,
    )  # fmt: skip


@endpoint(
    "POST", "/voice/calls/{call_id}/hangup", scope="voice:call", takes=Nothing,
    returns=HangupAnswer, status=202, errors=(NotFoundError, CallAlreadyEndedError),
)  # fmt: skip
def hang_up_call(context: Context, _: Nothing) -> HangupAnswer:
    """End a call, also while it waits or rings."""
    me = context.me
    row = hang_up(context.conn, me.account_id, me.mode, context.path["call_id"], context.now)
    return HangupAnswer(call_id=row["id"], status=row["status"])
