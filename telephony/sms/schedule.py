"""Lets scheduled messages go when their time has come, and inbound parts wait no longer."""

from db import messages, sms_accounts
from db.connection import Conn, Row
from db.database import Database
from db.message_queue import due_scheduled
from db.messages import MessageStatus
from telephony.billing import holds
from telephony.clock import Instant, now
from telephony.queue import drain
from telephony.settings import Settings
from telephony.sms.inbound import join_stale
from telephony.sms.pacing import take_turn
from telephony.sms.receipts import report
from telephony.sms.send import CHANNEL

RELEASED_MAX = 200
OPTED_OUT = "recipient_opted_out"


class Scheduler:
    """One for all providers; several do no harm."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self._db = db
        self._settings = settings

    async def run(self) -> None:
        """Work until cancelled."""
        await drain(self._db, "sms-scheduled", self.step)

    async def step(self) -> int:
        """Release what is due; how many messages that were."""
        await self._db.write(join_stale, now())
        return await self._db.write(release_due, self._settings, now())


def release_due(conn: Conn, settings: Settings, at: Instant) -> int:
    """Queue the scheduled messages that are due; who has opted out since gets none, for free."""
    found = due_scheduled(conn, at, RELEASED_MAX)
    for message in found:
        if _opted_out(conn, message):
            _refuse(conn, message, at)
        else:
            due = _turn(conn, settings, message, at)
            messages.go(conn, message["id"], MessageStatus.queued, at, next_attempt_at=due)
    if found:
        conn.wake(CHANNEL)
    return len(found)


def _turn(conn: Conn, settings: Settings, message: Row, at: Instant) -> Instant:
    own = sms_accounts.settings_of(conn, message["account_id"]) or {}
    return take_turn(conn, settings, message, own.get("per_second"), at)


def _opted_out(conn: Conn, message: Row) -> bool:
    return sms_accounts.opted_out(
        conn, message["account_id"], message["mode"], message["from_number"], message["to_number"]
    )


def _refuse(conn: Conn, message: Row, at: Instant) -> None:
    row = messages.go(
        conn, message["id"], MessageStatus.failed, at, OPTED_OUT, error_code=OPTED_OUT, cost=0
    )
    if row:
        holds.release(conn, message["id"], message["mode"], at)
        report(conn, [row], at)
