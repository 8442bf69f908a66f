"""The Asterisk side of a FastAGI session, written by hand so that it can misbehave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from telephony.voice.fastagi import FastAgiServer
from tests.patience import PATIENCE_SECONDS

HEADER = (
    "agi_network: yes\n"
    "agi_network_script: authorize\n"
    "agi_request: agi://127.0.0.1:4573/authorize\n"
    "agi_channel: PJSIP/alice-00000001\n"
    "agi_uniqueid: {uniqueid}\n"
    "agi_callerid: +436601234567\n"
    "agi_calleridname: Jörg: 漢字\n"
    "agi_accountcode: \n"
    "agi_arg_1: {uniqueid}\n"
    "agi_arg_2: alice\n"
    "agi_arg_3: +4319999\n"
)
GRANT = 'SET VARIABLE SV_GRANT "pbx1-1.1"'


class AgiPeer:
    """One connection; `commands` are the lines that the server sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.commands: list[str] = []

    def send(self, text: str | bytes) -> None:
        self.writer.write(text.encode() if isinstance(text, str) else text)

    def ask(self, uniqueid: str = "pbx1-1.1") -> None:
        self.send(HEADER.format(uniqueid=uniqueid) + "\n")

    async def command(self) -> str:
        """The next command, or an empty string once the server closed."""
        line = ""
        with suppress(OSError):
            line = (await asyncio.wait_for(self.reader.readline(), 2)).decode().rstrip("\n")
        if line:
            self.commands.append(line)
        return line

    async def confirm_all(self, answer: str = "200 result=1\n") -> list[str]:
        """Answer every command until the server closes."""
        while await self.command():
            self.send(answer)
        return self.commands

    async def closed(self, seconds: float = PATIENCE_SECONDS) -> bool:
        """Whether the server closes without another byte."""
        with suppress(OSError):
            return await asyncio.wait_for(self.reader.read(1), seconds) == b""
        return True

    def leave(self) -> None:
        self.writer.transport.abort()


@asynccontextmanager
async def agi_peer(port: int) -> AsyncIterator[AgiPeer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield AgiPeer(reader, writer)
    finally:
        writer.close()


async def serves(server: FastAgiServer) -> bool:
    """Whether a well-behaved channel still gets its grant."""
    async with agi_peer(server.port) as good:
        good.ask()
        return (await good.confirm_all())[-1:] == [GRANT]
