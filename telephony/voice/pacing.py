"""How many calls an account and an API key may have at once, and how fast they may place them;
the queue is fair: nobody waits for the calls that somebody else has queued."""

from db import call_queue, pace
from db.connection import Conn
from telephony.clock import SECOND, Instant
from telephony.errors import ConcurrencyLimitError
from telephony.settings import Settings


def check_room(
    conn: Conn, settings: Settings, account_id: str, mode: str, key_id: str | None = None
) -> None:
    """Raise ConcurrencyLimitError where another call would be one too many. Racing callers of an
    account wait here for each other's transaction."""
    conn.lock(f"calls:{account_id}:{mode}")
    limits = call_queue.limits(conn, account_id, key_id)
    of_account, of_key = call_queue.open_calls(conn, account_id, mode, key_id)
    most = settings.calls_max if limits["account_max"] is None else limits["account_max"]
    if of_account >= most:
        raise _full("account", most)
    if limits["key_max"] is not None and of_key >= limits["key_max"]:
        raise _full("key", limits["key_max"])


def _full(of: str, most: int) -> ConcurrencyLimitError:
    return ConcurrencyLimitError(
        f"The {of} has {most} calls open, queued ones included, and may have no more.",
        of=of, limit=most,
    )  # fmt: skip


def take_turn(
    conn: Conn, settings: Settings, account_id: str, mode: str, key_id: str | None, at: Instant
) -> Instant:
    """When a call that is accepted now may be placed: after the calls that the account and the
    key have queued before, but before those of others, even where the node is late."""
    limits = call_queue.limits(conn, account_id, key_id)
    head = call_queue.first_due(conn)
    due = at if head is None else min(at, head)
    per_second = limits["account_pace"] or settings.calls_per_second
    due = pace.next_turn(conn, account_id, mode, due, SECOND // per_second)
    if key_id and limits["key_pace"]:
        due = pace.next_turn(conn, key_id, mode, due, SECOND // limits["key_pace"])
    return due
