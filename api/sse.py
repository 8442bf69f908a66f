"""Server-sent events: a response that takes its place among the open ones before it begins."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from telephony.errors import Problem

MEDIA_TYPE = "text/event-stream"


class Places(ABC):
    """How many streams are open in this process, and whose."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @abstractmethod
    def limits(self) -> tuple[int, int]:
        """How many may be open in all, and of one owner."""

    @abstractmethod
    def refusal(self) -> Problem:
        """What is answered beyond that."""

    @contextmanager
    def place(self, owner: str) -> Iterator[None]:
        """A place while the stream is open; raises the refusal if there is none."""
        most, most_of_one = self.limits()
        if self._open.total() >= most or self._open[owner] >= most_of_one:
            raise self.refusal()
        self._open[owner] += 1
        try:
            yield
        finally:
            self._open[owner] -= 1
            if not self._open[owner]:
                del self._open[owner]


class EventStream(StreamingResponse):
    """Takes its place before it begins, so that a refusal is a proper error."""

    def __init__(self, events: AsyncIterator[bytes], places: Places, owner: str) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(events, 200, headers, MEDIA_TYPE)
        self._places, self._owner = places, owner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve it until the listener goes or its time is over."""
        with self._places.place(self._owner):
            await super().__call__(scope, receive, send)
