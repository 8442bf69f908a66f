"""A FastAGI server: reads what a channel asks, sets the verdict's variables, the grant last.

Asterisk goes on with the dialplan whatever happens here (a server that dies in the middle
counts as a success), so the grant is the very last thing that is written, after Asterisk
confirmed every variable before it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from telephony.voice.fastagi.wire import (
    AgiError,
    AgiHeaderError,
    AgiRequest,
    AgiVerdict,
    parse_header,
    verdict_commands,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AgiLimits:
    """Bounds of one session and of all of them together; times in seconds."""

    header_bytes_max: int = 16 * 1024
    header_seconds_max: float = 3
    handler_seconds_max: float = 2
    reply_seconds_max: float = 2
    drain_seconds_max: float = 2
    sessions_max: int = 1_000


@dataclass
class AgiCounters:
    """How sessions ended so far; each counts once, besides `sessions`.

    `unconfirmed` may hold a grant that was written and whose answer never came: the channel
    may have dialled, so this says nothing about its money.
    """

    sessions: int = 0
    granted: int = 0
    refused: int = 0
    bad_headers: int = 0
    handler_faults: int = 0
    unconfirmed: int = 0
    turned_away: int = 0


Handler = Callable[[AgiRequest], Awaitable[AgiVerdict]]


class FastAgiServer:
    """Answers AGI sessions by `handler`; any fault ends that one session without a grant."""

    def __init__(
        self, handler: Handler, host: str, port: int, limits: AgiLimits | None = None
    ) -> None:
        self.handler = handler
        self.host = host
        self.port = port
        self.limits = limits or AgiLimits()
        self.counters = AgiCounters()
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; port 0 takes a free one and stores it in `port`. Raises OSError."""
        self._server = await asyncio.start_server(
            self._accept, self.host, self.port, limit=self.limits.header_bytes_max, backlog=512
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop accepting, let live sessions end for `drain_seconds_max`, then cut them."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        if self._sessions:
            _, late = await asyncio.wait(self._sessions, timeout=self.limits.drain_seconds_max)
            for session in late:
                session.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def __aenter__(self) -> "FastAgiServer":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.counters.sessions += 1
        if len(self._sessions) >= self.limits.sessions_max:
            self.counters.turned_away += 1
            writer.transport.abort()
            return
        session = asyncio.create_task(self._serve(reader, writer))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await self._read(reader)
            if request is None:
                return
            verdict = await self._ask(request)
            if verdict is not None:
                await self._reply(request, verdict, reader, writer)
        finally:
            with suppress(OSError):
                writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> AgiRequest | None:
        try:
            async with asyncio.timeout(self.limits.header_seconds_max):
                header = await reader.readuntil(b"\n\n")
            return parse_header(header)
        except (
            TimeoutError,
            OSError,
            AgiHeaderError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
        ) as error:
            self.counters.bad_headers += 1
            log.warning("FastAGI: no request was read: %s", type(error).__name__)
            return None

    async def _ask(self, request: AgiRequest) -> AgiVerdict | None:
        try:
            async with asyncio.timeout(self.limits.handler_seconds_max):
                return await self.handler(request)
        except Exception:
            self.counters.handler_faults += 1
            log.exception("FastAGI: no verdict for channel %s", request.uniqueid)
            return None

    async def _reply(
        self,
        request: AgiRequest,
        verdict: AgiVerdict,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        try:
            commands = verdict_commands(request, verdict)
            async with asyncio.timeout(self.limits.reply_seconds_max):
                for command in commands:
                    await _confirmed(command, reader, writer)
        except (TimeoutError, OSError, ValueError, AgiError) as error:
            self.counters.unconfirmed += 1
            log.warning("FastAGI: verdict not set on channel %s: %r", request.uniqueid, error)
            return
        if verdict.granted:
            self.counters.granted += 1
        else:
            self.counters.refused += 1


async def _confirmed(
    command: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(command)
    answer = await reader.readline()
    if not answer.startswith(b"200 "):
        raise AgiError("hung up or not accepted")
