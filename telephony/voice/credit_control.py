"""Lengthens answered calls slice by slice. What is paid for (`granted_seconds`) always comes
before what the PBX is told (`armed_seconds`), so no failure here ever gives unpaid talk: the
PBX cuts every call at the last limit that it knows."""

import asyncio
import logging
from collections.abc import Callable
from operator import itemgetter

from db import calls
from db.connection import Conn, Row
from db.database import Database
from telephony.clock import SECOND, Instant, now
from telephony.queue import Kick, repeat
from telephony.voice import grants
from telephony.voice.ami import AbsoluteTimeout, AmiError, AmiLink

LEAD_SECONDS = 15.0
"""How long before its end a grant is lengthened: longer than a restart of the platform takes."""
TICK_SECONDS = 0.5
AGAIN_SECONDS = 1
"""After a look that changed nothing: the PBX did not confirm, or there were no funds yet."""
PROMPT_SECONDS = 0.5
SECONDS_MIN = 0.05
"""Asterisk takes a timeout of 0 for none at all."""
BATCH_MAX = 500

log = logging.getLogger(__name__)


class CreditControl:
    """Serves one PBX node through its `calls` link. The clocks of both must agree."""

    def __init__(
        self, db: Database, link: AmiLink, node: str, slice_seconds: int,
        clock: Callable[[], Instant] = now,
    ) -> None:  # fmt: skip
        self._db = db
        self._link = link
        self._node = node
        self._slice = slice_seconds
        self._clock = clock

    async def run(self) -> None:
        """Work until cancelled."""
        await repeat("credit", Kick(), self.step, TICK_SECONDS)

    async def step(self) -> int:
        """Look once at the calls whose grant ends soon; how many the PBX was told of. Without a
        link nothing is taken: the PBX could not be told."""
        if not self._link.ready:
            return 0
        longer = await self._db.write(lengthen_due, self._node, self._slice, self._clock())
        told = await asyncio.gather(*map(self._arm, longer))
        armed = [call for call, done in zip(longer, told, strict=True) if done]
        if armed:
            await self._db.write(confirm, armed, self._slice)
        return len(armed)

    async def _arm(self, call: Row) -> bool:
        """Tell the PBX how long the call may go on; True once it has confirmed. What it was told
        late ends as much too late, so it is told again."""
        began = self._clock()
        left = (_end(call) - began) / SECOND
        if left < SECONDS_MIN:
            return False
        try:
            await self._link.action(AbsoluteTimeout(call["channel_id"], left))
        except AmiError as error:
            log.warning("call %s is not lengthened yet: %s", call["id"], error)
            return False
        return self._clock() - began < PROMPT_SECONDS * SECOND


def lengthen_due(conn: Conn, node: str, slice_seconds: int, at: Instant) -> list[Row]:
    """Pay for the next slice of every call that is due; the calls whose PBX must be told."""
    due = calls.credit_due(conn, node, at, BATCH_MAX)
    by_account = sorted(due, key=itemgetter("account_id", "id"))
    looked = [_look(conn, call, slice_seconds, at) for call in by_account]
    return [
        call for call in looked
        if call["armed_seconds"] < call["granted_seconds"] and call["extend_at"] is not None
    ]  # fmt: skip


def _look(conn: Conn, call: Row, slice_seconds: int, at: Instant) -> Row:
    """The call after this look at it."""
    facts: Row = {"extend_at": at + AGAIN_SECONDS * SECOND}
    if at >= _end(call):
        facts = {"extend_at": None}  # the PBX has cut it by now, and its record comes
    elif call["armed_seconds"] == call["granted_seconds"]:
        facts |= _next_slice(conn, call, slice_seconds, at)
    calls.change(conn, call["id"], **facts)
    return {**call, **facts}


def _next_slice(conn: Conn, call: Row, slice_seconds: int, at: Instant) -> Row:
    due_at = look_at(call, slice_seconds)
    if due_at is None or at < due_at:
        return {"extend_at": due_at}
    granted = call["granted_seconds"]
    grant = grants.lengthen(conn, grants.payer_of(call), granted, granted + slice_seconds, at)
    return {"granted_seconds": grant.seconds, "cut_cause": grant.cut_cause}


def confirm(conn: Conn, armed: list[Row], slice_seconds: int) -> None:
    """Note what the PBX has confirmed, and when each grant is to be lengthened next."""
    calls.armed(
        conn,
        [{"id": call["id"], "seconds": call["granted_seconds"],
          "extend_at": look_at(call, slice_seconds)} for call in armed],
    )  # fmt: skip


def look_at(call: Row, slice_seconds: int) -> Instant | None:
    """When a call's grant is to be lengthened, None if it has reached its limit."""
    if call["granted_seconds"] >= call["time_limit_seconds"]:
        return None
    lead = min(LEAD_SECONDS, slice_seconds / 2)
    return _end(call) - int(lead * SECOND)


def _end(call: Row) -> Instant:
    """The instant at which the paid talk time is over."""
    return int(call["answered_at"] + call["granted_seconds"] * SECOND)
