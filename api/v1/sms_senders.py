"""Names and short codes that an account asks to send by; the operator decides on each."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from api.endpoint import Context, Endpoints
from api.fields import Answer, Body, Time, anchored
from db import sms_accounts
from db.connection import Row
from telephony.errors import NotFoundError, ValidationFailedError
from telephony.sms import senders

endpoint = Endpoints()


class SenderBody(Body):
    """What an account wants to send by."""

    sender: Annotated[
        str,
        AfterValidator(senders.carried),
        Field(description="3 to 11 characters with a letter, or a short code of 3 to 8 digits",
              examples=["ACME"],
              json_schema_extra={"anyOf": [{"pattern": anchored(pattern)}
                                           for pattern in (senders.NAME, senders.SHORT_CODE)]}),
    ]  # fmt: skip


class SenderIdAnswer(Answer):
    """`approved` ones may be used as `from`; `reason` is why it was refused, if that was said."""

    sender: str
    status: Literal["requested", "approved", "refused"]
    reason: str | None
    requested_at: Time
    decided_at: Time | None


class SenderIds(Answer):
    """Every sender id that the account asked for."""

    data: list[SenderIdAnswer]


class GivenUp(Answer):
    """The sender id may no longer be used."""

    sender: str
    deleted: Literal[True] = True


@endpoint("GET", "/sms/sender-ids", scope="sms:read", returns=SenderIds)
async def list_sender_ids(context: Context, _: None) -> SenderIds:
    """List the sender ids that the account asked for, and what became of each."""
    rows = await sms_accounts.senders_of(context.db, context.me.account_id)
    return SenderIds(data=[_shown(row) for row in rows])


@endpoint("POST", "/sms/sender-ids", scope="sms:send", takes=SenderBody, returns=SenderIdAnswer,
          status=202)  # fmt: skip
def request_sender_id(context: Context, body: SenderBody) -> SenderIdAnswer:
    """Ask for a sender id, also again for one that was refused; an approved one stays so."""
    try:
        row = senders.request(context.conn, context.me.account_id, body.sender, context.now)
    except ValueError as error:
        mistake = {"field": "sender", "code": "too_many", "message": str(error)}
        raise ValidationFailedError(f"sender: {error}.", errors=[mistake]) from error
    return _shown(row)


@endpoint("DELETE", "/sms/sender-ids/{sender}", scope="sms:send", returns=GivenUp,
          errors=(NotFoundError,))  # fmt: skip
def give_sender_id_up(context: Context, _: None) -> GivenUp:
    """Give a sender id up: messages may no longer show it."""
    sender = context.path["sender"]
    senders.give_up(context.conn, context.me.account_id, sender)
    return GivenUp(sender=sender)


def _shown(row: Row) -> SenderIdAnswer:
    facts: dict[str, Any] = {
        name: row[name] for name in ("sender", "status", "requested_at", "decided_at")
    }
    return SenderIdAnswer(reason=row["note"] or None, **facts)
