"""How fast one provider is sent to: a token bucket whose rate gives way when the SMSC says so.

Additive increase, multiplicative decrease (as TCP): halved when throttled, then raised by a tenth
of that each second. Other providers have their own.
"""

import math

BURST_SECONDS = 0.1
ROUND_SECONDS = 1.0  # all throttled answers of one round are one sign
RATE_MIN = 1.0
DECREASE = 0.5
INCREASE_PER_SECOND = 0.1
FREE_AGAIN = 10  # times the halved rate: where no limit is set, there is none from here on


class Throttle:
    """Times are of one monotonic clock, in seconds; `ceiling` is in submit_sm per second."""

    def __init__(self, ceiling: float | None, now: float) -> None:
        self._ceiling = ceiling or math.inf
        self.rate = self._ceiling
        self._tokens = 1.0 if ceiling else math.inf
        self._at = now
        self._halved = math.inf  # the rate after the last halving
        self._halved_at = -math.inf
        self._round_at = now
        self._round = 0  # taken in the round that runs
        self._last_round = 0.0  # taken per second in the one before

    def allowance(self, now: float) -> int | None:
        """How many may go now; None: no limit."""
        self._refill(now)
        return None if math.isinf(self.rate) else int(self._tokens)

    def took(self, count: int, now: float) -> None:
        """So many go."""
        self._tokens -= count
        elapsed = now - self._round_at
        if elapsed >= ROUND_SECONDS:
            self._last_round = self._round / elapsed
            self._round_at, self._round = now, 0
        self._round += count

    def wait_seconds(self) -> float:
        """Until one more may go."""
        return max(0.0, (1 - self._tokens) / self.rate)

    def throttled(self, now: float) -> None:
        """The SMSC said that it is too fast."""
        if now - self._halved_at < ROUND_SECONDS:
            return
        seen = max(self._last_round, self._round / max(now - self._round_at, ROUND_SECONDS))
        self.rate = max(RATE_MIN, min(self.rate, seen) * DECREASE)
        self._halved, self._halved_at = self.rate, now
        self._tokens = 0.0
        self._at = now

    def _refill(self, now: float) -> None:
        elapsed, self._at = now - self._at, now
        if now - self._halved_at >= ROUND_SECONDS and self.rate < self._ceiling:
            self.rate += elapsed * self._halved * INCREASE_PER_SECOND
            if self.rate >= min(self._ceiling, self._halved * FREE_AGAIN):
                self.rate = self._ceiling
        if math.isinf(self.rate):
            self._tokens = math.inf
            return
        burst = max(1.0, self.rate * BURST_SECONDS)
        self._tokens = min(self._tokens + elapsed * self.rate, burst)
