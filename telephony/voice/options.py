"""One SIP OPTIONS to a carrier, without the PBX: is it there, what does it say, how fast."""

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

PATIENCE_SECONDS = 4.0
AGAIN_SECONDS = 0.5
"""A datagram may be lost; it is sent again, the wait doubled each time."""
_STATUS = re.compile(rb"SIP/2\.0 ([1-6][0-9]{2}) ")


@dataclass(frozen=True)
class Pong:
    """The status code of the answer, any of which shows that the carrier lives; and how long it
    took."""

    status: int
    milliseconds: float


async def ping(host: str, port: int, transport: str) -> Pong:
    """Ask once; raises OSError, of which TimeoutError is one, if nobody answers."""
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE_SECONDS):
        if transport == "udp":
            status = await _by_datagram(host, port)
        else:
            status = await _by_stream(host, port, transport)
    return Pong(status, (time.monotonic() - began) * 1000)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        # Whoever waited may have given up: an error that comes then is nobody's.
        self.answer.add_done_callback(lambda answer: answer.cancelled() or answer.exception())

    def datagram_received(self, data: bytes, _: object) -> None:
        found = _STATUS.match(data)
        if found and not self.answer.done():
            self.answer.set_result(int(found[1]))

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def _by_datagram(host: str, port: int) -> int:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(_Datagrams, remote_addr=(host, port))
    try:
        request = _request(host, port, "UDP", transport.get_extra_info("sockname"))
        wait = AGAIN_SECONDS
        while True:
            transport.sendto(request)
            done, _ = await asyncio.wait([protocol.answer], timeout=wait)
            if done:
                return protocol.answer.result()
            wait *= 2
    finally:
        transport.close()


async def _by_stream(host: str, port: int, transport: str) -> int:
    async with _connection(host, port, transport) as (reader, writer):
        own = writer.get_extra_info("sockname")
        writer.write(_request(host, port, transport.upper(), own))
        await writer.drain()
        found = _STATUS.match(await reader.readuntil(b"\r\n"))
    if not found:
        raise ConnectionError("what answers there is not SIP")
    return int(found[1])


@asynccontextmanager
async def _connection(
    host: str, port: int, transport: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(host, port, ssl=_tls(transport))
    try:
        yield reader, writer
    finally:
        writer.close()


def _tls(transport: str) -> ssl.SSLContext | None:
    """Only whether somebody answers is asked, so nobody's certificate is checked."""
    if transport != "tls":
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _request(host: str, port: int, transport: str, own: tuple[str, int]) -> bytes:
    here = f"[{own[0]}]:{own[1]}" if ":" in own[0] else f"{own[0]}:{own[1]}"
    lines = [
        f"OPTIONS sip:{host}:{port} SIP/2.0",
        f"Via: SIP/2.0/{transport} {here};branch=z9hG4bK{uuid4().hex};rport",
        "Max-Forwards: 70", f"From: <sip:sms-voip@{here}>;tag={uuid4().hex[:8]}",
        f"To: <sip:{host}:{port}>", f"Call-ID: {uuid4().hex}", "CSeq: 1 OPTIONS",
        f"Contact: <sip:sms-voip@{here}>", "Accept: application/sdp", "Content-Length: 0", "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()
