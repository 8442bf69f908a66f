"""Play a phone that writes to the account, so that a developer can try what follows."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from api.endpoint import Context, Endpoints
from api.fields import Answer, Body, CallbackUrl, Number, Time
from api.urls import callback
from api.v1.sms import TEXT_MAX, number_or_name
from db.connection import Row
from telephony.errors import SenderIdNotAllowedError, WrongEnvironmentError
from telephony.sms import inbound, senders
from telephony.sms.drafts import sender_of

endpoint = Endpoints()


class SimulateBody(Body):
    """What a phone writes; without `to`, to what the account's messages show."""

    from_: Annotated[Number, Field(alias="from")]
    to: Annotated[str, Field(max_length=32), AfterValidator(number_or_name)] = ""
    text: Annotated[str, StringConstraints(min_length=1, max_length=TEXT_MAX)]
    callback_url: Annotated[
        CallbackUrl | None, Field(description="Where the message_received event goes")
    ] = None


class Simulated(Answer):
    """It was received as if a phone had sent it; `keyword` was obeyed."""

    message_id: str
    from_: Annotated[str, Field(alias="from")]
    to: str
    segments: int
    keyword: str | None
    received_at: Time


@endpoint("POST", "/sms/inbound/simulate", scope="sms:send", takes=SimulateBody, returns=Simulated,
          status=202, errors=(WrongEnvironmentError, SenderIdNotAllowedError))  # fmt: skip
def simulate_inbound(context: Context, body: SimulateBody) -> Simulated:
    """Receive a message that no phone sent; with test keys alone."""
    if context.me.mode != "test":
        raise WrongEnvironmentError
    row = inbound.simulate(
        context.conn, context.me.account_id, body.from_, body.to or _shown(context, body.from_),
        body.text, callback(body.callback_url, context.settings), context.now,
    )  # fmt: skip
    return _simulated(row)


def _shown(context: Context, to: str) -> str:
    me, conn, settings = context.me, context.conn, context.settings
    default = sender_of(conn, settings, me.account_id, me.mode, me.key_id).default_sender
    return senders.senders_for(conn, settings, me.account_id, me.mode, default)("", to)


def _simulated(row: Row) -> Simulated:
    facts: dict[str, Any] = {
        "message_id": row["id"], "from": row["from_number"], "to": row["to_number"],
        "segments": row["segments"], "keyword": row["keyword"] or None,
        "received_at": row["created_at"],
    }  # fmt: skip
    return Simulated(**facts)
