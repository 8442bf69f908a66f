"""The worker behind the log of events: replays in the background, and what is old enough."""

import asyncio

from db import events, notices, webhook_endpoints
from db.connection import Conn
from db.database import Database
from telephony.clock import SECOND, Instant, now
from telephony.queue import drain
from telephony.settings import Settings
from telephony.webhooks import replay
from telephony.webhooks.endpoints import REPLAYS

SWEPT_MAX = 500
SWEEP_EVERY = 60 * SECOND
SWEEP_PAUSE_SECONDS = 0.1
"""After each batch, so that others write in between however much is old."""


class Housekeeping:
    """One for a process; several share the work."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self._db = db
        self._days = settings.webhook_days
        self._swept_at: Instant = 0

    async def run(self) -> None:
        """Work until cancelled."""
        await drain(self._db, REPLAYS, self.step)

    async def step(self) -> int:
        """One batch of a replay, and now and then of the sweep; how much was done."""
        waiting = await webhook_endpoints.any_replay(self._db)
        done = await self._db.write(replay.step, now()) if waiting else 0
        if now() - self._swept_at < SWEEP_EVERY:
            return done
        swept = await self._db.write(sweep, self._days, now())
        if swept:
            await asyncio.sleep(SWEEP_PAUSE_SECONDS)
        else:
            self._swept_at = now()
        return done + swept


def sweep(conn: Conn, days: int, at: Instant) -> int:
    """Forget events from more than so many days ago (0: none), then deleted endpoints and notices
    of that age; and secrets that sign no longer. How many events."""
    webhook_endpoints.forget_secrets(conn, at)
    if not days:
        return 0
    before = at - days * 86_400 * SECOND
    if swept := events.sweep(conn, before, SWEPT_MAX):
        return swept
    webhook_endpoints.forget_deleted(conn, before, SWEPT_MAX)
    notices.forget(conn, before, SWEPT_MAX)
    return 0
