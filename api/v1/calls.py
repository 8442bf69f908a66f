"""Look at one call, with its timeline, or list them, open ones included."""

from typing import Annotated, Any, Literal

from pydantic import Field

from api.endpoint import Context, Endpoints
from api.fields import Answer, Body, Moment, Money, SipAccount, Time, Until
from api.v1.call_log import PAGE_DEFAULT, PAGE_MAX, searched
from api.v1.recordings import Reading, linked
from api.v1.sms import Step
from db import call_log, calls
from db.connection import Row
from telephony.billing.rating import Rate
from telephony.errors import NotFoundError
from telephony.voice.settle import first_leg

endpoint = Endpoints()

Status = Literal[
    "queued", "dialing", "ringing", "answered", "completed", "busy", "no_answer", "failed",
    "canceled",
]  # fmt: skip


class FirstLeg(Answer):
    """The number that is called first: charged from its own answer on."""

    rate: Money
    answered_at: Time | None
    billsec: int
    cost: Money


class CallFacts(Answer):
    """A call. `rate` is the price of a minute; `cost` is that of both legs."""

    call_id: str
    status: Status
    direction: Literal["outbound", "inbound", "internal"]
    to: str
    from_: Annotated[str, Field(alias="from")]
    caller_id: str
    sip_account: str | None
    created_at: Time
    started_at: Time | None
    ringing_at: Time | None
    answered_at: Time | None
    ended_at: Time | None
    duration: int
    billsec: int
    max_seconds: int
    rate: Money
    cost: Money
    currency: str
    first_leg: FirstLeg | None
    hangup_cause: str | None
    sip_code: int | None
    record: Literal["", "stereo", "mixed"]
    reference: str | None
    recording_url: str | None


class CallAnswer(CallFacts):
    """A call with its timeline, oldest state first."""

    timeline: list[Step]


class CallQuery(Body):
    """Filters of the list of calls; dates are those of their placing."""

    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT
    cursor: Annotated[str, Field(max_length=64)] | None = None
    search: Annotated[str, Field(max_length=64)] | None = None
    direction: Literal["outbound", "inbound", "internal"] | None = None
    status: Status | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Until | None = None
    sip_account: SipAccount | None = None


class CallPage(Answer):
    """Calls, newest first."""

    data: list[CallFacts]
    next_cursor: str | None


@endpoint("GET", "/voice/calls/{call_id}", scope="voice:read", returns=CallAnswer,
          errors=(NotFoundError,))  # fmt: skip
async def show_call(context: Context, _: None) -> CallAnswer:
    """Show a call, its state and its timeline."""
    row = await calls.find(
        context.db, context.me.account_id, context.me.mode, context.path["call_id"]
    )
    if row is None:
        raise NotFoundError("There is no such call.")
    return await told(context, row)


async def told(context: Reading, row: Row) -> CallAnswer:
    """All that is told of a call."""
    (row,) = await linked(context, [row])
    timeline = [Step(**step) for step in await calls.timeline(context.db, row["id"])]
    return CallAnswer(**_facts(row), timeline=timeline)


@endpoint("GET", "/voice/calls", scope="voice:read", takes=CallQuery, returns=CallPage)
async def list_calls(context: Context, query: CallQuery) -> CallPage:
    """List calls, newest first, open ones included."""
    me = context.me
    found = await call_log.newest(
        context.db, me.account_id, me.mode, limit=query.limit + 1, cursor=query.cursor,
        search=searched(query.search), direction=query.direction, status=query.status,
        since=query.from_, until=query.to, sip_account=query.sip_account,
    )  # fmt: skip
    rows = await linked(context, found[: query.limit])
    return CallPage(
        data=[CallFacts(**_facts(row)) for row in rows],
        next_cursor=rows[-1]["id"] if len(found) > len(rows) else None,
    )


def _facts(row: Row) -> dict[str, Any]:
    """A row of a call as the models name it."""
    return {
        **{name: row[name] for name in CallFacts.model_fields if name in row},
        "call_id": row["id"], "to": row["to_number"], "from": row["from_number"],
        "rate": Rate.from_text(row["rate"]).voice_per_minute, "first_leg": _first_leg(row),
    }  # fmt: skip


def _first_leg(row: Row) -> FirstLeg | None:
    if row["first_rate"] is None:
        return None
    charged = first_leg(row)
    return FirstLeg(
        rate=Rate.from_text(row["first_rate"]).voice_per_minute,
        answered_at=row["first_answered_at"], billsec=charged.billsec, cost=charged.cost,
    )  # fmt: skip
