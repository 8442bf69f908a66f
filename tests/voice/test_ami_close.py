"""A link that is closed, whatever it was at: nothing of it is left."""

import asyncio
import socket
from dataclasses import replace

import pytest

from telephony.voice.ami import AmiLink, AmiNotReady, AmiOutcomeUnknown, DBPut, Ping
from tests.voice.fake_ami import LIMITS, FakeAmi, event, until


async def test_close_leaves_no_task_no_timer_no_socket(ami: FakeAmi) -> None:
    before = asyncio.all_tasks()
    link = ami.link()
    link.start()
    await link.wait_ready(2)
    session = ami.last
    await link.close()
    await asyncio.wait_for(session.ended.wait(), 1)
    await until(lambda: asyncio.all_tasks() <= before)
    await asyncio.sleep(0.15)
    assert len(ami.sessions) == 1
    with pytest.raises(AmiNotReady):
        await link.action(Ping())


async def test_close_while_it_waits_to_reconnect(ami: FakeAmi) -> None:
    limits = replace(LIMITS, retry_seconds_min=1, retry_seconds_max=1)
    before = asyncio.all_tasks()
    async with ami.ready(limits) as link:
        ami.last.drop()
        await until(lambda: not link.ready)
        await asyncio.sleep(0.01)
    await until(lambda: asyncio.all_tasks() <= before)
    await asyncio.sleep(1.2)
    assert len(ami.sessions) == 1


async def test_close_while_it_connects() -> None:
    deaf = socket.create_server(("127.0.0.1", 0), backlog=1)
    link = AmiLink("127.0.0.1", deaf.getsockname()[1], "u", "s", LIMITS)
    link.start()
    await asyncio.sleep(0.02)
    await asyncio.wait_for(link.close(), 1)
    deaf.close()


async def test_close_ends_the_stream_after_what_it_holds(ami: FakeAmi) -> None:
    async with ami.ready() as link:
        ami.last.send(event("Hangup", "Uniqueid: 1"))
        await until(lambda: len(link.events()) == 1)
    assert [seen.name async for seen in link.events()] == ["Hangup"]


async def test_close_does_not_wait_for_a_peer_that_stopped_reading(ami: FakeAmi) -> None:
    """`Transport.close`, which panoramisk calls, keeps the socket until all is written."""
    async with ami.ready() as link:
        ami.last.writer.transport.pause_reading()  # type: ignore[attr-defined]
        put = DBPut("f", "k", "x" * 900)
        rows = [asyncio.create_task(link.action(put, seconds_max=9)) for _ in range(4_000)]
        await asyncio.sleep(0.02)
        assert link._protocol is not None
        transport = link._protocol.transport
        transport.write(b"Action: Ping\r\n\r\n" * 500_000)
        assert transport.get_write_buffer_size() > 0
        socket_of_link = transport.get_extra_info("socket")
        await asyncio.wait_for(link.close(), 1)
        await until(lambda: socket_of_link.fileno() == -1)
        outcomes = await asyncio.gather(*rows, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {AmiOutcomeUnknown}
