"""Receivers of webhooks: one that answers as told, and one that answers with any bytes."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.patience import PATIENCE_SECONDS


@dataclass(frozen=True)
class Received:
    """One POST as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]


class Sink:
    """Keeps what it gets; `answers[path]` is a status, or a coroutine function for a reply."""

    def __init__(self) -> None:
        self.url = ""
        self.received: list[Received] = []
        self.answers: dict[str, int | Callable[[], Awaitable[web.Response]]] = {}
        self.headers: dict[str, str] = {}

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = dict(request.headers)
        self.received.append(Received(request.path, headers, body))
        answer = self.answers.get(request.path, 200)
        if isinstance(answer, int):
            return web.Response(status=answer, text="noted", headers=self.headers)
        return await answer()

    def at(self, path: str) -> list[Received]:
        return [one for one in self.received if one.path == path]


@asynccontextmanager
async def running_sink() -> AsyncIterator[Sink]:
    sink = Sink()
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", sink.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sink.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield sink
    finally:
        await runner.cleanup()


class RawServer:
    """Counts connections; answers each request's head with `reply`, then `endless` for ever,
    and closes after `hold` seconds."""

    def __init__(self, reply: bytes, endless: bytes, hold: float) -> None:
        self.connections = 0
        self.written = 0
        self.port = 0
        self._reply = reply
        self._endless = endless
        self._hold = hold

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self._reply)
            await writer.drain()
            while self._endless:
                writer.write(self._endless)
                self.written += len(self._endless)
                await writer.drain()
                await asyncio.sleep(0)
            await asyncio.sleep(self._hold)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def raw_server(
    reply: bytes = b"", endless: bytes = b"", hold: float = 0,
    hosts: tuple[str, ...] = ("127.0.0.1",),
) -> AsyncIterator[RawServer]:  # fmt: skip
    """Listens on one port of all the hosts."""
    server = RawServer(reply, endless, hold)
    listening = []
    for host in hosts:
        listening.append(await asyncio.start_server(server.handle, host, server.port))
        server.port = listening[0].sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        for one in listening:
            one.close()
            await one.wait_closed()


async def eventually(true: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for something that other tasks bring about."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)


async def stop(task: asyncio.Task[None]) -> None:
    """Cancel a worker's task and wait for its end; it must end within seconds."""
    async with asyncio.timeout(5):
        while not task.done():
            # More than once: `wait_for` of Python 3.11 loses a cancellation that meets a wake-up.
            task.cancel()
            await asyncio.wait([task], timeout=1)
