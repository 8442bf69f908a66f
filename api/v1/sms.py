"""Send messages, cancel them, and look at them."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictBool, StringConstraints

from api.endpoint import Context, Endpoints
from api.fields import (
    WHOLE,
    Amount,
    Answer,
    Body,
    CallbackUrl,
    Moment,
    Money,
    Nothing,
    Number,
    Reference,
    Time,
)
from api.urls import callback
from db import messages
from db.connection import Conn, Row
from db.message_queue import Lane
from telephony.errors import (
    DestinationNotAllowedError,
    InsufficientFundsError,
    MessageNotCancelableError,
    NotFoundError,
    OutgoingStoppedError,
    Problem,
    QueueFullError,
    RateLimitedError,
    RecipientOptedOutError,
    SenderIdNotAllowedError,
    SpendCapReachedError,
)
from telephony.phone_numbers import e164
from telephony.settings import Settings
from telephony.sms.drafts import VALIDITY_SECONDS_DEFAULT, Draft
from telephony.sms.send import Accepted, cancel, send_all

endpoint = Endpoints()

TEXT_MAX = 255 * 153
"""The most parts that a header can count; the setting allows fewer."""
Status = Literal[
    "scheduled", "queued", "sending", "sent", "delivered", "undelivered", "failed", "expired",
    "canceled", "unknown",
]  # fmt: skip


def number_or_name(text: str) -> str:
    """A number in E.164; anything else is a name and stays as it is."""
    try:
        return e164(text)
    except ValueError:
        return text


class SendBody(Body):
    """A message to one number."""

    to: Number
    text: Annotated[str, StringConstraints(min_length=1, max_length=TEXT_MAX)]
    from_: Annotated[str, Field(alias="from", max_length=32), AfterValidator(number_or_name)] = ""
    callback_url: CallbackUrl | None = None
    reference: Reference | None = None
    send_at: Annotated[Moment | None, Field(description="Send it then, within 30 days")] = None
    validity_seconds: Annotated[int, Field(ge=60, le=7 * 86400), WHOLE] = VALIDITY_SECONDS_DEFAULT
    max_price: Annotated[Amount | None, Field(description="Refuse a dearer message")] = None
    smart_encoding: Annotated[
        StrictBool | None,
        Field(description="Replace look-alikes such as curly quotes where that saves parts"),
    ] = None

    def draft(self, settings: Settings, request_id: str) -> Draft:
        """What the deed takes."""
        return Draft(
            to=self.to, text=self.text, sender=self.from_, reference=self.reference,
            callback_url=callback(self.callback_url, settings), send_at=self.send_at,
            validity_seconds=self.validity_seconds, max_price=self.max_price,
            smart_encoding=self.smart_encoding, request_id=request_id,
        )  # fmt: skip


class Sent(Answer):
    """An accepted message; `cost` is held until the provider takes it. `smart_encoded` if
    look-alikes were put in."""

    message_id: str
    status: Literal["queued", "scheduled"] = "queued"
    cost: Money
    currency: str
    segments: int
    encoding: Literal["gsm7", "gsm7_tr", "gsm7_es", "gsm7_pt", "ucs2"]
    smart_encoded: bool
    to: str
    from_: Annotated[str, Field(alias="from")]


class Step(Answer):
    """A state of a message or call and the instant that it began."""

    status: str
    detail: str
    at: Time


class Listed(Answer):
    """A message; `text` is empty once it was redacted."""

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
    send_at: Time | None
    sent_at: Time | None
    delivered_at: Time | None


class MessageAnswer(Listed):
    """A message with its history, oldest state first."""

    history: list[Step]


class Canceled(Answer):
    """A message that was not sent; what was held for it is free again."""

    message_id: str
    status: Literal["canceled"] = "canceled"


REFUSALS = (
    InsufficientFundsError, SpendCapReachedError, SenderIdNotAllowedError,
    DestinationNotAllowedError, RecipientOptedOutError, RateLimitedError, OutgoingStoppedError,
    QueueFullError,
)  # fmt: skip


@endpoint("POST", "/sms/send", scope="sms:send", takes=SendBody, returns=Sent, status=202,
          errors=REFUSALS, together=True)  # fmt: skip
def send_message(
    conn: Conn, asked: Sequence[tuple[Context, SendBody]]
) -> list[Sent | Problem]:  # fmt: skip
    """Send a single SMS."""
    outcomes: dict[int, Sent | Problem] = {}
    by_key: dict[tuple[str, str, str], dict[int, Draft]] = {}
    for at, (context, body) in enumerate(asked):
        me = context.me
        try:
            context.backlog.take("messages", me.account_id)
            draft = body.draft(context.settings, context.request_id)
            by_key.setdefault((me.account_id, me.mode, me.key_id), {})[at] = draft
        except Problem as problem:
            outcomes[at] = problem
    for (account_id, mode, key_id), drafts in sorted(by_key.items()):  # locks are taken in order
        first = asked[max(drafts)][0]
        done = send_all(
            conn, first.settings, account_id=account_id, mode=mode, key_id=key_id,
            drafts=list(drafts.values()), lane=Lane.single, now=first.now,
        )  # fmt: skip
        for at, became in zip(drafts, done, strict=True):
            outcomes[at] = became if isinstance(became, Problem) else sent(became, asked[at][1])
    return [outcomes[at] for at in range(len(asked))]


def sent(accepted: Accepted, body: SendBody) -> Sent:
    """The answer to one accepted message."""
    return Sent(**{
        "message_id": accepted.message_id, "status": accepted.status, "cost": accepted.cost,
        "currency": accepted.currency, "segments": accepted.segments,
        "encoding": accepted.encoding, "smart_encoded": accepted.smart_encoded, "to": body.to,
        "from": accepted.sender,
    })  # fmt: skip


@endpoint("POST", "/sms/{message_id}/cancel", scope="sms:send", takes=Nothing, returns=Canceled,
          errors=(NotFoundError, MessageNotCancelableError))  # fmt: skip
def cancel_message(context: Context, _: Nothing) -> Canceled:
    """Cancel a scheduled or queued message before anybody has begun to send it."""
    me, message_id = context.me, context.path["message_id"]
    cancel(context.conn, account_id=me.account_id, mode=me.mode, message_id=message_id,
           now=context.now)  # fmt: skip
    return Canceled(message_id=message_id)


@endpoint("GET", "/sms/{message_id}", scope="sms:read", returns=MessageAnswer,
          errors=(NotFoundError,))  # fmt: skip
async def show_message(context: Context, _: None) -> MessageAnswer:
    """Show a message, its state and its history."""
    me, message_id = context.me, context.path["message_id"]
    row = await messages.find(context.db, me.account_id, me.mode, message_id)
    if row is None:
        raise NotFoundError("There is no such message.")
    history = [Step(**step) for step in await messages.history(context.db, message_id)]
    return MessageAnswer(**_facts(row), history=history)


def listed(row: Row) -> Listed:
    """A message of a list."""
    return Listed(**_facts(row))


def _facts(row: Row) -> dict[str, Any]:
    """The fields of `Listed`."""
    return {
        "message_id": row["id"], "to": row["to_number"], "from": row["from_number"],
        "text": row["body"],
        **{name: row[name] for name in (
            "status", "segments", "encoding", "cost", "currency", "reference", "error_code",
            "created_at", "send_at", "sent_at", "delivered_at")},
    }  # fmt: skip
