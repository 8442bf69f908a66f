"""Deletes recordings whose days are over, and what a kill left behind in the spool."""

import asyncio
import logging
from collections.abc import Container
from itertools import islice
from pathlib import Path

from db import recordings
from db.connection import Row
from db.database import Database
from db.recordings import RecordingStatus
from telephony.clock import now
from telephony.queue import Kick, repeat
from telephony.settings import Settings
from telephony.voice.recordings import deeds
from telephony.voice.recordings.mover import SUFFIX, Mover, look
from telephony.voice.recordings.store import RecordingStore

EVERY_SECONDS = 60.0
BATCH_MAX = 200
LEFT_SECONDS = 600.0
"""A file of the spool is somebody's work until it has been this old."""

log = logging.getLogger(__name__)


class Sweeper:
    """Serves the store, and the spool of one node."""

    def __init__(
        self, db: Database, settings: Settings, store: RecordingStore, mover: Mover
    ) -> None:
        self._db = db
        self._spool = settings.recording_spool
        self._store = store
        self._mover = mover
        self._strangers: set[str] = set()

    async def run(self) -> None:
        """Work until cancelled."""
        await repeat("old recordings", Kick(), self.step, EVERY_SECONDS)

    async def step(self) -> int:
        """Look once at the store and at the spool; how many files are gone."""
        return await self.expire() + await self.tidy()

    async def expire(self) -> int:
        """Delete a batch from the store and note it, in this order: a kill between the two is
        mended by the next turn. How many are gone."""
        rows = await recordings.due(self._db, now(), BATCH_MAX)
        return sum([await self._delete(row) for row in rows])

    async def _delete(self, row: Row) -> bool:
        try:
            await self._store.delete(row["stored_as"])
        except Exception as error:
            log.warning("recording %s is still in the store: %r", row["id"], error)
            return False
        await self._db.write(deeds.deleted, row["id"])
        return True

    async def tidy(self) -> int:
        """Delete files whose recording is safe, or whose call was never answered, and take up
        those that came too late. How many are gone."""
        left = await asyncio.to_thread(left_behind, self._spool, self._strangers)
        known = await recordings.of_channels(self._db, left)
        return sum([await self._tidy(path, known.get(name)) for name, path in left.items()])

    async def _tidy(self, path: Path, row: Row | None) -> bool:
        found = await asyncio.to_thread(look, path)
        if row is None or (row["status"] is None and found and found.size):
            # Audio that belongs to nobody we know is not ours to delete.
            self._strangers.add(path.name)
            log.warning("%s belongs to no recorded call; it is left where it is", path)
            return False
        if row["status"] == RecordingStatus.missing:
            return await self._mover.settle(row)
        if row["ended_at"] is None or row["status"] == RecordingStatus.recording:
            return False
        await asyncio.to_thread(path.unlink, missing_ok=True)
        return True


def left_behind(spool: Path, but: Container[str]) -> dict[str, Path]:
    """A batch of old files, by the channel that they are named after; not those named in `but`."""
    files = (path for path in spool.glob(f"*{SUFFIX}") if path.name not in but)
    old = (path for path in files if _is_old(path))
    return {path.name.removesuffix(SUFFIX): path for path in islice(old, BATCH_MAX)}


def _is_old(path: Path) -> bool:
    found = look(path)
    return found is not None and found.age_seconds > LEFT_SECONDS
