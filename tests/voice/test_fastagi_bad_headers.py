"""Peers that send the FastAGI server no sound header: cut off, and nobody else is harmed."""

import asyncio
import time

import pytest

from telephony.voice.fastagi import FastAgiServer
from tests.voice.agi_peer import HEADER, AgiPeer, serves
from tests.voice.deciding import LIMITS, Decider
from tests.voice.fake_ami import until


@pytest.mark.parametrize(
    "text",
    [
        "",
        "agi_network: yes\n",
        HEADER.format(uniqueid="1"),
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "x" * 5_000,
        b"\xff\xfe\x00" * 100,
    ],
)
async def test_connect_and_leave_before_the_blank_line(
    server: FastAgiServer, peer: AgiPeer, decider: Decider, text: str | bytes
) -> None:
    """panoramisk's server reads end of file for ever here and freezes the whole loop."""
    peer.send(text)
    peer.writer.write_eof()
    assert await peer.closed()
    await until(lambda: server.counters.bad_headers == 1)
    assert decider.asked == []
    assert await serves(server)


@pytest.mark.parametrize(
    "text",
    [
        "\n\n",
        "GET / HTTP/1.1\nHost: x\n\n",
        "agi_network: yes\n\n",
        "agi_uniqueid: \n\n",
        "agi_uniqueid: 1\nagi_uniqueid: 2\n\n",
        "agi_uniqueid: 1\nno colon\n\n",
        b"\xff\xfe\x00: \xff\n\n",
        "agi_uniqueid: 1\n" + "agi_x: y" * 3_000 + "\n\n",
        "x" * 200_000,
    ],
)
async def test_garbage_is_not_a_request(
    server: FastAgiServer, peer: AgiPeer, decider: Decider, text: str | bytes
) -> None:
    peer.send(text)
    assert await peer.closed()
    assert server.counters.bad_headers == 1
    assert decider.asked == []
    assert await serves(server)


async def test_half_a_header_and_silence_is_cut(server: FastAgiServer, peer: AgiPeer) -> None:
    begun = time.monotonic()
    peer.send("agi_network: yes\nagi_uni")
    assert await serves(server)
    assert await peer.closed()
    assert 0.3 < time.monotonic() - begun < 2
    assert server.counters.bad_headers == 1


async def test_a_drip_does_not_lengthen_the_time_for_the_header(
    server: FastAgiServer, peer: AgiPeer
) -> None:
    begun = time.monotonic()
    while not server.counters.bad_headers and time.monotonic() - begun < 2:
        peer.send("a")
        await asyncio.sleep(0.01)
    assert time.monotonic() - begun < 1.5


async def test_a_reset_before_the_header(server: FastAgiServer, peer: AgiPeer) -> None:
    peer.leave()
    await until(lambda: server.counters.bad_headers == 1)
    assert await serves(server)


async def test_hundreds_of_hanging_peers_harm_nobody(server: FastAgiServer) -> None:
    hanging = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(200)]
    begun = time.monotonic()
    assert await serves(server)
    assert time.monotonic() - begun < LIMITS.header_seconds_max
    for _, writer in hanging:
        writer.transport.abort()
    await until(lambda: server.counters.bad_headers == 200)
