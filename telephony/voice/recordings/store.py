"""Where recordings are kept: a folder of this machine, or a bucket that speaks S3."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Protocol

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from telephony.settings import Settings
from telephony.voice.recordings.wav import Wav

READ_BYTES = 1 << 16
RANGE_BYTES = 1 << 20
PART_BYTES = 5 << 20
"""The least that S3 takes as a part; what is shorter goes out in one request."""
PARTS_AT_ONCE = 2
NOTHING = "no-such-recording"
REQUEST_SECONDS_MAX = 30
RETRIES_MAX = 2


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
        return S3Recordings(settings)
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


class S3Recordings:
    """Objects of a bucket, through obstore."""

    def __init__(self, settings: Settings) -> None:
        endpoint = settings.recordings_endpoint
        self._store = S3Store(
            settings.recordings_bucket,
            config={
                "access_key_id": settings.recordings_access_key_id,
                "secret_access_key": settings.recordings_secret_access_key.get_secret_value(),
                "region": settings.recordings_region,
                "disable_bulk_delete": True,  # not every service has it
                **({"endpoint": endpoint} if endpoint else {}),
            },
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "timeout": timedelta(seconds=REQUEST_SECONDS_MAX),
            },
            retry_config={"max_retries": RETRIES_MAX},
        )

    def put(self, key: str, wav: Wav) -> None:
        """S3 shows an object once it is whole."""
        obstore.put(
            self._store, key, iter(wav), attributes={"Content-Type": "audio/wav"},
            use_multipart=wav.size > PART_BYTES, chunk_size=PART_BYTES,
            max_concurrency=PARTS_AT_ONCE,
        )  # fmt: skip

    async def read(self, key: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """Asks for a MiB at a time: a customer may read as slowly as he likes, a request to the
        bucket may not take for ever."""
        first = await self._range(key, start, stop)
        return self._ranges(key, first, start + len(first), stop)

    async def _ranges(self, key: str, chunk: bytes, start: int, stop: int) -> AsyncIterator[bytes]:
        yield chunk
        while start < stop:
            chunk = await self._range(key, start, stop)
            start += len(chunk)
            yield chunk

    async def _range(self, key: str, start: int, stop: int) -> bytes:
        end = min(stop, start + RANGE_BYTES)
        try:
            return bytes(await obstore.get_range_async(self._store, key, start=start, end=end))
        except BaseError as error:
            raise OSError(str(error)) from error

    async def delete(self, key: str) -> None:
        """AWS tells no difference where there was no object, others do."""
        with suppress(FileNotFoundError):
            await obstore.delete_async(self._store, key)
