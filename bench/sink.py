"""A receiver of webhooks that costs little: it verifies every signature, and keeps the instant at
which the first byte of each event came. `python -m bench.sink PORT SECRET`; `GET /` tells, any
other GET is a callback of Kannel."""

import asyncio
import json
import sys
import time
from http.client import HTTPConnection
from typing import cast

import uvloop

from telephony.webhooks.signing import verify

HOST = "127.0.0.1"
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


DELIVERED = b'"status": "delivered"'


class Seen:
    """The first arrival of each event, that of each delivered message, and what was wrong."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.arrived: dict[str, int] = {}
        self.delivered: dict[str, int] = {}
        self.posts = 0
        self.forged = 0

    def take(self, head: bytes, body: bytes, at: int) -> None:
        """One POST."""
        lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
        headers = {name.lower(): value.strip().decode() for name, _, value in lines}
        self.posts += 1
        if not verify(self.secret, headers.get(b"x-signature", ""), body, time.time()):
            self.forged += 1
        name = headers.get(b"webhook-id", "")
        self.arrived.setdefault(name, at)
        if DELIVERED in body:
            self.delivered.setdefault(name, at)

    def note(self, path: str, at: int) -> None:
        """A callback of Kannel, which signs nothing."""
        self.posts += 1
        self.delivered.setdefault(path, at)


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as far as the platform speaks it."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._data = b""
        self._began = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._began = self._began or time.time_ns() // 1000
        self._data += data
        while b"\r\n\r\n" in self._data:
            head, _, rest = self._data.partition(b"\r\n\r\n")
            length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
            size = int(length or 0)
            if len(rest) < size:
                return
            self._data = rest[size:]
            self._answer(head, rest[:size])
        self._began = 0

    def _answer(self, head: bytes, body: bytes) -> None:
        if not head.startswith(b"GET / "):
            if head.startswith(b"POST"):
                self._seen.take(head, body, self._began)
            else:
                self._seen.note(head.split(b" ", 2)[1].decode(), self._began)
            self._transport.write(EMPTY)
            return
        told = json.dumps(self._seen.__dict__ | {"secret": ""}).encode()
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(told) + told)


async def serve(port: int, secret: str) -> None:
    """Until the process is ended."""
    seen = Seen(secret)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(seen), HOST, port, backlog=1024)
    await server.serve_forever()


def told(port: int) -> Seen:
    """What the sink of another process has seen."""
    connection = HTTPConnection(HOST, port, timeout=30)
    try:
        connection.request("GET", "/")
        facts = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    seen = Seen("")
    seen.__dict__ |= facts
    return seen


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2]))
