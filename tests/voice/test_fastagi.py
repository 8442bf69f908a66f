"""The FastAGI server against peers that behave and peers that do not."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from telephony.voice.fastagi import AgiLimits, AgiRequest, AgiVerdict, FastAgiServer
from tests.voice.agi_peer import HEADER, AgiPeer, agi_peer
from tests.voice.fake_ami import until

LIMITS = AgiLimits(
    header_seconds_max=0.4, handler_seconds_max=0.2, reply_seconds_max=0.3, drain_seconds_max=0.5
)
GRANT = 'SET VARIABLE SV_GRANT "pbx1-1.1"'


class Decider:
    """A handler that keeps what it was asked and gives `verdict`, slowly if told so."""

    def __init__(self) -> None:
        self.asked: list[AgiRequest] = []
        self.verdict = AgiVerdict(True, {"SV_ROUTE": "phone", "SV_TO": "bob"})
        self.seconds = 0.0
        self.fault: Exception | None = None

    async def __call__(self, request: AgiRequest) -> AgiVerdict:
        self.asked.append(request)
        await asyncio.sleep(self.seconds)
        if self.fault:
            raise self.fault
        return self.verdict


@pytest.fixture
def decider() -> Decider:
    return Decider()


@pytest_asyncio.fixture
async def server(decider: Decider) -> AsyncIterator[FastAgiServer]:
    async with FastAgiServer(decider, "127.0.0.1", 0, LIMITS) as running:
        yield running


@pytest_asyncio.fixture
async def peer(server: FastAgiServer) -> AsyncIterator[AgiPeer]:
    async with agi_peer(server.port) as connected:
        yield connected


async def serves(server: FastAgiServer) -> bool:
    """Whether a well-behaved channel still gets its grant."""
    async with agi_peer(server.port) as good:
        good.ask()
        return (await good.confirm_all())[-1:] == [GRANT]


async def test_a_grant_comes_last(server: FastAgiServer, peer: AgiPeer) -> None:
    peer.ask()
    assert await peer.confirm_all() == [
        'SET VARIABLE SV_ROUTE "phone"',
        'SET VARIABLE SV_TO "bob"',
        GRANT,
    ]
    assert (server.counters.sessions, server.counters.granted) == (1, 1)


async def test_the_handler_gets_what_asterisk_says(peer: AgiPeer, decider: Decider) -> None:
    peer.ask("pbx1-7.7")
    await peer.confirm_all()
    (asked,) = decider.asked
    assert asked.script == "authorize"
    assert asked.uniqueid == "pbx1-7.7"
    assert asked.arguments == ("pbx1-7.7", "alice", "+4319999")
    assert asked.fields["agi_calleridname"] == "Jörg: 漢字"
    assert asked.fields["agi_accountcode"] == ""


async def test_a_refusal_sets_its_cause_and_no_grant(
    server: FastAgiServer, peer: AgiPeer, decider: Decider
) -> None:
    decider.verdict = AgiVerdict(False, {"SV_CAUSE": "21"})
    peer.ask()
    assert await peer.confirm_all() == ['SET VARIABLE SV_CAUSE "21"']
    assert (server.counters.granted, server.counters.refused) == (0, 1)


async def test_every_variable_is_confirmed_before_the_next(peer: AgiPeer) -> None:
    peer.ask()
    assert await peer.command() == 'SET VARIABLE SV_ROUTE "phone"'
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(peer.reader.readline(), 0.05)


@pytest.mark.parametrize(
    "answer",
    [
        "HANGUP\n",
        "510 Invalid or unknown command\n",
        "511 Command Not Permitted on a dead channel or intercept routine\n",
        "520-Invalid command syntax.\n",
        "200\n",
        "\n",
        "x" * 20_000 + "\n",
        "x" * 20_000,
    ],
)
async def test_a_variable_that_is_not_confirmed_means_no_grant(
    server: FastAgiServer, peer: AgiPeer, answer: str
) -> None:
    peer.ask()
    assert await peer.confirm_all(answer) == ['SET VARIABLE SV_ROUTE "phone"']
    assert (server.counters.granted, server.counters.unconfirmed) == (0, 1)
    assert await serves(server)


async def test_no_answer_means_no_grant(server: FastAgiServer, peer: AgiPeer) -> None:
    peer.ask()
    await peer.command()
    assert await peer.closed()
    assert server.counters.unconfirmed == 1


async def test_a_channel_that_hangs_up_during_the_verdict(
    server: FastAgiServer, peer: AgiPeer
) -> None:
    peer.ask()
    await peer.command()
    peer.leave()
    await until(lambda: server.counters.unconfirmed == 1)
    assert await serves(server)


@pytest.mark.parametrize("fault", [RuntimeError("no database"), OSError(5), TimeoutError()])
async def test_a_handler_that_fails_closes_without_a_grant(
    server: FastAgiServer,
    peer: AgiPeer,
    decider: Decider,
    caplog: pytest.LogCaptureFixture,
    fault: Exception,
) -> None:
    decider.fault = fault
    peer.ask()
    assert await peer.confirm_all() == []
    assert server.counters.handler_faults == 1
    assert "pbx1-1.1" in caplog.text
    decider.fault = None
    assert await serves(server)


async def test_a_handler_that_is_slow_closes_without_a_grant(
    server: FastAgiServer, peer: AgiPeer, decider: Decider
) -> None:
    decider.seconds = 5
    begun = time.monotonic()
    peer.ask()
    assert await peer.confirm_all() == []
    assert 0.19 < time.monotonic() - begun < 2
    assert server.counters.handler_faults == 1


@pytest.mark.parametrize(
    "variables",
    [
        {"SV_GRANT": "pbx1-1.1"},
        {"SV_TO": "x", "SV_CAUSE": "1\n2"},
        {"SV_TO": 'a"\nSET VARIABLE SV_GRANT "pbx1-1.1'},
        {"CHANNEL(hangup_handler_push)": "x"},
        {"SV_TO": "x" * 2_000},
    ],
)
async def test_a_verdict_that_cannot_be_written_sends_not_one_line_of_it(
    server: FastAgiServer, peer: AgiPeer, decider: Decider, variables: dict[str, str]
) -> None:
    decider.verdict = AgiVerdict(True, variables)
    peer.ask()
    assert await peer.confirm_all() == []
    assert server.counters.unconfirmed == 1


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


async def test_caller_names_and_numbers_stay_out_of_the_log(
    server: FastAgiServer, peer: AgiPeer, decider: Decider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    decider.fault = RuntimeError("x")
    peer.ask()
    await peer.confirm_all()
    assert "漢字" not in caplog.text
    assert "+436601234567" not in caplog.text
