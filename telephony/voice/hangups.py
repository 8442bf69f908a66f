"""Ends calls that somebody asked to end: at once where the PBX has not been told of them, else
by hanging up their channel, again and again until their record comes."""

import asyncio
import logging

from db import calls, outgoing
from db.calls import CallStatus
from db.connection import Conn, Row
from db.database import Database
from telephony.clock import Instant
from telephony.errors import CallAlreadyEndedError, NotFoundError
from telephony.queue import drain
from telephony.voice.ami import AmiError, AmiLink, Hangup
from telephony.voice.settle import End, finish

CHANNEL = "hangups"
REQUESTED = "hangup_requested"
BY_PLATFORM = "platform_hangup"
STOPPED = "outgoing_stopped"
BATCH_MAX = 100
AGAIN_SECONDS = 1.0
"""A channel may not be there yet, or the answer to the first try was lost."""

log = logging.getLogger(__name__)


class Hangups:
    """Serves one PBX node through its `calls` link."""

    def __init__(self, db: Database, link: AmiLink, node: str) -> None:
        self._db = db
        self._link = link
        self._node = node

    async def run(self) -> None:
        """Work until cancelled."""
        await drain(self._db, CHANNEL, self.step)

    async def step(self) -> int:
        """Hang up every channel whose call is to end; 0, since each is tried once a turn."""
        if self._link.ready:
            rows = await self._db.write(calls.to_hang_up, self._node, BATCH_MAX)
            await asyncio.gather(*map(self._hang_up, rows))
        return 0

    async def _hang_up(self, call: Row) -> None:
        try:
            await self._link.action(Hangup(call["channel_id"]))
        except AmiError as error:
            log.info("call %s is not hung up yet: %s", call["id"], error)


def ask(conn: Conn, rows: list[Row], reason: str, at: Instant) -> None:
    """End these open calls, with `reason` as their hangup cause."""
    for row in rows:
        call = calls.locked(conn, row["id"])  # a queued one may have been placed since it was read
        if call["status"] == CallStatus.queued:
            finish(conn, call, End(CallStatus.canceled, reason, at))
        elif call["hangup_at"] is None:
            calls.change(conn, call["id"], hangup_at=at, hangup_reason=reason)
            calls.note(conn, call["id"], call["status"], at, reason)
    conn.wake(CHANNEL)


def hang_up(conn: Conn, account_id: str, mode: str, call_id: str, at: Instant) -> Row:
    """End a call because its customer asks; the call. NotFoundError, CallAlreadyEndedError."""
    call = calls.locked_of(conn, account_id, mode, call_id)
    if call is None:
        raise NotFoundError("There is no such call.")
    if call["status"] in calls.ENDED:
        raise CallAlreadyEndedError
    ask(conn, [call], REQUESTED, at)
    return calls.locked(conn, call_id)


def cut_outgoing(conn: Conn, at: Instant, *, queued_only: bool) -> int:
    """End live calls to the world, those that were not placed yet or all, some at a time; how
    many of them there were."""
    rows = outgoing.leaving(conn, BATCH_MAX, queued_only=queued_only)
    ask(conn, rows, STOPPED, at)
    return len(rows)


def cut(conn: Conn, call_id: str, at: Instant) -> None:
    """End a call because an administrator wants it; it must exist. CallAlreadyEndedError."""
    call = calls.locked(conn, call_id)
    if call["status"] in calls.ENDED:
        raise CallAlreadyEndedError
    ask(conn, [call], BY_PLATFORM, at)
