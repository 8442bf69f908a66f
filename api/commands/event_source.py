"""The other end of `GET /events/stream`: events as they happen, over broken connections, too."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import aiohttp

SILENCE_SECONDS_MAX = 40.0
"""The platform says something at least every 15 s."""
RETRY_SECONDS = 2.0
LINE_BYTES_MAX = 1 << 20
SEEN_MAX = 10_000


class RefusedError(Exception):
    """The platform does not let this key listen; the message is its sentence."""


@dataclass(frozen=True)
class Happened:
    """An event; `body` are the bytes that a webhook would have."""

    id: str
    type: str
    body: bytes


class EventSource:
    """What a key's account and mode tells, each event once; `report` gets a sentence whenever the
    connection comes or goes."""

    def __init__(self, api_url: str, key: str, report: Callable[[str], None]) -> None:
        self._url = f"{api_url.rstrip('/')}/api/v1/events/stream"
        self._headers = {"Authorization": f"Bearer {key}"}
        self._report = report
        self._seen: dict[str, None] = {}
        self._last = ""

    async def events(self) -> AsyncIterator[Happened]:
        """For ever; RefusedError where the key may not."""
        timeout = aiohttp.ClientTimeout(total=None, sock_read=SILENCE_SECONDS_MAX)
        async with aiohttp.ClientSession(timeout=timeout, read_bufsize=LINE_BYTES_MAX) as session:
            while True:
                try:
                    async for one in self._connection(session):
                        yield one
                except (aiohttp.ClientError, OSError) as error:
                    self._report(f"No connection to the platform ({error}); trying again")
                await asyncio.sleep(RETRY_SECONDS)

    async def _connection(self, session: aiohttp.ClientSession) -> AsyncIterator[Happened]:
        query = {"after": self._last} if self._last else None
        async with session.get(self._url, headers=self._headers, params=query) as response:
            if response.status != 200:
                await _refuse(response)
            self._report("Listening")
            async for one in _parsed(response.content):
                if one.id not in self._seen:
                    self._remember(one.id)
                    yield one

    def _remember(self, event_id: str) -> None:
        self._last = max(self._last, event_id)
        self._seen[event_id] = None
        if len(self._seen) > SEEN_MAX:
            del self._seen[next(iter(self._seen))]


async def _refuse(response: aiohttp.ClientResponse) -> None:
    """RefusedError for what another try would not mend, else a ClientError."""
    try:
        said = str((await response.json(content_type=None))["detail"])
    except (ValueError, KeyError, TypeError):
        said = f"The platform answered {response.status}."
    if response.status in (400, 401, 403, 404, 405):
        raise RefusedError(said)
    raise aiohttp.ClientError(said)


async def _parsed(content: aiohttp.StreamReader) -> AsyncIterator[Happened]:
    """The events of a stream of `id:`, `event:` and `data:` lines; a blank one ends each."""
    fields: dict[bytes, bytes] = {}
    async for line in content:
        name, _, value = line.rstrip(b"\r\n").partition(b": ")
        if line.strip():
            fields[name] = value
            continue
        if b"data" in fields:
            yield Happened(fields[b"id"].decode(), fields[b"event"].decode(), fields[b"data"])
        fields = {}
