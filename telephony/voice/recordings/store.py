"""Where recordings are kept: a folder of this machine, or a bucket that speaks S3."""

import asyncio
import os
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, Protocol

from telephony.settings import Settings
from telephony.voice.recordings.wav import Wav

READ_BYTES = 1 << 16
NOTHING = "no-such-recording"
BUCKET = "telephony.voice.recordings.bucket"
"""Its library is loaded where a bucket is set, and takes no memory elsewhere."""


class RecordingStore(Protocol):
    """Keeps WAV files by key; one that is put again replaces the former."""

    def put(self, key: str, wav: Wav) -> None:
        """Keep it for good, or raise and keep nothing; blocks, so call it in a thread."""

    async def read(self, key: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """Bytes from `start` until before `stop`; FileNotFoundError where there is no such key,
        another OSError where the store does not answer."""

    async def delete(self, key: str) -> None:
        """Delete it; nothing to delete is well."""


def open_store(settings: Settings) -> RecordingStore:
    """The store of the settings; it connects to nothing yet."""
    if settings.recordings_bucket:
        in_bucket: RecordingStore = import_module(BUCKET).S3Recordings(settings)
        return in_bucket
    return FolderRecordings(settings.recordings_folder)


async def why_not(settings: Settings) -> str:
    """Why the store cannot be read, empty if it can: asks for what is not there."""
    try:
        await open_store(settings).read(NOTHING, 0, 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return str(error).partition("\n")[0]
    return ""


class FolderRecordings:
    """Files below a folder, on disk before `put` returns."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, key: str, wav: Wav) -> None:
        """Replaces in one step: a reader sees the whole file or none."""
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_name(f"{path.name}.part")
        with half.open("wb") as file:
            file.writelines(wav)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
        _sync_folder(path.parent)

    async def read(self, key: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """Opens at once, reads as it is asked."""
        file = await asyncio.to_thread((self._folder / key).open, "rb")
        return _slices(file, start, stop)

    async def delete(self, key: str) -> None:
        """Unlinks it."""
        await asyncio.to_thread((self._folder / key).unlink, missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """A renamed file outlives a power cut only if its folder is on disk as well."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _slices(file: BinaryIO, start: int, stop: int) -> AsyncIterator[bytes]:
    with file:
        file.seek(start)
        while start < stop:
            chunk = await asyncio.to_thread(file.read, min(READ_BYTES, stop - start))
            if not chunk:
                raise OSError("a recording is shorter than it was when it was stored")
            start += len(chunk)
            yield chunk
