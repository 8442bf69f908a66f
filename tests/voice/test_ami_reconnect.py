"""A link that goes down or silent: up again, told so, and not too often."""

import asyncio
from dataclasses import replace

import pytest

from telephony.voice.ami import AmiLimits, AmiLink, Connected, Ping, Resync
from tests.patience import PATIENCE_SECONDS
from tests.voice.fake_ami import LIMITS, FakeAmi, event, silent, until


async def next_connected(link: AmiLink) -> Connected:
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for seen in link.events():
            if isinstance(seen, Connected):
                return seen
    raise AssertionError("the stream ended")


async def test_reconnects_after_a_drop(ami: FakeAmi) -> None:
    async with ami.ready() as link:
        ami.last.drop()
        await next_connected(link)
        assert link.ready
        assert (await link.action(Ping()))["response"] == "Success"
        assert link.counters.connects == 2
    assert len(ami.sessions) == 2


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


async def test_shutdown_event_ends_the_connection_and_is_handed_on(ami: FakeAmi) -> None:
    async with ami.ready() as link:
        ami.last.send(event("Shutdown", "Shutdown: Cleanly", "Restart: False"))
        names = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for seen in link.events():
                names.append(seen.name)
                if seen.name == "Connected":
                    break
    assert names[0] == "Shutdown"
    assert len(ami.sessions) == 2


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
