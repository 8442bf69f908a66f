"""Guards against floods: of one recipient, of one range of numbers (pumping), by one account."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from db import sms_velocity
from db.connection import Conn
from telephony.clock import SECOND, Instant
from telephony.errors import RateLimitedError
from telephony.settings import Settings

MINUTE, HOUR = 60, 3600
RANGE_DIGITS = 4
"""Numbers that differ in their last digits only are one range."""
KEPT_SECONDS = 2 * HOUR


@dataclass(frozen=True)
class Guard:
    """At most `limit` messages in each of the platform's minutes or hours; 0: no limit."""

    of: str
    subject: str
    limit: int
    seconds: int


@dataclass(frozen=True)
class Velocity:
    """Whose messages are counted, and when."""

    settings: Settings
    account_id: str
    mode: str
    per_minute: int | None
    now: Instant

    def screen(self, conn: Conn, numbers: Sequence[str]) -> dict[int, RateLimitedError]:
        """Count a message to each number; which of them, by place, are refused, and why. A refused
        one is not counted."""
        guards = [self._guards(to) for to in numbers]
        wanted = Counter(self._window(guard) for each in guards for guard in each)
        counts = sms_velocity.count(conn, wanted)
        if not any(self._reached(each, counts) for each in guards):
            return {}
        sms_velocity.take_back(conn, wanted)
        found = {at: self._one(conn, each) for at, each in enumerate(guards)}
        return {at: error for at, error in found.items() if error}

    def take_back(self, conn: Conn, numbers: Sequence[str]) -> None:
        """Count the messages no longer: they were refused for something else."""
        windows = [self._window(guard) for to in numbers for guard in self._guards(to)]
        sms_velocity.take_back(conn, Counter(windows))

    def _one(self, conn: Conn, guards: Sequence[Guard]) -> RateLimitedError | None:
        wanted = Counter(map(self._window, guards))
        reached = self._reached(guards, sms_velocity.count(conn, wanted))
        if reached is None:
            return None
        sms_velocity.take_back(conn, wanted)
        return self._error(reached)

    def _guards(self, to: str) -> list[Guard]:
        who, settings = f"{self.account_id}:{self.mode}", self.settings
        account = settings.sms_account_per_minute if self.per_minute is None else self.per_minute
        limits = ((settings.sms_recipient_per_hour, "recipient", f"{who}:{to}", HOUR),
                  (settings.sms_range_per_hour, "range", f"{who}:{to[:-RANGE_DIGITS]}…", HOUR),
                  (account, "account", who, MINUTE))  # fmt: skip
        return [Guard(of, subject, limit, per) for limit, of, subject, per in limits if limit]

    def _window(self, guard: Guard) -> sms_velocity.Window:
        return guard.subject, self.now - self.now % (guard.seconds * SECOND)

    def _reached(
        self, guards: Sequence[Guard], counts: Mapping[sms_velocity.Window, int]
    ) -> Guard | None:
        """The first guard that has counted more than its limit."""
        over = (guard for guard in guards if counts[self._window(guard)] > guard.limit)
        return next(over, None)

    def _error(self, guard: Guard) -> RateLimitedError:
        window = guard.seconds * SECOND
        period = "minute" if guard.seconds == MINUTE else "hour"
        return RateLimitedError(
            f"This {guard.of} gets at most {guard.limit} messages a {period}."
            if guard.of != "account" else f"The account sends at most {guard.limit} a {period}.",
            of=guard.of, limit=guard.limit,
            retry_after_seconds=-(-(window - self.now % window) // SECOND),  # the next whole second
        )  # fmt: skip
