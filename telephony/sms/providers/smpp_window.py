"""The window of one bind: which submit_sm wait, which are written and lack their response."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from telephony.sms.providers.base import Outcome, ProviderError
from telephony.sms.providers.smpp_pdu import SUBMIT_SM, encode


class Batch:
    """Outcomes of one call of `submit`; one future for all of them keeps the hot path cheap."""

    __slots__ = ("_missing", "_outcomes", "done")

    def __init__(self, size: int) -> None:
        self.done: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._missing = size
        # Each is overwritten by `settle`; a forgotten one could not say less than this.
        self._outcomes: list[Outcome] = [ProviderError("unsettled", outcome_unknown=True)] * size
        if not size:
            self.done.set_result([])

    def settle(self, index: int, outcome: Outcome) -> None:
        """Record one outcome; the last one completes `done`."""
        self._outcomes[index] = outcome
        self._missing -= 1
        if not self._missing and not self.done.done():
            self.done.set_result(self._outcomes)


class _Waiting(NamedTuple):
    body: bytes
    batch: Batch
    place: int


class _Written(NamedTuple):
    batch: Batch
    place: int
    at: float


class Window:
    """At most `size` submit_sm without response; does no input or output itself."""

    def __init__(self, size: int, next_sequence: Callable[[], int]) -> None:
        self._size = size
        self._next_sequence = next_sequence
        self._waiting: deque[_Waiting] = deque()
        self._written: dict[int, _Written] = {}  # in the order of writing

    @property
    def in_use(self) -> int:
        """Number of submit_sm that lack their response."""
        return len(self._written)

    def open_batches(self) -> set[asyncio.Future[list[Outcome]]]:
        """What completes once nothing waits and every response is there."""
        waiting = {entry.batch.done for entry in self._waiting}
        return waiting | {entry.batch.done for entry in self._written.values()}

    def push(self, bodies: Sequence[bytes | ProviderError]) -> Batch:
        """Queue the bodies of submit_sm; an error among them is its own outcome."""
        batch = Batch(len(bodies))
        for index, body in enumerate(bodies):
            if isinstance(body, ProviderError):
                batch.settle(index, body)
            else:
                self._waiting.append(_Waiting(body, batch, index))
        return batch

    def take(self, now: float) -> list[bytes]:
        """Whole PDUs to be written now, as many as the window has room for."""
        pdus = []
        waiting, written = self._waiting, self._written
        while waiting and len(written) < self._size:
            body, batch, index = waiting.popleft()
            if batch.done.done():  # the caller was cancelled: nobody would hear of this one
                continue
            sequence = self._next_sequence()
            written[sequence] = _Written(batch, index, now)
            pdus.append(encode(SUBMIT_SM, sequence, body))
        return pdus

    def settle(self, sequence: int, outcome: Outcome) -> bool:
        """Match a response; False if nothing waits for it (any more)."""
        written = self._written.pop(sequence, None)
        if written is None:
            return False
        written.batch.settle(written.place, outcome)
        return True

    def expire(self, before: float, error: ProviderError) -> int:
        """Give up those written before that time; returns how many."""
        late = []
        for sequence, written in self._written.items():
            if written.at >= before:
                break
            late.append(sequence)
        for sequence in late:
            self.settle(sequence, error)
        return len(late)

    def fail_waiting(self, error: ProviderError) -> None:
        """Give up all that was never written."""
        while self._waiting:
            _, batch, index = self._waiting.popleft()
            batch.settle(index, error)

    def fail_written(self, error: ProviderError) -> None:
        """Give up all that was written."""
        for sequence in list(self._written):
            self.settle(sequence, error)
