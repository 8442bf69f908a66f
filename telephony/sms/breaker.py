"""Rests a provider that fails again and again, so that its messages go another way meanwhile."""

from collections.abc import Sequence

from telephony.clock import SECOND, Instant
from telephony.sms.providers.base import Outcome, ProviderError

FAILURES_MAX = 5
REST_SECONDS_MIN = 5
REST_SECONDS_MAX = 60


class Breaker:
    """Opens after so many batches in a row of which nothing came, and lets one try after a rest,
    which doubles while the tries fail."""

    def __init__(self) -> None:
        self._failures = 0
        self._rest_until: Instant = 0

    def resting(self, at: Instant) -> bool:
        """True while nothing should be submitted."""
        return at < self._rest_until

    def note(self, outcomes: Sequence[Outcome], at: Instant) -> None:
        """Learn from the outcomes of a batch. Refusals are answers, and throttling is the
        provider's own brake: both show that it works."""
        if not all(map(_failed, outcomes)):
            self._failures = 0
            return
        self._failures += 1
        over = self._failures - FAILURES_MAX
        if over >= 0:
            seconds = min(REST_SECONDS_MIN << min(over, 10), REST_SECONDS_MAX)
            self._rest_until = at + seconds * SECOND


def _failed(outcome: Outcome) -> bool:
    return isinstance(outcome, ProviderError) and (
        outcome.outcome_unknown or (outcome.retryable and not outcome.throttled)
    )
