"""A link that comes up: logged in, booted, or told why not."""

import asyncio
import logging
from dataclasses import replace

import pytest

from telephony.voice.ami import AmiLink, AmiNotReady, Ping
from tests.voice.fake_ami import LIMITS, FakeAmi, error, event, until


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


async def test_core_status_refused_is_not_ready(
    ami: FakeAmi, caplog: pytest.LogCaptureFixture
) -> None:
    ami.answers["CoreStatus"] = lambda action: error(action, "Permission denied")
    async with ami.link() as link:
        await ami.wait_for("CoreStatus", 2)
        assert not link.ready
    assert "Permission denied" in caplog.text


async def test_server_that_starts_later_is_found(ami: FakeAmi) -> None:
    await ami.stop()
    ami.sessions.clear()
    async with ami.link() as link:
        await asyncio.sleep(0.05)
        assert not link.ready
        await ami.start()
        await link.wait_ready(2)


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


async def test_twice_started_is_one_link(ami: FakeAmi) -> None:
    link = ami.link()
    link.start()
    link.start()
    await link.wait_ready(2)
    await link.close()
    await link.close()
    assert len(ami.sessions) == 1


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
