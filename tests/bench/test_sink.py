"""The sink of the benches believes no signature that is wrong, and counts an event once."""

import asyncio
import time
from typing import Any

from bench.sink import Connection, Seen
from telephony.webhooks.signing import new_secret, sign


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data


def post(secret: str, event: str, body: bytes) -> bytes:
    headers = sign(secret, event, body, int(time.time()))
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(["POST /hook HTTP/1.1", *lines, f"Content-Length: {len(body)}"])
    return head.encode() + b"\r\n\r\n" + body


def connected(seen: Seen) -> tuple[Connection, Wire]:
    wire: Any = Wire()
    connection = Connection(seen)
    connection.connection_made(wire)
    assert isinstance(wire, Wire)
    return connection, wire


async def test_posts_are_verified_and_counted_once() -> None:
    seen = Seen(new_secret())
    connection, wire = connected(seen)
    first = post(seen.secret, "evt_1", b'{"a":1}')
    forged = post(new_secret(), "evt_2", b"{}")
    whole = first + first + forged + post(seen.secret, "evt_3", b"")
    for at in range(0, len(whole), 7):  # as the network cuts it
        connection.data_received(whole[at : at + 7])
        await asyncio.sleep(0)
    assert (seen.posts, seen.forged) == (4, 1)
    assert set(seen.arrived) == {"evt_1", "evt_2", "evt_3"}
    assert wire.written.count(b"200 OK") == 4


async def test_delivered_messages_are_counted_apart() -> None:
    seen = Seen(new_secret())
    connection, _ = connected(seen)
    connection.data_received(post(seen.secret, "evt_1", b'{"status": "sent"}'))
    connection.data_received(post(seen.secret, "evt_2", b'{"status": "delivered"}'))
    connection.data_received(b"GET /hook?id=7 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert set(seen.arrived) == {"evt_1", "evt_2"}
    assert set(seen.delivered) == {"evt_2", "/hook?id=7"}


async def test_it_tells_what_it_has_seen() -> None:
    seen = Seen("whsec_secret")
    connection, wire = connected(seen)
    connection.data_received(b"GET / HTTP/1.1\r\n\r\n")
    assert b'"posts": 0' in wire.written
    assert b"whsec_" not in wire.written
