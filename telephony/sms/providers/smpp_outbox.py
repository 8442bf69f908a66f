"""What waits for any of the binds of one provider, and what it counts."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable
from math import isinf
from time import monotonic
from typing import Protocol

from telephony.sms.providers.base import Outcome, ProviderError
from telephony.sms.providers.smpp_submit import Written
from telephony.sms.providers.smpp_throttle import Throttle
from telephony.sms.providers.smpp_window import Batch, Entry

WAIT_SECONDS_MAX = 10.0  # in memory; then the queue in the database is the better place
ROOM_SECONDS = 0.05  # that a claim waits for half the window: small claims cost the database
AHEAD_SECONDS = 0.25  # of the rate that may wait in memory
LATENCY_WEIGHT = 0.05  # of the newest response in the moving average


class Taker(Protocol):
    """A bind that submissions can be written to."""

    @property
    def free(self) -> int:
        """How many it would write now."""

    def fill(self) -> None:
        """Take and write."""


class Outbox:
    """Binds take from it while they have room and the rate allows."""

    def __init__(self, throttle: Throttle, window: int) -> None:
        self.counts: Counter[str] = Counter()  # by names of metrics
        self.takers: list[Taker] = []  # the binds that stand
        self.latency_seconds = 0.0
        self._throttle = throttle
        self._window = window
        self._waiting: deque[Entry] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._freed: asyncio.Future[None] | None = None

    @property
    def rate(self) -> float | None:
        """submit_sm per second at most, now; None: no limit."""
        return None if isinf(self._throttle.rate) else self._throttle.rate

    def push(self, written: Iterable[Written], size: int) -> Batch:
        """Have the binds write what they can; an error among it is its own outcome."""
        batch, now, place = Batch(size), monotonic(), 0
        for body, first, parts in written:
            if isinstance(body, ProviderError):
                batch.settle(place, parts, body)
            else:
                self._waiting.append(Entry(body, batch, place, parts, first, now))
            place += parts
        self.pump()
        return batch

    def pump(self) -> None:
        """Fill the binds, the emptiest first."""
        for taker in sorted(self.takers, key=_free, reverse=True):
            if not self._waiting:
                return
            taker.fill()

    def take(self, free: int) -> list[Entry]:
        """What a bind with so much room may write now; comes back to the rest in time."""
        waiting = self._waiting
        if not waiting or free <= 0:
            return []
        now = monotonic()
        allowance = self._throttle.allowance(now)
        count = min(free, len(waiting))
        if allowance is not None and allowance < count:
            count = allowance
            self._come_back()
        # A caller that was cancelled hears of nothing: what it left is not sent.
        taken = [entry for entry in (waiting.popleft() for _ in range(count)) if _wanted(entry)]
        self._throttle.took(len(taken), now)
        return taken

    def expire(self) -> None:
        """Give back what waits for too long: other messages may be more urgent by now."""
        now = monotonic()
        busy = ProviderError("provider_busy", "no room in the window", retryable=True)
        while self._waiting and self._waiting[0].at < now - WAIT_SECONDS_MAX:
            self._waiting.popleft().settle(busy)

    def fail(self, error: ProviderError) -> None:
        """Give back all: there is no bind."""
        while self._waiting:
            self._waiting.popleft().settle(error)

    # ── what the binds tell ───────────────────────────────────────────────────────────────────

    def settled(self, outcome: Outcome, seconds: float) -> None:
        """Count a response that came in time."""
        self.latency_seconds += (seconds - self.latency_seconds) * LATENCY_WEIGHT
        if not isinstance(outcome, ProviderError):
            self.counts["submitted"] += 1
            return
        self.counts[f"rejected.{outcome.code}"] += 1
        if outcome.throttled:
            self._throttle.throttled(monotonic())

    def freed(self) -> None:
        """A bind has room again, or is new."""
        if self._freed is not None and not self._freed.done() and self._room() >= self._half():
            self._freed.set_result(None)

    # ── room ──────────────────────────────────────────────────────────────────────────────────

    async def room(self) -> int:
        """How many more may be pushed; waits for the first, and a moment for half a window."""
        while (room := self._room()) < self._half():
            try:
                async with asyncio.timeout(ROOM_SECONDS):
                    await self._next_freed()
            except TimeoutError:
                if (room := self._room()) > 0:
                    break
        return room

    def _room(self) -> int:
        """What fits into the windows and as much again, to be at hand when a response comes."""
        free = sum(taker.free for taker in self.takers)
        room = free + self._window * len(self.takers) - len(self._waiting)
        allowance = self._throttle.allowance(monotonic())
        if allowance is None:
            return room
        ahead = allowance + int(self._throttle.rate * AHEAD_SECONDS)
        return min(room, max(1, ahead) - len(self._waiting))

    def _half(self) -> int:
        return max(1, self._window // 2)

    async def _next_freed(self) -> None:
        if self._freed is None or self._freed.done():
            self._freed = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._freed)

    def _come_back(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._throttle.wait_seconds(), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.pump()


def _free(taker: Taker) -> int:
    return taker.free


def _wanted(entry: Entry) -> bool:
    return not entry.batch.done.done()
