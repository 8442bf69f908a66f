"""What Asterisk says by itself, and the bounded stream that hands it to one consumer."""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from telephony.clock import Instant, from_epoch, now


@dataclass(frozen=True)
class AmiEvent:
    """One event; `fields` has lower-case keys, a repeated header's values joined by LF.

    `timestamp` is when Asterisk saw it, or when it was read if it carries none.
    """

    name: str
    fields: Mapping[str, str]
    timestamp: Instant

    @property
    def action_id(self) -> str:
        """The ActionID that the event answers, or an empty string."""
        return self.fields.get("actionid", "")


@dataclass(frozen=True)
class Connected(AmiEvent):
    """The link became ready: nothing of the time before is replayed, so reconcile.

    `started` is Asterisk's start-up time as it tells it; `restarted` is whether this
    differs from the connection before, so that calls from then no longer exist.
    """

    started: str
    restarted: bool


@dataclass(frozen=True)
class Resync(AmiEvent):
    """In this place `dropped` events are missing since the consumer lagged: reconcile."""

    dropped: int


@dataclass
class _Gap:
    dropped: int


def read_event(fields: Mapping[str, str]) -> AmiEvent:
    """Type the headers of an event, keys in lower case."""
    try:
        timestamp = from_epoch(fields["timestamp"])
    except (KeyError, ValueError):
        timestamp = now()
    return AmiEvent(fields.get("event", ""), fields, timestamp)


class EventStream:
    """Puts never block and memory is bounded, for Asterisk drops a client that stops reading."""

    def __init__(self, events_max: int) -> None:
        self.events_max = events_max
        self.dropped = 0
        self._items: deque[AmiEvent | _Gap] = deque()
        self._wake = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._items)

    def put(self, event: AmiEvent) -> None:
        """Append, or count the event as dropped where the consumer lags.

        Once dropping began it goes on until half is read, else a slow consumer would meet
        a gap after every other event and reconcile without end.
        """
        lagging = bool(self._items) and isinstance(self._items[-1], _Gap)
        if len(self._items) < (self.events_max // 2 if lagging else self.events_max):
            self._items.append(event)
        else:
            self._drop(1)
        self._wake.set()

    def put_marker(self, event: AmiEvent) -> None:
        """Append in any case; a full stream gives up what it holds, one gap in its place."""
        if len(self._items) >= self.events_max:
            lost = sum(1 if isinstance(item, AmiEvent) else item.dropped for item in self._items)
            self.dropped -= sum(item.dropped for item in self._items if isinstance(item, _Gap))
            self._items.clear()
            self._drop(lost)
        self._items.append(event)
        self._wake.set()

    def close(self) -> None:
        """Let the consumer read what is there and then end."""
        self._closed = True
        self._wake.set()

    def __aiter__(self) -> "EventStream":
        return self

    async def __anext__(self) -> AmiEvent:
        while not self._items:
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        item = self._items.popleft()
        if isinstance(item, AmiEvent):
            return item
        return Resync("Resync", {}, now(), item.dropped)

    def _drop(self, count: int) -> None:
        self.dropped += count
        last = self._items[-1] if self._items else None
        if isinstance(last, _Gap):
            last.dropped += count
        else:
            self._items.append(_Gap(count))
