"""Events as they happen, for a developer who listens (`sms-voip listen`): server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from pydantic import Field

from api.endpoint import Context, Endpoints
from api.fields import Body
from api.sse import MEDIA_TYPE, EventStream, Places
from api.v1.webhooks import SCOPE
from db import accounts, events
from db.connection import Row
from db.database import Database
from db.ids import first_id, millis_of
from telephony.clock import Instant, now
from telephony.errors import Problem
from telephony.webhooks.errors import ListenerLimitError
from telephony.webhooks.events import body_of, told

endpoint = Endpoints()

LISTENERS_MAX = 200
LISTENERS_OF_ACCOUNT_MAX = 5
LATE_MILLIS = 5_000
"""An event that commits so long after its id was made is still seen."""
PAGE = 2_000
BREATH_SECONDS = 0.05
"""The least time between two looks, however much happens."""
LOOK_SECONDS = 2.0
HEARTBEAT_SECONDS = 15.0
LIFE_SECONDS = 600.0
"""A stream ends then, and whoever listens asks again from the last event on."""


class StreamQuery(Body):
    """The last event that was seen; without it the stream begins now."""

    after: Annotated[
        str | None,
        Field(pattern=r"^evt_[0-9a-hjkmnp-tv-z]{26}$", examples=["evt_01m83a783rqtfr965jgtnk7k8h"]),
    ] = None


class Listeners(Places):
    """Those of accounts."""

    def limits(self) -> tuple[int, int]:
        """In all, and of one account."""
        return LISTENERS_MAX, LISTENERS_OF_ACCOUNT_MAX

    def refusal(self) -> Problem:
        """It says how many an account may have."""
        return ListenerLimitError(limit=LISTENERS_OF_ACCOUNT_MAX)


_listeners = Listeners()


class Tail:
    """The end of an account's log. Ids are made before their event commits, so each look goes
    back a little, and leaves out what was told."""

    def __init__(self, db: Database, account_id: str, mode: str, after_millis: int) -> None:
        self._db = db
        self._own = (account_id, mode)
        self._since = first_id(events.PREFIX, after_millis)
        self._told: set[str] = set()

    async def look(self, at: Instant) -> list[Row]:
        """Events that were not told yet, the oldest first."""
        rows = await events.read_after(self._db, *self._own, self._since, PAGE)
        fresh = [row for row in rows if row["id"] not in self._told]
        settled = first_id(events.PREFIX, at // 1000 - LATE_MILLIS)
        self._since = rows[-1]["id"] if len(rows) == PAGE else max(self._since, settled)
        self._told = {row["id"] for row in rows if row["id"] > self._since}
        return fresh


@endpoint("GET", "/events/stream", scope=SCOPE, takes=StreamQuery, returns=None,
          besides=(MEDIA_TYPE,), errors=(ListenerLimitError,))  # fmt: skip
async def stream_events(context: Context, query: StreamQuery) -> EventStream:
    """Listen to events as they happen (server-sent events); one may come twice, with the same id.
    `data` is the body that a webhook would have."""
    me = context.me
    begin = millis_of(query.after) - LATE_MILLIS if query.after else context.now // 1000
    tail = Tail(context.db, me.account_id, me.mode, begin)
    return EventStream(
        _frames(context.db, me.account_id, me.key_id, tail), _listeners, me.account_id
    )


async def _frames(
    db: Database, account_id: str, key_id: str, tail: Tail
) -> AsyncIterator[bytes]:  # fmt: skip
    loop, channel = asyncio.get_running_loop(), told(account_id)
    ear = db.wakeups.subscribe(channel)
    ends, beat = loop.time() + LIFE_SECONDS, 0.0
    try:
        while loop.time() < ends and not db.wakeups.stopping:
            rows, silent = await tail.look(now()), loop.time() >= beat
            if (rows or silent) and not await accounts.key_works(db, key_id, now()):
                return
            if rows or silent:
                beat = loop.time() + HEARTBEAT_SECONDS
                yield b"".join(map(_frame, rows)) or b": listening\n\n"
            await asyncio.sleep(BREATH_SECONDS)
            await ear.wait(LOOK_SECONDS)
    finally:
        db.wakeups.unsubscribe(channel, ear)


def _frame(row: Row) -> bytes:
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (
        row["id"].encode(), row["type"].encode(), body_of(row),
    )  # fmt: skip
