"""A TCP proxy before the PBX's manager port, which a test cuts at the worst instant."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

ORIGINATE = b"Action: Originate"


class AmiProxy:
    """Forwards until told otherwise. `originates` counts how often a call was asked for."""

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        self.originates = 0
        self.down = False
        self.cut_at_originate = ""
        """`before`: the connection ends and nothing arrives; `after`: it arrives, and the answer
        is lost; either happens once."""
        self._upstream = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Take no connections, and end those that there are."""
        self.down = True
        self._drop()

    def heal(self) -> None:
        self.down = False

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.down:
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection(*self._upstream)
        self._writers |= {writer, far_writer}
        try:
            await asyncio.gather(
                self._asking(reader, far_writer), self._answering(far_reader, writer)
            )
        finally:
            for one in (writer, far_writer):
                self._writers.discard(one)
                one.close()

    async def _asking(self, reader: asyncio.StreamReader, far: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                found = data.count(ORIGINATE)
                self.originates += found
                if found and self.cut_at_originate:
                    await self._cut_around(data, far)
                    return
                far.write(data)
        far.close()

    async def _cut_around(self, data: bytes, far: asyncio.StreamWriter) -> None:
        if self.cut_at_originate == "after":
            far.write(data)
            await far.drain()
        self.cut_at_originate = ""
        self._drop()

    async def _answering(self, far: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await far.read(65536):
                writer.write(data)
        writer.close()

    def _drop(self) -> None:
        for writer in self._writers:
            writer.close()


@asynccontextmanager
async def ami_proxy(host: str, port: int) -> AsyncIterator[AmiProxy]:
    proxy = AmiProxy(host, port)
    server = await asyncio.start_server(proxy.handle, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
