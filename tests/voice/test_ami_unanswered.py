"""Actions whose answer does not come: of unknown outcome, never sent again, nothing left behind."""

import asyncio
from dataclasses import replace

import pytest

from telephony.voice.ami import (
    AmiLink,
    AmiNotReady,
    AmiOutcomeUnknown,
    AmiValueError,
    DBGetTree,
    DBPut,
    Hangup,
    Ping,
)
from tests.voice.fake_ami import CALL, LIMITS, FakeAmi, Headers, event, rows, silent, success, until


async def test_no_answer_is_an_unknown_outcome(ami: FakeAmi, link: AmiLink) -> None:
    ami.answers["Originate"] = silent
    with pytest.raises(AmiOutcomeUnknown, match=r"Originate: no answer in 0\.03 s"):
        await link.action(CALL, seconds_max=0.03)
    assert link.ready


async def test_after_a_time_out_nothing_is_registered(ami: FakeAmi, link: AmiLink) -> None:
    ami.answers["Originate"] = ami.answers["DBGetTree"] = silent
    for action in (CALL, DBGetTree("ps")):
        with pytest.raises(AmiOutcomeUnknown):
            await link.action(action, seconds_max=0.02)
    assert link._protocol is not None
    assert link._protocol.responses == {}


async def test_late_answers_are_dropped_and_counted(ami: FakeAmi, link: AmiLink) -> None:
    ami.answers["DBGetTree"] = silent
    with pytest.raises(AmiOutcomeUnknown):
        await link.action(DBGetTree("ps"), seconds_max=0.02)
    ami.last.send(rows(ami.last.actions[-1], "DBGetTreeResponse", "a", "b"))
    await until(lambda: link.counters.answers_late == 4)
    assert not len(link.events())


async def test_link_lost_before_the_answer_is_an_unknown_outcome(
    ami: FakeAmi, link: AmiLink
) -> None:
    ami.answers["Originate"] = lambda _: ami.last.drop()
    begun = asyncio.get_running_loop().time()
    with pytest.raises(AmiOutcomeUnknown, match="lost"):
        await link.action(CALL)
    assert asyncio.get_running_loop().time() - begun < 0.3


async def test_nothing_is_sent_again_after_a_reconnect(ami: FakeAmi, link: AmiLink) -> None:
    ami.answers["Originate"] = ami.answers["DBPut"] = silent
    pending = [
        asyncio.create_task(link.action(action, seconds_max=5))
        for action in (CALL, DBPut("f", "k", "v"))
    ]
    await ami.wait_for("DBPut")
    ami.last.drop()
    outcomes = await asyncio.gather(*pending, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [AmiOutcomeUnknown] * 2
    await link.wait_ready(2)
    await link.action(Ping())
    assert (ami.names().count("Originate"), ami.names().count("DBPut")) == (1, 1)
    assert [action["action"] for action in ami.last.actions] == ["Login", "CoreStatus", "Ping"]


async def test_an_action_while_down_is_refused_and_never_fires(ami: FakeAmi, link: AmiLink) -> None:
    ami.boots_at_once = False
    ami.last.drop()
    await until(lambda: not link.ready)
    with pytest.raises(AmiNotReady):
        await link.action(CALL)
    ami.boots_at_once = True
    await until(lambda: len(ami.sessions) > 1)
    ami.last.send(event("FullyBooted"))
    await link.wait_ready(2)
    await link.action(Ping())
    assert "Originate" not in ami.names()


async def test_a_cancelled_caller_leaves_nothing_behind(ami: FakeAmi, link: AmiLink) -> None:
    ami.answers["Hangup"] = silent
    asked = asyncio.create_task(link.action(Hangup("c")))
    await ami.wait_for("Hangup")
    asked.cancel()
    await asyncio.wait({asked})
    assert link._protocol is not None
    assert link._protocol.responses == {}


async def test_no_more_than_so_many_await_an_answer(ami: FakeAmi) -> None:
    held: list[Headers] = []
    ami.answers["Hangup"] = held.append
    async with ami.ready(replace(LIMITS, in_flight_max=3)) as link:
        asked = [asyncio.create_task(link.action(Hangup(str(n)))) for n in range(5)]
        await ami.wait_for("Hangup", 3)
        await asyncio.sleep(0.02)
        assert len(held) == 3
        ami.last.send(success(held[0]))
        await ami.wait_for("Hangup", 4)
        ami.last.drop()
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds == [dict, *[AmiOutcomeUnknown] * 3, AmiNotReady]


async def test_one_action_id_awaits_one_answer(ami: FakeAmi, link: AmiLink) -> None:
    ami.answers["Originate"] = silent
    first = asyncio.create_task(link.action(CALL, seconds_max=0.1))
    await ami.wait_for("Originate")
    with pytest.raises(AmiValueError, match="ActionID"):
        await link.action(CALL)
    with pytest.raises(AmiOutcomeUnknown):
        await first
    assert ami.names().count("Originate") == 1
