"""Guards against floods: of one recipient, of one range of numbers (pumping), by one account."""

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


def check(
    conn: Conn, settings: Settings, account_id: str, mode: str, to: str, per_minute: int | None,
    now: Instant,
) -> None:  # fmt: skip
    """Count a message; raises RateLimitedError, which names what was flooded."""
    who = f"{account_id}:{mode}"
    account = settings.sms_account_per_minute if per_minute is None else per_minute
    for guard in (
        Guard("recipient", f"{who}:{to}", settings.sms_recipient_per_hour, HOUR),
        Guard("range", f"{who}:{to[:-RANGE_DIGITS]}…", settings.sms_range_per_hour, HOUR),
        Guard("account", who, account, MINUTE),
    ):
        if guard.limit:
            _count(conn, guard, now)


def _count(conn: Conn, guard: Guard, now: Instant) -> None:
    window = guard.seconds * SECOND
    if sms_velocity.count(conn, guard.subject, now - now % window) > guard.limit:
        period = "minute" if guard.seconds == MINUTE else "hour"
        raise RateLimitedError(
            f"This {guard.of} gets at most {guard.limit} messages a {period}."
            if guard.of != "account" else f"The account sends at most {guard.limit} a {period}.",
            of=guard.of, limit=guard.limit,
            retry_after_seconds=-(-(window - now % window) // SECOND),  # the next whole second
        )  # fmt: skip
