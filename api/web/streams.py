"""Live parts of pages: server-sent events that follow the database's wake-ups."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.requests import Request

from api.sse import EventStream, Places
from api.web.refusals import TooManyStreamsError
from db.wakeups import Wakeups
from telephony.errors import Problem
from telephony.webhooks.events import told

STREAMS_MAX = 500
STREAMS_OF_ONE_MAX = 10
HEARTBEAT_SECONDS = 15.0
"""Proxies close a connection that is silent for longer; a lost browser is noticed by it, too."""
LOOK_SECONDS = 5.0
"""What changed without a wake-up is shown after that long."""
BREATH_SECONDS = 0.25
"""The least time between two looks, however much happens."""
LIFE_SECONDS = 600.0
"""A stream ends then and the browser asks again, so that a session that ended sees no more."""
RETRY = b"retry: 3000\n\n"

Look = Callable[[], Awaitable[str]]


class Streams(Places):
    """Those of pages."""

    def limits(self) -> tuple[int, int]:
        """In all, and of one account or address."""
        return STREAMS_MAX, STREAMS_OF_ONE_MAX

    def refusal(self) -> Problem:
        """The page is shown all the same."""
        return TooManyStreamsError()


def event(html: str, name: str = "message") -> bytes:
    """One event; `html` may have any lines."""
    lines = "".join(f"data: {line}\n" for line in html.splitlines() or [""])
    return f"event: {name}\n{lines}\n".encode()


def follow(
    request: Request, account_id: str, look: Look, name: str = "message"
) -> EventStream:  # fmt: skip
    """What `look` gives, now and whenever it is another after an event of the account."""
    state = request.app.state
    frames = _events(state.db.wakeups, told(account_id), look, name)
    return EventStream(frames, state.streams, account_id)


async def _events(wakeups: Wakeups, channel: str, look: Look, name: str) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    ear = wakeups.subscribe(channel)
    ends, beat, shown = loop.time() + LIFE_SECONDS, loop.time() + HEARTBEAT_SECONDS, None
    try:
        yield RETRY
        while loop.time() < ends and not wakeups.stopping:
            if (now := await look()) != shown:
                shown, beat = now, loop.time() + HEARTBEAT_SECONDS
                yield event(now, name)
            elif loop.time() >= beat:
                beat = loop.time() + HEARTBEAT_SECONDS
                yield b": still here\n\n"
            await asyncio.sleep(BREATH_SECONDS)
            await ear.wait(LOOK_SECONDS)
    finally:
        wakeups.unsubscribe(channel, ear)
