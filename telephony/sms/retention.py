"""Takes the texts out of messages that are old enough; everything else of them stays."""

from db import events, sms_velocity
from db.connection import Conn
from db.database import Database
from db.ids import first_id
from db.messages import ENDED_OR_SENT
from telephony.clock import SECOND, Instant, now
from telephony.queue import drain
from telephony.settings import Settings
from telephony.sms.velocity import KEPT_SECONDS

EVERY_SECONDS = 60.0
REDACTED_MAX = 500
DAY_MILLIS = 86_400_000


class Retention:
    """One for a process; several do no harm."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self._db = db
        self._days = settings.sms_body_days

    async def run(self) -> None:
        """Work until cancelled."""
        await drain(self._db, "sms-retention", self.step, EVERY_SECONDS)

    async def step(self) -> int:
        """Redact one batch; how many texts that were."""
        return await self._db.write(redact_old, self._days, now())


def redact_old(conn: Conn, days: int, at: Instant) -> int:
    """Empty the texts of sent and ended messages accepted, and of inbound ones received and their
    events, more than so many days ago (0: never); and forget old counts."""
    sms_velocity.forget(conn, at - KEPT_SECONDS * SECOND)
    if not days:
        return 0
    bound = first_id("msg", max(0, at // 1000 - days * DAY_MILLIS))
    sent = sms_velocity.redact(conn, "message", bound, REDACTED_MAX, ENDED_OR_SENT)
    received = sms_velocity.redact(conn, "sms_inbound", bound, REDACTED_MAX)
    events.empty(conn, "message_received", received, "text")
    return len(sent) + len(received)
