"""Numbers that an account may show: the list, their verification, their end."""

from typing import Annotated, Any, Literal

from pydantic import Field

from api.endpoint import Context, Endpoints
from api.fields import Answer, Body, Number, Time
from api.v1.call_log import searched
from db import caller_ids as stored
from telephony.errors import (
    CallerIdInUseError,
    ConcurrencyLimitError,
    DestinationNotAllowedError,
    InsufficientFundsError,
    NotFoundError,
    OutgoingStoppedError,
    RateLimitedError,
    SpendCapReachedError,
    ValidationFailedError,
)
from telephony.phone_numbers import e164
from telephony.voice import caller_ids
from telephony.voice.place import Asker

endpoint = Endpoints()

PAGE_MAX = 1_000


class NumberBody(Body):
    """A number to verify."""

    number: Number


class CodeBody(Body):
    """The code that the number was told."""

    code: Annotated[str, Field(pattern=r"^[0-9]{6}$", examples=["123456"])]


class Verifying(Answer):
    """`verified`: the number counts already. Else a call speaks a code to it now; `code` shows
    it to test keys alone."""

    number: str
    status: Literal["verified", "pending"]
    call_id: str | None
    expires_at: Time | None
    code: str | None


class Verified(Answer):
    """The number may be shown."""

    number: str
    verified: bool
    tries_left: int | None = None


class CallerId(Answer):
    """`owned` numbers count without a code; `pending` ones do not count yet."""

    number: str
    status: Literal["verified", "owned", "pending"]
    verified_at: Time | None


class CallerIdQuery(Body):
    """Filters of the list, which is in order of the numbers; `search` is a part of one."""

    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE_MAX
    cursor: Annotated[str, Field(max_length=64)] | None = None
    search: Annotated[str, Field(max_length=64)] | None = None


class CallerIds(Answer):
    """Numbers of the account; with `next_cursor` there are more."""

    data: list[CallerId]
    next_cursor: str | None


class Removed(Answer):
    """The number may no longer be shown."""

    number: str
    deleted: Literal[True] = True


def _number(context: Context) -> str:
    try:
        return e164(context.path["number"])
    except ValueError as error:
        raise NotFoundError("There is no such caller id.") from error


@endpoint("GET", "/voip/caller-ids", scope="voip:read", takes=CallerIdQuery, returns=CallerIds)
async def list_caller_ids(context: Context, query: CallerIdQuery) -> CallerIds:
    """List the numbers that the account may show, and those that wait for their code."""
    found = await stored.page(
        context.db, context.me.account_id, context.me.mode, limit=query.limit + 1,
        after=searched(query.cursor) or "", search=searched(query.search) or "",
    )  # fmt: skip
    rows = found[: query.limit]
    return CallerIds(
        data=[CallerId(**row) for row in rows],
        next_cursor=rows[-1]["number"] if len(found) > len(rows) else None,
    )


@endpoint(
    "POST", "/voip/caller-ids", scope="voip:manage", takes=NumberBody, returns=Verifying,
    status=202, errors=(InsufficientFundsError, SpendCapReachedError, DestinationNotAllowedError,
                        ConcurrencyLimitError, OutgoingStoppedError, RateLimitedError),
)  # fmt: skip
def verify_caller_id(context: Context, body: NumberBody) -> Verifying:
    """Call a number and speak a code to it; the call is paid like any other."""
    me = context.me
    by = Asker(me.account_id, me.mode, me.key_id)
    started = caller_ids.start(
        context.conn, context.settings, context.vault, by, body.number, context.now
    )
    return Verifying(
        number=started.number, status="pending" if started.call_id else "verified",
        call_id=started.call_id, expires_at=started.expires_at,
        code=started.code if me.mode == "test" else None,
    )  # fmt: skip


async def _or_refuse(_: Context, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """A wrong code is an error, and all the same a try that counts: so after the commit."""
    if body["verified"]:
        return 200, {name: body[name] for name in ("number", "verified")}
    message = f"The code is wrong. {body['tries_left']} tries are left."
    error = {"field": "code", "code": "wrong", "message": message}
    raise ValidationFailedError(message, errors=[error])


@endpoint(
    "POST", "/voip/caller-ids/{number}/verify", scope="voip:manage", takes=CodeBody,
    returns=Verified, then=_or_refuse, errors=(NotFoundError,),
)  # fmt: skip
def tell_code(context: Context, body: CodeBody) -> Verified:
    """Tell the code that a number was told; then it may be shown."""
    me, number = context.me, _number(context)
    left = caller_ids.tell(
        context.conn, context.vault, me.account_id, me.mode, number, body.code, context.now
    )
    return Verified(number=number, verified=left is None, tries_left=left)


@endpoint(
    "DELETE", "/voip/caller-ids/{number}", scope="voip:manage", returns=Removed,
    errors=(NotFoundError, CallerIdInUseError),
)  # fmt: skip
def remove_caller_id(context: Context, _: None) -> Removed:
    """Give a number up: it may no longer be shown."""
    number = _number(context)
    caller_ids.remove(context.conn, context.me.account_id, context.me.mode, number)
    return Removed(number=number)
