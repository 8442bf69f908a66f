"""The window of one bind: which submit_sm are written and lack their response."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from telephony.sms.providers.base import Outcome, ProviderError, Submission
from telephony.sms.providers.smpp_pdu import SUBMIT_SM, encode

LATE_MAX = 10_000  # submissions that were given up and may still be answered


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

    def settle(self, index: int, count: int, outcome: Outcome) -> None:
        """Record the outcome of so many parts; the last one completes `done`."""
        self._outcomes[index : index + count] = [outcome] * count
        self._missing -= count
        if not self._missing and not self.done.done():
            self.done.set_result(self._outcomes)


class Entry(NamedTuple):
    """One submit_sm on its way."""

    body: bytes
    batch: Batch
    place: int  # of its first part in the batch
    parts: int
    first: Submission
    at: float  # when it was pushed, by the loop's clock

    def settle(self, outcome: Outcome) -> None:
        """Tell the batch."""
        self.batch.settle(self.place, self.parts, outcome)


class Window:
    """At most `size` submit_sm without response; does no input or output itself."""

    def __init__(self, size: int, next_sequence: Callable[[], int]) -> None:
        self._size = size
        self._next_sequence = next_sequence
        self._written: dict[int, tuple[Entry, float]] = {}  # in the order of writing
        self._late: dict[int, Entry] = {}

    @property
    def in_use(self) -> int:
        """Number of submit_sm that lack their response."""
        return len(self._written)

    @property
    def free(self) -> int:
        """How many more may be written."""
        return self._size - len(self._written)

    def open_batches(self) -> set[asyncio.Future[list[Outcome]]]:
        """What completes once every response is there, if nothing of them waits elsewhere."""
        return {entry.batch.done for entry, _ in self._written.values()}

    def write(self, entries: Sequence[Entry], now: float) -> list[bytes]:
        """Whole PDUs; the caller has seen that there is room."""
        pdus = []
        for entry in entries:
            sequence = self._next_sequence()
            self._written[sequence] = (entry, now)
            pdus.append(encode(SUBMIT_SM, sequence, entry.body))
        return pdus

    def settle(self, sequence: int, outcome: Outcome) -> float | None:
        """Match a response: when it was written, or None if nothing waits for it (any more)."""
        written = self._written.pop(sequence, None)
        if written is None:
            return None
        written[0].settle(outcome)
        return written[1]

    def take_late(self, sequence: int) -> Entry | None:
        """What was given up and is answered after all."""
        return self._late.pop(sequence, None)

    def expire(self, before: float, error: ProviderError) -> int:
        """Give up those written before that time; returns how many."""
        late = []
        for sequence, (_, at) in self._written.items():
            if at >= before:
                break
            late.append(sequence)
        for sequence in late:
            self._late[sequence] = self._written[sequence][0]
            self.settle(sequence, error)
        while len(self._late) > LATE_MAX:
            del self._late[next(iter(self._late))]
        return len(late)

    def fail(self, error: ProviderError) -> None:
        """Give up all that was written."""
        for sequence in list(self._written):
            self.settle(sequence, error)
