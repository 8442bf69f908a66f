"""Send up to a thousand messages by one request, all or those that can be."""

from typing import Annotated, Any

from pydantic import Field, ValidationError, WithJsonSchema

from api.endpoint import Context, Endpoints
from api.fields import Answer, Body
from api.problems import document, from_validation
from api.v1.sms import REFUSALS, SendBody, Sent, sent
from db.message_queue import Lane
from telephony.errors import Problem
from telephony.sms.drafts import Draft, duplicates
from telephony.sms.send import Accepted, send_all

endpoint = Endpoints()

MESSAGES_MAX = 1000

One = Annotated[dict[str, Any], WithJsonSchema(SendBody.model_json_schema())]
"""Validated one by one, so that a wrong message does not refuse the others."""


class BatchBody(Body):
    """Messages in the form of `POST /sms/send`."""

    messages: Annotated[list[One], Field(min_length=1, max_length=MESSAGES_MAX)]


class Refused(Answer):
    """Why a message was not accepted: the problem that `POST /sms/send` would have answered."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[dict[str, Any]] | None = None


class Result(Answer):
    """What became of one message. `duplicate_of` is the place of the first one in the batch with
    the same text to the same number; both are sent."""

    accepted: Sent | None = None
    problem: Refused | None = None
    duplicate_of: int | None = None


class BatchAnswer(Answer):
    """The results in the order of the messages."""

    results: list[Result]
    accepted: int
    refused: int


@endpoint("POST", "/sms/batch", scope="sms:send", takes=BatchBody, returns=BatchAnswer, status=202,
          errors=REFUSALS)  # fmt: skip
def send_messages(context: Context, body: BatchBody) -> BatchAnswer:
    """Send up to 1000 messages; one Idempotency-Key covers them all."""
    context.backlog.take("messages", context.me.account_id, len(body.messages))
    read = [_read(context, one) for one in body.messages]
    good = [one for one in read if not isinstance(one, Problem)]
    me, same = context.me, duplicates([_draft(one) for one in read])
    done = iter(send_all(
        context.conn, context.settings, account_id=me.account_id, mode=me.mode, key_id=me.key_id,
        drafts=[draft for _, draft in good], lane=Lane.bulk, now=context.now,
    ))  # fmt: skip
    results = [
        _result(context, one, None if isinstance(one, Problem) else next(done), same.get(at))
        for at, one in enumerate(read)
    ]
    accepted = sum(one.accepted is not None for one in results)
    return BatchAnswer(results=results, accepted=accepted, refused=len(results) - accepted)


Read = tuple[SendBody, Draft] | Problem


def _draft(read: Read) -> Draft | None:
    return None if isinstance(read, Problem) else read[1]


def _read(context: Context, given: dict[str, Any]) -> Read:
    try:
        body = SendBody.model_validate(given)
        return body, body.draft(context.settings, context.request_id)
    except ValidationError as error:
        return from_validation(error)
    except Problem as problem:
        return problem


def _result(
    context: Context, read: Read, became: Accepted | Problem | None, duplicate_of: int | None
) -> Result:
    if isinstance(read, Problem):
        return Result(problem=_refused(context, read))
    if isinstance(became, Accepted):
        return Result(accepted=sent(became, read[0]), duplicate_of=duplicate_of)
    assert became is not None
    return Result(problem=_refused(context, became))


def _refused(context: Context, problem: Problem) -> Refused:
    told = document(problem, "", context.settings.api_url)
    return Refused(**{name: told[name] for name in Refused.model_fields if name in told})
