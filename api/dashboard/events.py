"""The log of events: what happened, where it was sent, what came of every attempt; and the
inspector, which shows events as they come."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from pydantic import BaseModel, Field
from starlette.responses import Response

from api.dashboard.lists import MODES, Filters, Mode, ModeQuery, as_csv, shown_query
from api.dashboard.viewer import go, member
from api.dashboard.webhooks import BUILDERS, LOOKERS
from api.dashboard.webhooks import HERE as WEBHOOKS
from api.fields import Time
from api.v1.events import ATTEMPTS_IN_LIST_MAX, ATTEMPTS_MAX, EventQuery
from api.web.page import Facts, PageContext, Pages
from api.web.streams import follow
from api.web.templates import render
from db import deliveries, events
from db.connection import Row
from db.events import Look
from telephony.errors import NotFoundError
from telephony.users import webhooks as deeds
from telephony.users.roles import Right
from telephony.webhooks.events import body_of

page = Pages()
HERE = f"{WEBHOOKS}/events"
INSPECTOR = f"{WEBHOOKS}/inspector"
STATES = ("pending", "delivered", "failed", "none")
INSPECTED = 20
ROWS_PER_READ = 200
FOUND_MAX = 100


class EventsQuery(ModeQuery, EventQuery):
    """The filters of `GET /events`, a mode, and `search`: the id of an event, or of what it is
    about."""

    search: Annotated[str, Field(max_length=64)] | None = None


class EventLine(BaseModel):
    """A line of the file."""

    id: str
    type: str
    created_at: Time
    about: str
    mode: str


async def _page(context: PageContext, mode: Mode, given: EventsQuery, limit: int) -> Look:
    account_id = member(context).account_id
    if given.search:
        part = given.search.strip()
        return Look(await events.about(context.db, account_id, mode, part, FOUND_MAX), None)
    return await events.page(
        context.db, account_id, mode, limit=limit, kind=given.type, state=given.state,
        since=given.from_, until=given.to, cursor=given.cursor,
    )  # fmt: skip


async def _told(context: PageContext, rows: list[Row], attempts: int) -> list[dict[str, Any]]:
    """Events with their `body` and `deliveries`, as templates take them."""
    log = await deliveries.log(context.db, [row["id"] for row in rows], attempts)
    return [
        row | {"body": json.dumps(json.loads(body_of(row)), indent=2, ensure_ascii=False),
               "deliveries": log[row["id"]]}
        for row in rows
    ]  # fmt: skip


@page("GET", HERE, roles=LOOKERS, takes=EventsQuery, template="dashboard/events.html")
async def show_events(context: PageContext, given: EventsQuery) -> Facts:
    """Events, the newest first, and the state of their deliveries."""
    mode = given.mode_for(context)
    rows, cursor = await _page(context, mode, given, given.limit)
    return {
        "mode": mode, "events": await _told(context, rows, ATTEMPTS_IN_LIST_MAX),
        "kinds": events.TYPES, "states": STATES, "query": shown_query(context, mode),
        "next_cursor": cursor, "at_first": given.cursor is None,
    }  # fmt: skip


@page("GET", f"{HERE}.csv", roles=LOOKERS, takes=EventsQuery)
async def events_csv(context: PageContext, given: EventsQuery) -> Response:
    """All that the filters find."""
    return as_csv("events.csv", EventLine, _pages(context, given), _line)


async def _pages(context: PageContext, given: EventsQuery) -> AsyncIterator[list[Row]]:
    mode = given.mode_for(context)
    rows, cursor = await _page(context, mode, given, ROWS_PER_READ)
    yield rows
    while cursor:
        given = given.model_copy(update={"cursor": cursor})
        rows, cursor = await _page(context, mode, given, ROWS_PER_READ)
        yield rows


def _line(row: Row) -> EventLine:
    return EventLine(**{name: row[name] for name in ("id", "type", "created_at", "mode")},
                     about=row["subject"])  # fmt: skip


async def _event(context: PageContext) -> Facts:
    me, event_id = member(context), context.path["id"]
    for mode in MODES:
        row = await events.read(context.db, me.account_id, mode, event_id)
        if row is not None:
            (told,) = await _told(context, [row], ATTEMPTS_MAX)
            return {"one": told, "forever": deliveries.FOREVER, "builds": Right.build in me.rights}
    raise NotFoundError("There is no such event.")


@page("GET", f"{HERE}/{{id}}", roles=LOOKERS, template="dashboard/event.html")
async def show_event(context: PageContext, _: None) -> Facts:
    """One event with every attempt to deliver it."""
    return await _event(context)


class ReplayForm(Filters):
    """Where to; none: wherever it went, or else to every endpoint that is subscribed."""

    endpoint_id: str | None = None


@page("POST", f"{HERE}/{{id}}/replay", roles=BUILDERS, takes=ReplayForm,
      template="dashboard/event.html", again=_event)  # fmt: skip
async def replay_event(context: PageContext, given: ReplayForm) -> Response:
    """Send it again, with the same id."""
    event = (await _event(context))["one"]
    await context.db.write(
        deeds.replay_event, member(context), event["mode"], event["id"], given.endpoint_id,
        context.now,
    )  # fmt: skip
    return go(f"{HERE}/{event['id']}")


@page("GET", INSPECTOR, roles=LOOKERS, takes=ModeQuery, template="dashboard/inspector.html")
async def show_inspector(context: PageContext, given: ModeQuery) -> Facts:
    """The last events, and those that come."""
    return await _inspected(context, given)


async def _inspected(context: PageContext, given: ModeQuery) -> Facts:
    mode = given.mode_for(context)
    rows, _ = await _page(context, mode, EventsQuery(), INSPECTED)
    return {"mode": mode, "events": await _told(context, rows, ATTEMPTS_IN_LIST_MAX)}


@page("GET", f"{INSPECTOR}/live", roles=LOOKERS, takes=ModeQuery)
async def follow_events(context: PageContext, given: ModeQuery) -> Response:
    """The same list whenever another event has come."""

    async def look() -> str:
        shown = render(
            context.request, "dashboard/inspected.html", **await _inspected(context, given)
        )
        return bytes(shown.body).decode()

    return follow(context.request, member(context).account_id, look)
