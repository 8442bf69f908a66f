"""From a channel's question to its verdict: a grant comes last and whole, or not at all."""

import asyncio
import logging
import time

import pytest

from telephony.voice.fastagi import AgiVerdict, FastAgiServer
from tests.voice.agi_peer import GRANT, AgiPeer, serves
from tests.voice.deciding import Decider
from tests.voice.fake_ami import until


async def test_a_grant_comes_last(server: FastAgiServer, peer: AgiPeer) -> None:
    peer.ask()
    assert await peer.confirm_all() == [
        'SET VARIABLE SV_LEGS "phones:bob"',
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
    assert await peer.command() == 'SET VARIABLE SV_LEGS "phones:bob"'
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
    assert await peer.confirm_all(answer) == ['SET VARIABLE SV_LEGS "phones:bob"']
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


async def test_caller_names_and_numbers_stay_out_of_the_log(
    server: FastAgiServer, peer: AgiPeer, decider: Decider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    decider.fault = RuntimeError("x")
    peer.ask()
    await peer.confirm_all()
    assert "漢字" not in caplog.text
    assert "+436601234567" not in caplog.text
