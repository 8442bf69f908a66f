"""Many FastAGI sessions at once, and a server that is closed while they live."""

import asyncio
import time
from dataclasses import replace

import pytest

from telephony.voice.fastagi import FastAgiServer
from tests.voice.agi_peer import GRANT, agi_peer, serves
from tests.voice.deciding import LIMITS, Decider
from tests.voice.fake_ami import until


async def test_200_sessions_at_once(decider: Decider) -> None:
    decider.seconds = 0.1

    async def one(port: int, number: int) -> str:
        async with agi_peer(port) as peer:
            peer.ask(f"pbx1-{number}.0")
            return (await peer.confirm_all())[-1]

    async with FastAgiServer(decider, "127.0.0.1", 0) as running:
        begun = time.monotonic()
        last = await asyncio.gather(*(one(running.port, number) for number in range(200)))
        assert time.monotonic() - begun < 5, "one after another they take 20 s"
    assert last == [f'SET VARIABLE SV_GRANT "pbx1-{number}.0"' for number in range(200)]
    assert (running.counters.sessions, running.counters.granted) == (200, 200)


async def test_more_sessions_than_allowed_are_turned_away(decider: Decider) -> None:
    limits = replace(LIMITS, sessions_max=2, header_seconds_max=1)
    async with (
        FastAgiServer(decider, "127.0.0.1", 0, limits) as server,
        agi_peer(server.port) as first,
        agi_peer(server.port),
    ):
        await until(lambda: server.counters.sessions == 2)
        async with agi_peer(server.port) as third:
            assert await third.closed()
        assert server.counters.turned_away == 1
        first.leave()
        await until(lambda: server.counters.bad_headers == 1)
        assert await serves(server)


async def test_close_lets_live_sessions_end(decider: Decider) -> None:
    decider.seconds = 0.05
    server = FastAgiServer(decider, "127.0.0.1", 0, LIMITS)
    await server.start()
    async with agi_peer(server.port) as peer:
        peer.ask()
        await until(lambda: decider.asked)
        closing = asyncio.create_task(server.close())
        assert (await peer.confirm_all())[-1] == GRANT
        await asyncio.wait_for(closing, 1)
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await asyncio.open_connection("127.0.0.1", server.port)


async def test_close_cuts_what_does_not_end(decider: Decider) -> None:
    before = asyncio.all_tasks()
    limits = replace(LIMITS, header_seconds_max=60, drain_seconds_max=0.05)
    server = FastAgiServer(decider, "127.0.0.1", 0, limits)
    await server.start()
    async with agi_peer(server.port) as peer:
        await until(lambda: server.counters.sessions == 1)
        await asyncio.wait_for(server.close(), 1)
        assert await peer.closed()
    await until(lambda: asyncio.all_tasks() <= before)


async def test_close_without_start_and_twice(decider: Decider) -> None:
    server = FastAgiServer(decider, "127.0.0.1", 0, LIMITS)
    await server.close()
    await server.start()
    await server.close()
    await server.close()


async def test_a_taken_port_is_told(server: FastAgiServer, decider: Decider) -> None:
    with pytest.raises(OSError, match="in use"):
        await FastAgiServer(decider, "127.0.0.1", server.port).start()
