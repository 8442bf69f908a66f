"""Keeps the index of the lists of calls and messages: what is new, and after an upgrade all that
was there before, a little at a time. Until a row is in the index its list compares it itself."""

import asyncio
import logging
import time

from db import search
from db.database import Database
from db.ids import first_id, millis_of
from db.search import Listed
from db.searched import LISTS
from telephony.clock import now, rfc3339
from telephony.queue import Kick, repeat

EVERY_SECONDS = 5.0
SETTLING_MILLIS = 60_000
"""By then a row with an id of that instant has been committed, or is added as a latecomer."""
ROWS_PER_DEED = 8 * search.ROWS_PER_BLOCK
SAY_SECONDS = 10.0
FAR_BEHIND_MILLIS = 3_600_000

log = logging.getLogger(__name__)


class SearchIndex:
    """One may work in each process: they take turns."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._said = 0.0

    async def run(self) -> None:
        """Work until cancelled."""
        await repeat("search index", Kick(), self.step, EVERY_SECONDS)

    async def step(self) -> int:
        """Put the next rows of each list into blocks; how many lists had some."""
        return sum([await self._extend(listed) for listed in LISTS])

    async def _extend(self, listed: Listed) -> bool:
        millis = now() // 1000 - SETTLING_MILLIS
        before, began = first_id(listed.prefix, millis), time.monotonic()
        last = await self._db.write(search.build, listed, before, ROWS_PER_DEED)
        if last is None:
            return False
        self._say(listed, millis_of(last), millis)
        # As long as it worked: what is old may wait for what is new.
        await asyncio.sleep(time.monotonic() - began)
        return True

    def _say(self, listed: Listed, reached: int, millis: int) -> None:
        if millis - reached < FAR_BEHIND_MILLIS or time.monotonic() < self._said + SAY_SECONDS:
            return
        self._said = time.monotonic()
        log.info("the search index of %s has reached %s", listed.table, rfc3339(reached * 1000))
