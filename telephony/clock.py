"""The one source of time: integer microseconds since 1970 in UTC, here called an instant."""

import time
from datetime import UTC, datetime

SECOND = 1_000_000
Instant = int


def now() -> Instant:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


def rfc3339(instant: Instant) -> str:
    """`2026-01-12T20:15:00Z`, with milliseconds only where they are not zero."""
    moment = datetime.fromtimestamp(instant // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    millis = instant % SECOND // 1000
    return f"{moment}.{millis:03d}Z" if millis else f"{moment}Z"


def from_epoch(seconds: str) -> Instant:
    """An instant from Asterisk's `1728000000.123456`, exact to the microsecond."""
    whole, _, fraction = seconds.partition(".")
    return int(whole) * SECOND + int(fraction[:6].ljust(6, "0") or 0)
