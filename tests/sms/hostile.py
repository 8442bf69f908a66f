"""An SMSC for the faults that a sound one can't be made to show: it does just what it is told."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from telephony.sms.providers import smpp_pdu as wire
from telephony.sms.providers.smpp_pdu import Framer, Pdu, encode
from tests.patience import PATIENCE_SECONDS

BIND_RESP = wire.BIND_TRANSCEIVER | wire.RESPONSE
SUBMIT_RESP = wire.SUBMIT_SM | wire.RESPONSE
DELIVER_RESP = wire.DELIVER_SM | wire.RESPONSE
RECEIPT = "id:{} stat:DELIVRD err:000"


class Peer:
    """One accepted link."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.seen: list[Pdu] = []  # all that came, in order
        self._unread = 0
        self._reader = reader
        self._framer = Framer()

    async def expect(self, command_id: int, seconds: float = PATIENCE_SECONDS) -> Pdu:
        """The next PDU of that kind; others are skipped."""
        async with asyncio.timeout(seconds):
            while True:
                while self._unread < len(self.seen):
                    pdu = self.seen[self._unread]
                    self._unread += 1
                    if pdu.command_id == command_id:
                        return pdu
                data = await self._reader.read(65536)
                if not data:
                    raise EOFError(f"closed before 0x{command_id:08X}")
                self.seen.extend(self._framer.feed(data))

    async def closed(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Read on until the client closes, which it does once its unbind is answered."""
        async with asyncio.timeout(seconds):
            while data := await self._reader.read(65536):
                for pdu in self._framer.feed(data):
                    self.seen.append(pdu)
                    if pdu.command_id == wire.UNBIND:
                        self.send(wire.UNBIND | wire.RESPONSE, pdu.sequence)

    def send(self, command_id: int, sequence: int, body: bytes = b"", status: int = 0) -> None:
        self.writer.write(encode(command_id, sequence, body, status))

    def raw(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def accept_bind(self) -> None:
        bind = await self.expect(wire.BIND_TRANSCEIVER)
        self.send(BIND_RESP, bind.sequence, b"hostile\0")

    async def accept_submit(self, message_id: str) -> Pdu:
        pdu = await self.expect(wire.SUBMIT_SM)
        self.send(SUBMIT_RESP, pdu.sequence, message_id.encode() + b"\0")
        return pdu

    def reset(self) -> None:
        """Close with RST, as a crashed peer or a firewall does."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


async def idle(peer: Peer) -> None:
    """Take the bind, then answer nothing but unbind."""
    await peer.accept_bind()
    await peer.closed()


Play = Callable[[Peer], Awaitable[None]]


class Hostile:
    """Plays one script per link in turn; the last one for every further link."""

    def __init__(self, *plays: Play) -> None:
        self.port = 0
        self.links = 0
        self.errors: list[BaseException] = []
        self._plays = plays

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        play = self._plays[min(self.links, len(self._plays) - 1)]
        self.links += 1
        try:
            await play(Peer(reader, writer))
        except (ConnectionError, EOFError):
            pass  # the client closing is a script's ordinary end
        except Exception as error:
            self.errors.append(error)
        finally:
            writer.close()


@asynccontextmanager
async def hostile(*plays: Play) -> AsyncIterator[Hostile]:
    """Listen on a free loopback port; a script that fails fails the test."""
    smsc = Hostile(*plays)
    server = await asyncio.start_server(smsc.serve, "127.0.0.1", 0)
    smsc.port = server.sockets[0].getsockname()[1]
    try:
        yield smsc
    finally:
        server.close()
    assert smsc.errors == []


def deliver_body(text: str, esm_class: int = 4, source: str = "15550109999") -> bytes:
    """Body of a deliver_sm with that short_message."""
    octets = text.encode("latin-1")
    head = b"\0\x01\x01" + source.encode() + b"\0" + b"\x05\x00ACME\0"
    return head + bytes((esm_class, 0, 0)) + b"\0\0" + bytes((0, 0, 0, 0, len(octets))) + octets
