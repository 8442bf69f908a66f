"""Recorded calls for tests: their rows, the audio that the PBX would have left, and what is heard
in it."""

import array
import asyncio
import io
import math
import os
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from db.calls import CallStatus
from db.connection import Conn, Row
from db.database import Database
from telephony.clock import SECOND, now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice import settle
from telephony.voice.recordings.links import Links
from telephony.voice.recordings.mover import Mover
from telephony.voice.recordings.store import RecordingStore, open_store
from telephony.voice.recordings.wav import RATE
from tests.factories import Customer
from tests.patience import PATIENCE_SECONDS
from tests.voice.calling import VAULT, call, dialing, placed

LEFT_HZ, RIGHT_HZ = 440, 1004
LOUD = 2000
"""Amplitude of a tone in 16 bits that nothing but that tone reaches."""


async def over(
    database: Database, who: Customer, record: str | None = "stereo", *,
    ended_seconds_ago: float = 3600, cause: str = "normal_clearing", node: str = "pbx1",
    **wish: Any,
) -> Row:  # fmt: skip
    """An answered call that has ended; its row."""
    ended_at = now() - int(ended_seconds_ago * SECOND)
    began = ended_at - 5 * SECOND
    done = await placed(database, who, at=began, record=record, **wish)
    row = await dialing(database, done.call_id, began, node)
    end = settle.End(CallStatus.completed, cause, ended_at, began + SECOND)
    assert await database.write(settle.finish, row, end)
    return await call(database, done.call_id)


async def recording_of(database: Database, call_id: str) -> Row | None:
    """The row of a call's recording."""
    return await database.one("SELECT * FROM recording WHERE call_id = :id", id=call_id)


async def change_recording(database: Database, recording_id: str, **facts: Any) -> None:
    """Set columns, whatever the state."""

    def deed(conn: Conn) -> None:
        sets = ", ".join(f"{column} = :{column}" for column in facts)
        conn.run(f"UPDATE recording SET {sets} WHERE id = :id", id=recording_id, **facts)

    await database.write(deed)


def folder_settings(folder: Path, **changes: Any) -> Settings:
    """Settings with a spool and a store below a folder."""
    settings = Settings(var_dir=folder, **changes)
    settings.recording_spool.mkdir(parents=True, exist_ok=True)
    return settings


def mover(
    database: Database, settings: Settings, store: RecordingStore | None = None,
    vault: Vault = VAULT,
) -> Mover:  # fmt: skip
    links = Links(settings, vault)
    return Mover(database, settings, store or open_store(settings), links)


def spool(settings: Settings, row: Row, audio: bytes, age_seconds: float = 60) -> Path:
    """What the PBX leaves of a call, written to for the last time so long ago."""
    path = settings.recording_spool / f"{row['channel_id']}.raw"
    path.write_bytes(audio)
    at = time.time() - age_seconds
    os.utime(path, (at, at))
    return path


def stored_files(settings: Settings) -> list[Path]:
    """Every file of the store, whole or half."""
    return sorted(path for path in settings.recordings_folder.rglob("*") if path.is_file())


def tones(seconds: float, *pitches: float) -> bytes:
    """Raw audio of a channel per pitch, as the PBX writes it."""
    samples = array.array("h")
    for at in range(int(seconds * RATE)):
        samples.extend(int(8000 * math.sin(2 * math.pi * hz * at / RATE)) for hz in pitches)
    return samples.tobytes()


def channels(wav: bytes) -> list[list[int]]:
    """The samples of each channel of a WAV; whatever is not 16 bits at 8 kHz is an error."""
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getframerate(), file.getsampwidth()) == (RATE, 2)
        count, audio = file.getnchannels(), file.readframes(file.getnframes())
        assert len(audio) == file.getnframes() * 2 * count, "the header promises more"
    samples = array.array("h", audio)
    return [list(samples[channel::count]) for channel in range(count)]


def hears(samples: list[int], hz: float) -> bool:
    """Whether the tone is loud in some half second of these samples."""
    return any(_amplitude(part, hz) > LOUD for part in _halves(samples))


def _halves(samples: list[int]) -> Iterator[list[int]]:
    half = RATE // 2
    for at in range(0, len(samples) - half + 1, half):
        yield samples[at : at + half]


def _amplitude(samples: list[int], hz: float) -> float:
    turn = 2 * math.pi * hz / RATE
    real = sum(value * math.cos(turn * at) for at, value in enumerate(samples))
    imaginary = sum(value * math.sin(turn * at) for at, value in enumerate(samples))
    return 2 * math.hypot(real, imaginary) / len(samples)


async def becomes(
    database: Database, call_id: str, status: str, seconds: float = PATIENCE_SECONDS
) -> Row:
    """Wait until a call's recording has the status; its row."""
    async with asyncio.timeout(seconds):
        while (row := await recording_of(database, call_id)) is None or row["status"] != status:
            await asyncio.sleep(0.05)
    return row
