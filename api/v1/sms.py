"""Send a message, and look at one."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from api.endpoint import Context, Endpoints
from api.fields import Amount, Answer, Body, Money, Number, Reference, Time, Whole
from api.urls import callback
from db import messages
from telephony.errors import (
    DestinationNotAllowedError,
    InsufficientFundsError,
    NotFoundError,
    RecipientOptedOutError,
    SenderIdNotAllowedError,
    SpendCapReachedError,
)
from telephony.phone_numbers import e164
from telephony.sms.send import VALIDITY_SECONDS_DEFAULT, Draft, send

endpoint = Endpoints()

TEXT_MAX = 1600
Status = Literal[
    "scheduled", "queued", "sending", "sent", "delivered", "undelivered", "failed", "expired",
    "canceled", "unknown",
]  # fmt: skip


def _sender(text: str) -> str:
    """A number in E.164; anything else is a name and stays as it is."""
    try:
        return e164(text)
    except ValueError:
        return text


class SendBody(Body):
    """A message to one number."""

    to: Number
    text: Annotated[str, StringConstraints(min_length=1, max_length=TEXT_MAX)]
    from_: Annotated[str, Field(alias="from", max_length=32), AfterValidator(_sender)] = ""
    callback_url: str | None = None
    reference: Reference | None = None
    validity_seconds: Annotated[Whole, Field(ge=60, le=7 * 86400)] = VALIDITY_SECONDS_DEFAULT
    max_price: Annotated[Amount | None, Field(description="Refuse a dearer message")] = None


class Sent(Answer):
    """An accepted message; `cost` is held until the provider takes it."""

    message_id: str
    status: Literal["queued"] = "queued"
    cost: Money
    currency: str
    segments: int
    encoding: Literal["gsm7", "ucs2"]
    to: str
    from_: Annotated[str, Field(alias="from")]


class Step(Answer):
    """A state of a message or call and the instant that it began."""

    status: str
    detail: str
    at: Time


class MessageAnswer(Answer):
    """A message with its history, oldest state first."""

    message_id: str
    status: Status
    to: str
    from_: Annotated[str, Field(alias="from")]
    text: str
    segments: int
    encoding: str
    cost: Money
    currency: str
    reference: str | None
    error_code: str | None
    created_at: Time
    sent_at: Time | None
    delivered_at: Time | None
    history: list[Step]


@endpoint(
    "POST", "/sms/send", scope="sms:send", takes=SendBody, returns=Sent, status=202,
    errors=(InsufficientFundsError, SpendCapReachedError, SenderIdNotAllowedError,
            DestinationNotAllowedError, RecipientOptedOutError),
)  # fmt: skip
def send_message(context: Context, body: SendBody) -> Sent:
    """Send a single SMS."""
    draft = Draft(
        to=body.to, text=body.text, sender=body.from_, reference=body.reference,
        callback_url=callback(body.callback_url, context.settings),
        validity_seconds=body.validity_seconds, max_price=body.max_price,
    )  # fmt: skip
    me = context.me
    accepted = send(
        context.conn, context.settings, account_id=me.account_id, mode=me.mode, key_id=me.key_id,
        draft=draft, now=context.now,
    )  # fmt: skip
    return Sent(
        message_id=accepted.message_id, cost=accepted.cost, currency=accepted.currency,
        segments=accepted.segments, encoding=accepted.encoding, to=body.to,
        from_=accepted.sender,
    )  # fmt: skip


@endpoint("GET", "/sms/{message_id}", scope="sms:read", returns=MessageAnswer,
          errors=(NotFoundError,))  # fmt: skip
async def show_message(context: Context, _: None) -> MessageAnswer:
    """Show a message, its state and its history."""
    me, message_id = context.me, context.path["message_id"]
    row = await messages.find(context.db, me.account_id, me.mode, message_id)
    if row is None:
        raise NotFoundError("There is no such message.")
    history = await messages.history(context.db, message_id)
    return MessageAnswer(
        message_id=row["id"], to=row["to_number"], from_=row["from_number"], text=row["body"],
        history=[Step(**step) for step in history],
        **{name: row[name] for name in (
            "status", "segments", "encoding", "cost", "currency", "reference", "error_code",
            "created_at", "sent_at", "delivered_at")},
    )  # fmt: skip
