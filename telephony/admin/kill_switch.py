"""Stopping what leaves for the world, with what is on its way already."""

from db.connection import Conn
from db.database import Database
from db.outgoing import Outgoing
from telephony import outgoing
from telephony.admin.rights import reason_of
from telephony.audit import Actor
from telephony.clock import Instant
from telephony.voice import hangups


def stop(
    conn: Conn, actor: Actor, now: Instant, kind: str, reason: str, hang_up: bool = False
) -> bool:
    """Stop a kind; False if it was stopped before. Of calls, those that wait are canceled, and
    with `hang_up` those under way are hung up: the first ones here, the others by `finish`."""
    stopped = outgoing.stop(conn, actor, now, kind, reason_of(reason))
    if kind == Outgoing.calls:
        hangups.cut_outgoing(conn, now, queued_only=not hang_up)
    return stopped


async def finish(db: Database, now: Instant, hang_up: bool) -> None:
    """The calls that `stop` has left, some at a time, so that nobody waits for all of them."""
    while await db.write(hangups.cut_outgoing, now, queued_only=not hang_up):
        pass
