"""Keeps what was asked of the API: gathered in memory, written in batches, forgotten after days."""

import asyncio
import logging
from collections import deque
from typing import Any

from db import request_log
from db.connection import Reader, Row
from db.database import Database
from db.ids import new_id
from telephony.clock import SECOND, Instant, now
from telephony.queue import Kick, repeat
from telephony.settings import Settings

EVERY_SECONDS = 1.0
BATCH_MAX = 500
WAITING_MAX = 20_000
"""In memory; where the database does not keep up, the oldest are dropped."""
SWEEP_SECONDS = 60.0
SWEPT_MAX = 2_000
FOUND_MAX = 50
DAY = 24 * 3600 * SECOND

log = logging.getLogger(__name__)


class RequestRecorder:
    """One for each API process. `note` costs a request next to nothing."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self._db = db
        self._days = settings.request_log_days
        self._waiting: deque[dict[str, Any]] = deque(maxlen=WAITING_MAX)

    def note(self, at: Instant, **facts: Any) -> None:
        """Remember a request, by the columns of the log; not where nothing is kept."""
        if self._days:
            self._waiting.append({"id": new_id(request_log.PREFIX), "at": at, **facts})

    async def run(self) -> None:
        """Write and sweep until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(repeat("request log", Kick(), self.flush, EVERY_SECONDS))
            group.create_task(repeat("old requests", Kick(), self.sweep, SWEEP_SECONDS))

    async def flush(self) -> int:
        """Write some of what waits; how many are left. What is not written is lost: the log must
        not take the room of what it tells of."""
        size = min(BATCH_MAX, len(self._waiting))
        if batch := [self._waiting.popleft() for _ in range(size)]:
            await self._db.write(request_log.add_all, batch)
        return len(self._waiting)

    async def finish(self) -> None:
        """Write all that waits; the process ends."""
        while await self.flush():
            pass

    async def sweep(self) -> int:
        """Forget some of what is old enough; how many."""
        return await self._db.write(request_log.sweep, now() - self._days * DAY, SWEPT_MAX)


async def look_up(reader: Reader, request_id: str, account_id: str | None = None) -> list[Row]:
    """What is known of a request id: each request with it, the newest first, and the ids of the
    messages and calls that it `made`. A customer's own only, or anybody's for an admin."""
    rows = await request_log.find(reader, request_id, account_id, FOUND_MAX)
    return [row | {"made": await request_log.made(reader, row, FOUND_MAX)} for row in rows]
