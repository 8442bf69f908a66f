"""The kill switch: live traffic that leaves for the world is refused, and what is queued waits.
Whatever sends or places asks in its own transaction, so that the switch counts at once in every
process; a transaction asks once."""

from db import outgoing
from db.connection import Conn
from db.outgoing import Outgoing
from telephony import audit
from telephony.audit import Actor
from telephony.clock import Instant
from telephony.errors import OutgoingStoppedError

MEMO = "outgoing"


def is_stopped(conn: Conn, kind: Outgoing) -> bool:
    """Whether nothing of that kind may leave."""
    if MEMO not in conn.memo:
        conn.memo[MEMO] = {row["kind"] for row in outgoing.stopped(conn)}
    return kind in conn.memo[MEMO]


def check(conn: Conn, kind: Outgoing, mode: str) -> None:
    """Raise OutgoingStoppedError where live traffic of that kind is stopped; play money never
    leaves the platform."""
    if mode == "live" and is_stopped(conn, kind):
        raise OutgoingStoppedError


def stop(conn: Conn, actor: Actor, now: Instant, kind: str, reason: str) -> bool:
    """Stop a kind; False if it was stopped before."""
    known = Outgoing(kind)
    if not outgoing.stop(conn, known, reason, actor.name, now):
        return False
    conn.memo.pop(MEMO, None)
    audit.record(conn, actor, "outgoing.stopped", known, now, after={"reason": reason})
    return True


def resume(conn: Conn, actor: Actor, now: Instant, kind: str) -> bool:
    """Let a kind leave again; False if it was not stopped."""
    known = Outgoing(kind)
    if not outgoing.resume(conn, known):
        return False
    conn.memo.pop(MEMO, None)
    audit.record(conn, actor, "outgoing.resumed", known, now)
    return True
