"""The log of events: where each went, what came of every attempt, and sending it once more."""

import json
from typing import Annotated, Any, Literal

from pydantic import Field

from api.endpoint import Context, Endpoints
from api.fields import Answer, Body, Moment, Time, Until
from api.v1.webhooks import SCOPE, EventType
from db import deliveries, events
from db.connection import Row
from telephony.errors import NotFoundError
from telephony.webhooks import replay
from telephony.webhooks.endpoints import Place
from telephony.webhooks.errors import EndpointDisabledError
from telephony.webhooks.events import body_of

endpoint = Endpoints()

PAGE_MAX = 100
PAGE_DEFAULT = 25
ATTEMPTS_IN_LIST_MAX = 3
ATTEMPTS_MAX = 1000


class EventQuery(Body):
    """Filters of the list; `state` is that of one of the deliveries, `none`: nobody got it."""

    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT
    cursor: Annotated[str, Field(max_length=64)] | None = None
    type: EventType | None = None
    state: Literal["pending", "delivered", "failed", "none"] | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Until | None = None


class ReplayBody(Body):
    """Where to; none: wherever it went, or else to every endpoint that is subscribed."""

    endpoint_id: Annotated[str, Field(max_length=64)] | None = None


class Attempt(Answer):
    """One POST. `reply` is the first 2 KiB; `error` says why there is none."""

    number: int
    at: Time
    status: int | None
    latency_ms: float
    error: str | None
    reply: str


class Delivery(Answer):
    """The event on its way to one URL. `next_attempt_at` is null where nothing is due, or where
    it waits until its endpoint is enabled. A list shows the last three attempts."""

    id: str
    endpoint_id: str | None
    url: str
    state: Literal["pending", "delivered", "failed"]
    attempts_made: int
    next_attempt_at: Time | None
    created_at: Time
    attempts: list[Attempt]


class LoggedEvent(Answer):
    """`body` is what is sent, as JSON."""

    id: str
    type: EventType
    created_at: Time
    body: dict[str, Any]
    deliveries: list[Delivery]


class EventPage(Answer):
    """One page of the log, newest first. With `state` it may have fewer events than `limit`, and
    even none, though others follow: those are behind `next_cursor`."""

    data: list[LoggedEvent]
    limit: int
    next_cursor: str | None


class Replayed(Answer):
    """To how many receivers it is sent again."""

    event_id: str
    receivers: int


@endpoint("GET", "/events", scope=SCOPE, takes=EventQuery, returns=EventPage)
async def list_events(context: Context, query: EventQuery) -> EventPage:
    """List events, newest first, with their deliveries and the last attempts of each."""
    me = context.me
    rows, cursor = await events.page(
        context.db, me.account_id, me.mode, limit=query.limit, kind=query.type,
        state=query.state, since=query.from_, until=query.to, cursor=query.cursor,
    )  # fmt: skip
    log = await deliveries.log(context.db, [row["id"] for row in rows], ATTEMPTS_IN_LIST_MAX)
    return EventPage(
        data=[_event(row, log[row["id"]]) for row in rows], limit=query.limit,
        next_cursor=cursor,
    )  # fmt: skip


@endpoint("GET", "/events/{id}", scope=SCOPE, returns=LoggedEvent, errors=(NotFoundError,))
async def read_event(context: Context, _: None) -> LoggedEvent:
    """Read an event with every attempt to deliver it."""
    me, event_id = context.me, context.path["id"]
    row = await events.read(context.db, me.account_id, me.mode, event_id)
    if row is None:
        raise NotFoundError("There is no such event.")
    log = await deliveries.log(context.db, [event_id], ATTEMPTS_MAX)
    return _event(row, log[event_id])


@endpoint(
    "POST", "/events/{id}/replay", scope=SCOPE, takes=ReplayBody, returns=Replayed, status=202,
    errors=(NotFoundError, EndpointDisabledError),
)  # fmt: skip
def replay_event(context: Context, body: ReplayBody) -> Replayed:
    """Send an event again, with the same id."""
    me, event_id = context.me, context.path["id"]
    place = Place(me.account_id, me.mode)
    count = replay.replay_event(context.conn, place, event_id, body.endpoint_id, context.now)
    return Replayed(event_id=event_id, receivers=count)


def _event(row: Row, log: list[dict[str, Any]]) -> LoggedEvent:
    return LoggedEvent(
        id=row["id"], type=row["type"], created_at=row["created_at"],
        body=json.loads(body_of(row)), deliveries=[_delivery(one) for one in log],
    )  # fmt: skip


def _delivery(row: dict[str, Any]) -> Delivery:
    waits = row["state"] == "pending" and row["next_attempt_at"] != deliveries.FOREVER
    return Delivery(
        id=row["id"], endpoint_id=row["endpoint_id"], url=row["url"], state=row["state"],
        attempts_made=row["attempts"], created_at=row["created_at"],
        next_attempt_at=row["next_attempt_at"] if waits else None,
        attempts=[_attempt(one) for one in row["log"]],
    )  # fmt: skip


def _attempt(row: Row) -> Attempt:
    return Attempt(
        number=row["number"], at=row["at"], status=row["status_code"],
        latency_ms=row["latency_us"] / 1000, error=row["error"] or None, reply=row["reply"],
    )  # fmt: skip
