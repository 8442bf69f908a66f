"""Recordings in a bucket that speaks S3."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from telephony.settings import Settings
from telephony.voice.recordings.wav import Wav

RANGE_BYTES = 1 << 20
PART_BYTES = 5 << 20
"""The least that S3 takes as a part; what is shorter goes out in one request."""
PARTS_AT_ONCE = 2
REQUEST_SECONDS_MAX = 30
RETRIES_MAX = 2


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
