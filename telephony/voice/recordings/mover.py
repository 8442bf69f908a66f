"""Takes the audio of ended calls from the PBX's spool into the store.

The order makes it safe to die anywhere: the whole file is in the store before the database says
so, and the database says so before the spool forgets it. The key in the store comes from the
recording's id, so that whoever goes on replaces what was put before.
"""

import asyncio
import fcntl
import logging
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from db import recordings
from db.connection import Row
from db.database import Database
from telephony.clock import SECOND, now
from telephony.queue import Kick, repeat
from telephony.settings import Settings
from telephony.voice.recordings import deeds
from telephony.voice.recordings.links import Links
from telephony.voice.recordings.peaks import SAMPLE_BYTES
from telephony.voice.recordings.store import RecordingStore
from telephony.voice.recordings.wav import Wav

POLL_SECONDS = 1.0
STABLE_SECONDS = 2.0
"""The PBX closes a file a moment after its call has ended."""
MISSING_SECONDS = 30.0
"""So long after its call a file that is not there will not come."""
BATCH_MAX = 50
AT_ONCE_MAX = 2
SUFFIX = ".raw"
CHANNEL_ID = re.compile(r"[0-9a-zA-Z._-]{1,200}")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Look:
    """A file of the spool; `age_seconds` since it was last written to."""

    size: int
    age_seconds: float


def look(path: Path) -> Look | None:
    """The file as it is now, None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return Look(found.st_size, time.time() - found.st_mtime)


def spool_file(spool: Path, channel_id: str) -> Path:
    """Where the PBX writes a channel's audio; the dialplan makes the same name."""
    if not CHANNEL_ID.fullmatch(channel_id):
        raise ValueError(f"{channel_id!r} is no name for a file")
    return spool / f"{channel_id}{SUFFIX}"


def claim(path: Path) -> BinaryIO | None:
    """The file, ours until it is closed; None if another process is moving it, or has moved it."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


class Mover:
    """Serves the spool of one node."""

    def __init__(
        self, db: Database, settings: Settings, store: RecordingStore, links: Links
    ) -> None:
        self._db = db
        self._settings = settings
        self._store = store
        self._links = links
        self._slots = asyncio.Semaphore(AT_ONCE_MAX)
        self._after = ""

    async def run(self) -> None:
        """Work until cancelled."""
        await repeat("recordings", Kick(), self.step, POLL_SECONDS)

    async def step(self) -> int:
        """Move what is ready of one batch; how many were settled. The next batch begins behind
        this one, so that none that cannot be moved stops the others."""
        rows = await recordings.over(self._db, self._settings.node, self._after, BATCH_MAX)
        self._after = rows[-1]["id"] if len(rows) == BATCH_MAX else ""
        return sum(await asyncio.gather(*map(self.settle, rows)))

    async def settle(self, recording: Row) -> bool:
        """Move one if it is ready, or note that there is nothing to move; whether it is done."""
        async with self._slots:
            try:
                return await self._settle(recording)
            except Exception as error:
                log.warning("recording %s stays on the PBX for now: %r", recording["id"], error)
                return False

    async def _settle(self, recording: Row) -> bool:
        ended_seconds = (now() - recording["ended_at"]) / SECOND
        path = spool_file(self._settings.recording_spool, recording["channel_id"])
        found = await asyncio.to_thread(look, path)
        if found is None or found.size < recording["channels"] * SAMPLE_BYTES:
            return ended_seconds > MISSING_SECONDS and await self._give_up(recording, path)
        if min(found.age_seconds, ended_seconds) < STABLE_SECONDS:
            return False
        file = await asyncio.to_thread(claim, path)
        if file is None:
            return False
        with file:
            return await self._move(recording, path, found.size)

    async def _move(self, recording: Row, path: Path, size: int) -> bool:
        wav = Wav(path, recording["channels"], size)
        key = f"{recording['account_id']}/{recording['id']}.wav"
        await asyncio.to_thread(self._store.put, key, wav)
        found = await asyncio.to_thread(look, path)
        if found is None or found.size != size:
            return False  # it was not complete
        days = self._settings.recording_days
        await self._db.write(deeds.stored, recording, wav, key, self._links, days, now())
        await asyncio.to_thread(path.unlink, missing_ok=True)
        return True

    async def _give_up(self, recording: Row, path: Path) -> bool:
        log.warning("the PBX has no audio of recorded call %s", recording["call_id"])
        noted = await self._db.write(deeds.missing, recording["id"])
        await asyncio.to_thread(path.unlink, missing_ok=True)  # an empty one
        return noted
