"""The life of a link: up, down, up again, and nothing left when it is closed."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from telephony.voice.ami import (
    AmiLimits,
    AmiLink,
    AmiNotReady,
    AmiOutcomeUnknown,
    Connected,
    DBPut,
    Ping,
    Resync,
)
from tests.voice.fake_ami import LIMITS, FakeAmi, error, event, fake_ami, silent, until


@pytest_asyncio.fixture
async def ami() -> AsyncIterator[FakeAmi]:
    async with fake_ami() as server:
        yield server


async def next_connected(link: AmiLink) -> Connected:
    async with asyncio.timeout(2):
        async for seen in link.events():
            if isinstance(seen, Connected):
                return seen
    raise AssertionError("the stream ended")


async def test_ready_after_login_and_boot(ami: FakeAmi) -> None:
    async with ami.link() as link:
        await link.wait_ready(2)
        assert link.ready
        assert ami.names() == ["Login", "CoreStatus"]
        assert (await link.action(Ping()))["response"] == "Success"


async def test_not_ready_between_login_and_boot(ami: FakeAmi) -> None:
    ami.boots_at_once = False
    async with ami.link() as link:
        await ami.wait_for("Login")
        await asyncio.sleep(0.02)
        assert not link.ready
        with pytest.raises(AmiNotReady):
            await link.action(Ping())
        ami.last.send(event("FullyBooted", "Status: Fully Booted"))
        await link.wait_ready(2)
    assert "Ping" not in ami.names()


async def test_no_boot_in_time_is_told_and_tried_again(
    ami: FakeAmi, caplog: pytest.LogCaptureFixture
) -> None:
    ami.boots_at_once = False
    async with ami.link(replace(LIMITS, boot_seconds_max=0.03)):
        await until(lambda: len(ami.sessions) >= 2)
    assert "read=system" in caplog.text


async def test_wait_ready_gives_up(ami: FakeAmi) -> None:
    ami.boots_at_once = False
    async with ami.link() as link:
        with pytest.raises(AmiNotReady, match="calls"):
            await link.wait_ready(0.02)


async def test_before_start_nothing_can_be_sent(ami: FakeAmi) -> None:
    with pytest.raises(AmiNotReady):
        await ami.link().action(Ping())


async def test_wrong_secret_is_told_without_it_and_retried_slowly(
    ami: FakeAmi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with ami.link(secret="wr0ng-secret") as link:
        await ami.wait_for("Login")
        await asyncio.sleep(0.1)
        assert len(ami.sessions) == 1
        ami.secret = "wr0ng-secret"
        await link.wait_ready(2)
    assert "refused user calls: Authentication failed" in caplog.text
    assert "wr0ng-secret" not in caplog.text
    assert "wr0ng-secret" not in repr(link)


async def test_reconnects_after_a_drop(ami: FakeAmi) -> None:
    async with ami.ready() as link:
        ami.last.drop()
        await next_connected(link)
        assert link.ready
        assert (await link.action(Ping()))["response"] == "Success"
        assert link.counters.connects == 2
    assert len(ami.sessions) == 2


async def test_server_that_starts_later_is_found(ami: FakeAmi) -> None:
    await ami.stop()
    ami.sessions.clear()
    async with ami.link() as link:
        await asyncio.sleep(0.05)
        assert not link.ready
        await ami.start()
        await link.wait_ready(2)


async def test_connected_tells_a_restart_of_asterisk(ami: FakeAmi) -> None:
    async with ami.link() as link:
        first = await next_connected(link)
        assert (first.started, first.restarted) == ("2026-01-01 10:00:00", False)
        ami.last.drop()
        assert (await next_connected(link)).restarted is False
        ami.started = ("2026-01-01", "10:07:00")
        ami.last.drop()
        again = await next_connected(link)
        assert (again.started, again.restarted) == ("2026-01-01 10:07:00", True)


async def test_actions_work_once_connected_was_seen(ami: FakeAmi) -> None:
    async with ami.link() as link:
        await next_connected(link)
        assert link.ready


async def test_shutdown_event_ends_the_connection_and_is_handed_on(ami: FakeAmi) -> None:
    async with ami.ready() as link:
        ami.last.send(event("Shutdown", "Shutdown: Cleanly", "Restart: False"))
        names = []
        async with asyncio.timeout(2):
            async for seen in link.events():
                names.append(seen.name)
                if seen.name == "Connected":
                    break
    assert names[0] == "Shutdown"
    assert len(ami.sessions) == 2


async def test_core_status_refused_is_not_ready(
    ami: FakeAmi, caplog: pytest.LogCaptureFixture
) -> None:
    ami.answers["CoreStatus"] = lambda action: error(action, "Permission denied")
    async with ami.link() as link:
        await ami.wait_for("CoreStatus", 2)
        assert not link.ready
    assert "Permission denied" in caplog.text


async def test_silent_peer_is_pinged_and_then_left(ami: FakeAmi) -> None:
    ami.answers["Ping"] = silent
    limits = replace(LIMITS, ping_seconds=0.03, silence_seconds_max=0.1)
    async with ami.ready(limits) as link:
        await next_connected(link)
        assert len(ami.sessions) == 2
        assert ami.sessions[0].actions[-1]["action"] == "Ping"


async def test_pings_keep_a_quiet_link(ami: FakeAmi) -> None:
    limits = replace(LIMITS, ping_seconds=0.02, silence_seconds_max=0.1)
    async with ami.ready(limits):
        await ami.wait_for("Ping", 8)
        assert len(ami.sessions) == 1


async def test_no_ping_while_events_arrive(ami: FakeAmi) -> None:
    limits = replace(LIMITS, ping_seconds=0.1, silence_seconds_max=0.2)
    async with ami.ready(limits):
        for _ in range(40):
            ami.last.send(event("Hangup"))
            await asyncio.sleep(0.01)
    assert "Ping" not in ami.names()


async def test_a_peer_that_is_no_manager_is_left_and_tried_again() -> None:
    accepted = 0

    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" + bytes(range(256)))
        await reader.read()
        writer.close()

    server = await asyncio.start_server(web, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with AmiLink("127.0.0.1", port, "u", "s", replace(LIMITS, login_seconds_max=0.03)):
        await until(lambda: accepted >= 2)
    server.close()


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
    limits = replace(LIMITS, retry_seconds_min=0.1, retry_seconds_max=0.2)
    async with ami.ready(limits) as link:
        ami.last.drop()
        await until(lambda: not link.ready)
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.25)
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


async def test_connected_is_not_lost_in_a_full_stream(ami: FakeAmi) -> None:
    async with ami.ready(replace(LIMITS, events_max=5)) as link:
        for _ in range(9):
            ami.last.send(event("Newstate"))
        await until(lambda: link.events().dropped)
        ami.last.drop()
        await until(lambda: link.counters.connects == 2)
        first, second = [await anext(link.events()) for _ in range(2)]
    assert isinstance(first, Resync)
    assert first.dropped >= 9
    assert isinstance(second, Connected)


async def test_twice_started_is_one_link(ami: FakeAmi) -> None:
    link = ami.link()
    link.start()
    link.start()
    await link.wait_ready(2)
    await link.close()
    await link.close()
    assert len(ami.sessions) == 1


def test_back_off_grows_to_its_limit_and_is_spread() -> None:
    link = AmiLink("h", 1, "u", "s", AmiLimits(retry_seconds_min=0.2, retry_seconds_max=15))
    for attempt, ceiling in [(0, 0.2), (1, 0.4), (3, 1.6), (6, 12.8), (7, 15), (5_000, 15)]:
        delays = {link._retry_seconds(attempt) for _ in range(50)}
        assert ceiling / 2 <= min(delays) < max(delays) <= ceiling


async def test_flapping_keeps_backing_off(ami: FakeAmi, caplog: pytest.LogCaptureFixture) -> None:
    ami.answers["CoreStatus"] = lambda _: ami.last.drop()
    limits = replace(LIMITS, retry_seconds_min=0.001, retry_seconds_max=5)
    async with ami.link(limits):
        await asyncio.sleep(0.3)
    assert 4 <= len(ami.sessions) <= 12


async def test_a_fault_of_ours_does_not_end_the_supervisor(
    ami: FakeAmi, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = True

    async def announce(link: AmiLink, protocol: object) -> None:
        nonlocal broken
        if broken:
            broken = False
            raise KeyError("a bug")
        await original(link, protocol)  # type: ignore[arg-type]

    original = AmiLink._announce
    monkeypatch.setattr(AmiLink, "_announce", announce)
    async with ami.link() as link:
        await link.wait_ready(2)
    assert len(ami.sessions) == 2
