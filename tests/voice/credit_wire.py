"""A wire between the platform and the manager port that fails when a call is lengthened."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

LENGTHENING = b"Action: AbsoluteTimeout"


class Wire:
    """`fault` strikes at each of the first `times` lengthenings: `before` cuts the wire and
    nothing arrives, `after` cuts it when it has arrived, `late` lets it wait."""

    def __init__(self, host: str, port: int, fault: str, seconds: float, times: int = 1) -> None:
        self.port = 0
        self.seen = 0
        self._upstream = (host, port)
        self._fault = fault
        self._seconds = seconds
        self._times = times
        self._down_until = 0.0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if asyncio.get_running_loop().time() < self._down_until:
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection(*self._upstream)
        try:
            back = asyncio.create_task(_copy(far_reader, writer))
            await self._ask(reader, far_writer)
            back.cancel()
        finally:
            for one in (writer, far_writer):
                one.close()

    async def _ask(self, reader: asyncio.StreamReader, far: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if LENGTHENING in data:
                    self.seen += 1
                    if self.seen <= self._times and not await self._goes_on(data, far):
                        return
                far.write(data)

    async def _goes_on(self, data: bytes, far: asyncio.StreamWriter) -> bool:
        """False where the wire is cut."""
        if self._fault == "late":
            await asyncio.sleep(self._seconds)
            return True
        if self._fault == "after":
            far.write(data)
            await far.drain()
        self._down_until = asyncio.get_running_loop().time() + self._seconds
        return False


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)


@asynccontextmanager
async def wire(host: str, port: int, *fault: str | float) -> AsyncIterator[Wire]:
    """A wire that listens on a free port."""
    kind, seconds, *times = fault
    made = Wire(host, port, str(kind), float(seconds), *(int(one) for one in times))
    server = await asyncio.start_server(made.handle, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
