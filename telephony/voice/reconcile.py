"""Compares open calls with the channels that really exist: no call stays open for ever, and no
channel lives that belongs to none."""

import logging

from db import call_queue, calls
from db.calls import CallStatus
from db.connection import Conn, Row
from db.database import Database
from telephony.clock import SECOND, Instant, from_epoch, now
from telephony.queue import Kick, repeat
from telephony.voice.ami import AmiError, AmiEvent, AmiLink, AnsweredAt, CoreShowChannels
from telephony.voice.cdrs import CdrTail
from telephony.voice.settle import End, answered, finish
from telephony.voice.strangers import Strangers

EVERY_SECONDS = 5.0
GRACE_SECONDS = 5
"""A call this young may have been asked for and have no channel yet."""
RECORD_SECONDS = 3
"""A busy PBX writes the record of a call some time after its channel is gone."""
QUEUED_SECONDS_MAX = 60
"""Nobody wants a call that starts a minute late."""

log = logging.getLogger(__name__)


class Reconciler:
    """Looks after one node: signs of life, lost calls, unknown channels, calls that waited too
    long. It looks at every reconnect as well."""

    def __init__(self, db: Database, link: AmiLink, tail: CdrTail, node: str) -> None:
        self.look = Kick()
        self._db = db
        self._link = link
        self._tail = tail
        self._node = node
        self._strangers = Strangers(db, link)
        self._missed: dict[str, Instant] = {}
        """Since when the channels of open calls have been gone."""

    async def run(self) -> None:
        """Work until cancelled; looks when kicked and every few seconds."""
        await repeat("reconcile", self.look, self.step, EVERY_SECONDS)

    async def step(self) -> int:
        """Look once. The file is read after the channels, so that a call which ended by itself
        in between is ended by its record."""
        await self._db.write(give_up_waiting, now())
        if not self._link.ready:
            return 0
        suspects = await self._db.write(calls.on_node, self._node)
        channels = await self._link.action(CoreShowChannels())
        if suspects:
            alive = {one.fields[name] for one in channels for name in ("uniqueid", "linkedid")}
            await self._hear_answers(suspects, channels)
            await self._tail.catch_up()
            sure = self._sure(suspects, alive, now())
            await self._db.write(settle_lost, sure, alive, now())
        await self._strangers.look(channels, now())
        return 0

    def _sure(self, suspects: list[Row], alive: set[str], at: Instant) -> list[Row]:
        """The calls without those whose channel may have gone this moment."""
        gone = {call["channel_id"] for call in suspects} - alive
        self._missed = {one: self._missed.get(one, at) for one in gone}
        recent = at - RECORD_SECONDS * SECOND
        return [call for call in suspects if self._missed.get(call["channel_id"], 0) <= recent]

    async def _hear_answers(self, suspects: list[Row], channels: list[AmiEvent]) -> None:
        """Calls that were answered while nobody listened: without this none would be lengthened."""
        talking = {one.fields["uniqueid"] for one in channels if one.fields.get("bridgeid")}
        for call in suspects:
            if call["answered_at"] is None and call["channel_id"] in talking:
                await self._hear_answer(call)

    async def _hear_answer(self, call: Row) -> None:
        try:
            fields = await self._link.action(AnsweredAt(call["channel_id"]))
        except AmiError as error:
            log.warning("when %s was answered is not known yet: %s", call["id"], error)
            return
        if at := fields.get("value"):
            await self._db.write(answered, call, from_epoch(at))


def settle_lost(conn: Conn, suspects: list[Row], alive: set[str], at: Instant) -> None:
    """Note who lives; end, once, the calls whose channel vanished without a record."""
    seen = [call["channel_id"] for call in suspects if call["channel_id"] in alive]
    calls.seen(conn, seen, at)
    for suspect in suspects:
        if suspect["channel_id"] in alive or _young(suspect, at):
            continue
        call = calls.by_channel(conn, suspect["channel_id"])
        if call and finish(conn, call, lost(call)):
            log.warning("call %s vanished from the PBX; closed as pbx_lost", call["id"])


def _young(call: Row, at: Instant) -> bool:
    return bool(call["started_at"] > at - GRACE_SECONDS * SECOND)


def lost(call: Row) -> End:
    """A call without a record lasted until its last sign of life: never a second too much."""
    answered_at = call["answered_at"]
    ended_at = max(call["last_seen_at"], answered_at or 0)
    status = CallStatus.completed if answered_at else CallStatus.failed
    return End(status, "pbx_lost", ended_at, answered_at)


def give_up_waiting(conn: Conn, at: Instant) -> None:
    """Fail calls that no PBX took in time; they cost nothing."""
    for call in call_queue.queued_before(conn, at - QUEUED_SECONDS_MAX * SECOND):
        finish(conn, call, End(CallStatus.failed, "pbx_unavailable", at))
