"""Is the platform there, how are its parts, and how were they."""

import asyncio
import logging
from typing import Annotated, Literal

from pydantic import Field

from api.endpoint import PUBLIC, Context, Endpoints
from api.fields import Answer, Body, Time
from api.version import VERSION
from db.connection import Reader
from telephony import status as platform
from telephony.clock import Instant
from telephony.status import Snapshot, State

endpoint = Endpoints()

LOOK_SECONDS_MAX = 5.0
DAYS_MAX = 90

log = logging.getLogger(__name__)


class Pong(Answer):
    """`account` and `mode` with a key only."""

    pong: Literal[True] = True
    time: Time
    version: str = VERSION
    account: str | None = None
    mode: str | None = None


class Component(Answer):
    """A part of the platform as a probe last found it; `remote` if others run it, such as a
    carrier. `since` tells when its status began."""

    name: str
    status: State
    remote: bool
    checked_at: Time
    since: Time
    detail: str


class Status(Answer):
    """The worst of the platform's own components; what is `remote` degrades it at most. `notice`
    is a sentence from the operator."""

    status: State
    notice: str | None = None
    components: list[Component]
    updated_at: Time


class HistoryQuery(Body):
    """How many days, today included."""

    days: Annotated[int, Field(ge=1, le=DAYS_MAX)] = 30


class DayAnswer(Answer):
    """A day (UTC): the worst status, and the share of the day without an outage; both null before
    the component was there."""

    date: str
    status: State | None
    uptime: float | None


class ComponentDays(Answer):
    """The days of a component, the oldest first."""

    name: str
    days: list[DayAnswer]


class Incident(Answer):
    """A time during which a component was not well; `note` is what the operator says of it."""

    id: str
    component: str
    status: Literal["degraded", "outage"]
    detail: str
    note: str
    opened_at: Time
    closed_at: Time | None


class HistoryAnswer(Answer):
    """`incidents` are those that lasted within the days, the newest first."""

    components: list[ComponentDays]
    incidents: list[Incident]


@endpoint("GET", "/ping", scope=PUBLIC, returns=Pong)
async def ping(context: Context, _: None) -> Pong:
    """Check that the API answers and that a key is good."""
    caller = context.caller
    return Pong(
        time=context.now, account=caller.account if caller else None,
        mode=caller.mode if caller else None,
    )  # fmt: skip


@endpoint("GET", "/status", scope=PUBLIC, returns=Status)
async def status(context: Context, _: None) -> Status:
    """Tell how every part of the platform is, from real probes."""
    return await current(context.db, context.now)


async def current(reader: Reader, at: Instant) -> Status:
    """How every part was when it was last looked at."""
    found = await _look(reader, at)
    parts = [Component(**vars(one)) for one in found.components]
    return Status(
        status=found.status, notice=found.notice, components=parts, updated_at=found.updated_at
    )


@endpoint("GET", "/status/history", scope=PUBLIC, takes=HistoryQuery, returns=HistoryAnswer)
async def status_history(context: Context, query: HistoryQuery) -> HistoryAnswer:
    """Tell how every part of the platform was, day by day, and what went wrong."""
    found = await platform.history(context.db, context.now, query.days)
    return HistoryAnswer(
        components=[
            ComponentDays(name=name, days=[DayAnswer(**vars(day)) for day in days])
            for name, days in found.components.items()
        ],
        incidents=[Incident(**row) for row in found.incidents],
    )


async def _look(reader: Reader, at: Instant) -> Snapshot:
    """Whoever asks how the platform is gets an answer, also where the database gives none."""
    try:
        async with asyncio.timeout(LOOK_SECONDS_MAX):
            return await platform.look(reader, at)
    except Exception:
        log.exception("the status cannot be read")
        return platform.unreachable(at)
