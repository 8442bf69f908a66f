"""What follows an attempt: the schedule as data, and the one decision that reads it."""

from collections.abc import Callable
from typing import Literal

State = Literal["pending", "delivered", "failed"]

MINUTE = 60
HOUR = 60 * MINUTE
RETRY_SECONDS = (5, 30, 2 * MINUTE, 10 * MINUTE, HOUR, 3 * HOUR, 8 * HOUR, 24 * HOUR)
RETRY_AFTER_SECONDS_MAX = 24 * HOUR
GONE = 410


def verdict(
    status_code: int | None, number: int, retry_after_seconds: float,
    jitter: Callable[[float], float],
) -> tuple[State, float]:  # fmt: skip
    """The state after attempt `number` (from 1), and the seconds until the next attempt.
    A Retry-After can put the next attempt off, up to a day, but never bring it forward."""
    if status_code is not None and 200 <= status_code < 300:
        return "delivered", 0
    if status_code == GONE or number > len(RETRY_SECONDS):
        return "failed", 0
    asked = min(retry_after_seconds, RETRY_AFTER_SECONDS_MAX)
    return "pending", max(jitter(RETRY_SECONDS[number - 1]), asked)
