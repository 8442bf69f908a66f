"""Live parts of pages: server-sent events that follow the database's wake-ups."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.web.refusals import TooManyStreamsError
from db.wakeups import Wakeups

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


class Streams:
    """How many streams are open in this process, and whose."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextmanager
    def place(self, owner: str) -> Iterator[None]:
        """A place while the stream is open; TooManyStreamsError if there is none."""
        if self._open.total() >= STREAMS_MAX or self._open[owner] >= STREAMS_OF_ONE_MAX:
            raise TooManyStreamsError
        self._open[owner] += 1
        try:
            yield
        finally:
            self._open[owner] -= 1
            if not self._open[owner]:
                del self._open[owner]


class EventStream(StreamingResponse):
    """Takes its place before it begins, so that a refusal is a proper error."""

    def __init__(self, events: AsyncIterator[bytes], streams: Streams, owner: str) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(events, 200, headers, "text/event-stream")
        self._streams, self._owner = streams, owner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve it until the browser goes or its time is over."""
        with self._streams.place(self._owner):
            await super().__call__(scope, receive, send)


def event(html: str, name: str = "message") -> bytes:
    """One event; `html` may have any lines."""
    lines = "".join(f"data: {line}\n" for line in html.splitlines() or [""])
    return f"event: {name}\n{lines}\n".encode()


def follow(
    request: Request, owner: str, channel: str, look: Look, name: str = "message"
) -> EventStream:
    """What `look` gives, now and whenever it is another after a wake-up of the channel; `owner`
    is whose stream it is, an account or an address."""
    state = request.app.state
    return EventStream(_events(state.db.wakeups, channel, look, name), state.streams, owner)


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
