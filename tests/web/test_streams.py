"""Server-sent events: what changed is told, nothing else; places are bounded and given back."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest

from api.sse import EventStream
from api.web import streams
from api.web.refusals import TooManyStreamsError
from api.web.streams import Streams, event
from db.wakeups import Wakeups
from tests.patience import PATIENCE_SECONDS

Message = MutableMapping[str, Any]


class Watched:
    """A thing that changes, and a stream of it."""

    def __init__(self) -> None:
        self.now = "one"
        self.looks = 0
        self.wakeups = Wakeups()

    async def look(self) -> str:
        self.looks += 1
        return self.now

    def events(self) -> AsyncIterator[bytes]:
        return streams._events(self.wakeups, "channel", self.look, "message")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "BREATH_SECONDS", 0.01)
    monkeypatch.setattr(streams, "LOOK_SECONDS", 60.0)


def test_an_event_may_have_lines() -> None:
    assert event("a\nb") == b"event: message\ndata: a\ndata: b\n\n"
    assert event("", "calls") == b"event: calls\ndata: \n\n"
    assert event("a\r\n\r\nevent: x") == b"event: message\ndata: a\ndata: \ndata: event: x\n\n"


async def test_what_changed_comes_after_a_wake_up_and_only_then() -> None:
    watched = Watched()
    events = watched.events()
    assert await anext(events) == streams.RETRY
    assert await anext(events) == event("one")
    following = asyncio.ensure_future(anext(events))
    watched.wakeups.signal("channel")
    while watched.looks < 2:
        await asyncio.sleep(0.01)
    assert not following.done()
    watched.now = "two"
    watched.wakeups.signal("channel")
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await following == event("two")


async def test_a_silent_stream_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.02)
    events = Watched().events()
    assert [await anext(events) for _ in range(3)][2] == b": still here\n\n"


async def test_a_stream_ends_and_leaves_no_ear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LIFE_SECONDS", 0.05)
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.02)
    watched = Watched()
    told = [one async for one in watched.events()]
    assert told == [streams.RETRY, event("one")]
    assert "channel" not in watched.wakeups._ears


def test_places_are_bounded_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "STREAMS_MAX", 3)
    monkeypatch.setattr(streams, "STREAMS_OF_ONE_MAX", 2)
    open_ones = Streams()
    with open_ones.place("ann"), open_ones.place("ann"):
        with pytest.raises(TooManyStreamsError), open_ones.place("ann"):
            pass
        with open_ones.place("bob"), pytest.raises(TooManyStreamsError), open_ones.place("eve"):
            pass
    with open_ones.place("ann"), open_ones.place("ann"):
        pass
    assert not open_ones._open


async def test_a_browser_that_goes_frees_its_place() -> None:
    watched, open_ones, gone = Watched(), Streams(), asyncio.Event()
    sent: list[Message] = []

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    response = EventStream(watched.events(), open_ones, "ann")
    serving = asyncio.create_task(response({"type": "http"}, receive, send))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(sent) < 3:
            await asyncio.sleep(0.01)
        assert open_ones._open["ann"] == 1
        gone.set()
        await serving
    assert not open_ones._open
    assert "channel" not in watched.wakeups._ears
