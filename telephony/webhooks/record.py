"""Keeps what came of attempts: the log, what follows each, and endpoints that fail for good."""

from collections.abc import Callable

from db import deliveries, notices, webhook_endpoints
from db.connection import Conn, Row
from telephony.clock import SECOND, Instant
from telephony.webhooks.attempt import Attempt
from telephony.webhooks.events import CHANNEL
from telephony.webhooks.retries import GONE, verdict

FAILING_DAYS_MAX = 3
FAILING_MAX = FAILING_DAYS_MAX * 24 * 3600 * SECOND
DISABLED = "webhook_disabled"
BECAUSE = {
    "gone": "it answered 410 (Gone)",
    "failing": f"nothing but failures came back for {FAILING_DAYS_MAX} days",
}

Outcome = tuple[Row, Attempt]


def record(conn: Conn, batch: list[Outcome], jitter: Callable[[float], float]) -> None:
    """Keep attempts and what follows each; one whose lease another worker has taken meanwhile is
    left to that worker."""
    ours = deliveries.leased(conn, {row["id"]: row["lease_token"] for row, _ in batch})
    kept = [(row, attempt) for row, attempt in batch if row["id"] in ours]
    if kept:
        deliveries.attempted(conn, [_what_follows(row, attempt, jitter) for row, attempt in kept])
        _judge(conn, [one for one in kept if one[0]["endpoint_id"]])


def give_back(conn: Conn, held: list[Row], now: Instant) -> None:
    """Leave deliveries without an outcome to another worker, which takes them at once."""
    deliveries.give_back(conn, held, now)
    conn.wake(CHANNEL)


def _what_follows(row: Row, attempt: Attempt, jitter: Callable[[float], float]) -> Row:
    number = row["attempts"] + 1
    state, wait = verdict(
        attempt.status_code, number - row["schedule_from"], attempt.retry_after_seconds, jitter
    )
    return {
        "delivery_id": row["id"], "number": number, "state": state,
        "next_at": attempt.at + attempt.latency_us + int(wait * SECOND),
        "at": attempt.at, "latency_us": attempt.latency_us, "status_code": attempt.status_code,
        "error": attempt.error, "reply": attempt.reply,
    }  # fmt: skip


def _judge(conn: Conn, outcomes: list[Outcome]) -> None:
    """Each in the order of their names, so that two workers do not wait for each other."""
    well = sorted({row["endpoint_id"] for row, attempt in outcomes if attempt.accepted})
    gone = {row["endpoint_id"] for row, attempt in outcomes if attempt.status_code == GONE}
    failing = {row["endpoint_id"]: attempt.at for row, attempt in outcomes if not attempt.accepted}
    if well:
        webhook_endpoints.succeeded(conn, well)
    for endpoint_id, at in sorted(failing.items()):
        if endpoint_id in gone or endpoint_id not in well:
            _fail(conn, endpoint_id, "gone" if endpoint_id in gone else "failing", at)


def _fail(conn: Conn, endpoint_id: str, because: str, at: Instant) -> None:
    for endpoint in webhook_endpoints.failed(conn, [endpoint_id], at):
        if because == "gone" or endpoint["failing_since"] <= at - FAILING_MAX:
            disable(conn, endpoint, because, at)


def disable(conn: Conn, endpoint: Row, because: str, at: Instant) -> None:
    """Send no more to an endpoint, and tell its account why; what waits for it stays."""
    if webhook_endpoints.disable(conn, endpoint["id"], because, at):
        notices.add(conn, endpoint["account_id"], endpoint["mode"], DISABLED, endpoint["id"],
                    notice(endpoint["url"], because), at)  # fmt: skip


def notice(url: str, because: str) -> str:
    """A sentence for whoever runs the endpoint."""
    return (
        f"The webhook endpoint {url} was disabled: {BECAUSE[because]}."
        " Mend it and enable it again: what is pending then goes on."
    )
