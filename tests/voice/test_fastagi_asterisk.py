"""FastAGI with a real Asterisk and its dialplan: a channel dials only with a grant."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from itertools import count

import pytest
import pytest_asyncio

from telephony.voice.ami import AmiEvent, AmiLink, Hangup, Originate
from telephony.voice.fastagi import AgiLimits, AgiVerdict, FastAgiServer
from tests.fixtures_pbx import Pbx
from tests.patience import PATIENCE_SECONDS
from tests.voice.deciding import Decider
from tests.voice.real_ami import SIMULATED

_numbers = count(1)
GRANTED = AgiVerdict(True, SIMULATED)


@pytest.fixture
def decider() -> Decider:
    return Decider(GRANTED)


@pytest_asyncio.fixture
async def server(pbx: Pbx, decider: Decider) -> AsyncIterator[FastAgiServer]:
    limits = AgiLimits(handler_seconds_max=0.5, drain_seconds_max=0.5)
    async with FastAgiServer(
        decider, pbx.settings.agi_host, pbx.settings.agi_port, limits
    ) as running:
        yield running


async def dial(link: AmiLink, dialled: str = "4319990001") -> str:
    """Let a channel with an id of its own dial from where phones dial; its Uniqueid."""
    channel_id = f"agi-test-{next(_numbers)}-{time.time_ns()}"
    await link.action(Originate("Local/s@simulated-phone/n", "from-phone", dialled, 1, channel_id))
    return channel_id


async def story(link: AmiLink, channel_id: str) -> list[AmiEvent]:
    """The channel's events up to its end, or until it is joined to the one that it dialled."""
    found: list[AmiEvent] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for event in link.events():
            if event.fields.get("uniqueid") != channel_id:
                continue
            found.append(event)
            if event.name in ("Hangup", "BridgeEnter"):
                return found
    raise AssertionError("the stream ended")


async def test_a_grant_dials_the_destination_it_was_given(
    calls: AmiLink, server: FastAgiServer, decider: Decider
) -> None:
    channel_id = await dial(calls, "+4319999999")
    events = await story(calls, channel_id)
    assert events[-1].name == "BridgeEnter"
    dialled = [event for event in events if event.name == "DialBegin"][-1]
    assert dialled.fields["dialstring"].startswith("15550000001@simulated-carrier")
    (asked,) = decider.asked
    assert asked.script == "authorize"
    assert asked.uniqueid == channel_id
    assert asked.arguments == (channel_id, "", "+4319999999", "")
    assert server.counters.granted == 1
    await calls.action(Hangup(channel_id))


def refused(events: list[AmiEvent]) -> bool:
    """Whether the channel ended without having dialled anyone."""
    return events[-1].name == "Hangup" and "DialBegin" not in {event.name for event in events}


async def test_a_refusal_ends_the_call_with_its_cause(
    calls: AmiLink, server: FastAgiServer, decider: Decider
) -> None:
    decider.verdict = AgiVerdict(False, {"SV_CAUSE": "21"})
    events = await story(calls, await dial(calls))
    assert refused(events)
    assert events[-1].fields["cause"] == "21"
    assert server.counters.refused == 1


async def test_a_refusal_without_a_cause(
    calls: AmiLink, server: FastAgiServer, decider: Decider
) -> None:
    decider.verdict = AgiVerdict(False, {**GRANTED.variables})
    assert refused(await story(calls, await dial(calls)))


async def test_a_slow_handler_is_no_grant(
    calls: AmiLink, server: FastAgiServer, decider: Decider
) -> None:
    decider.seconds = 60
    assert refused(await story(calls, await dial(calls)))
    assert server.counters.handler_faults == 1


async def test_no_server_is_no_grant(calls: AmiLink, pbx: Pbx) -> None:
    with socket.socket() as tried:
        tried.settimeout(1)
        assert tried.connect_ex((pbx.settings.agi_host, pbx.settings.agi_port)) != 0
    assert refused(await story(calls, await dial(calls)))


async def test_values_that_need_care_arrive_and_are_refused_by_the_dialplan(
    calls: AmiLink, server: FastAgiServer, decider: Decider
) -> None:
    """Each is confirmed by Asterisk, so its quoting was right; none may be dialled from."""
    values = ["a b", 'qu"ote', "back\\slash", "Jörg 漢字", "${SHELL(id)}"]
    for number, value in enumerate(values):
        caller = {**GRANTED.variables, "SV_CALLER_ID": value}
        decider.by_dialled[f"431999{number}"] = AgiVerdict(True, caller)
    ids = {await dial(calls, dialled) for dialled in decider.by_dialled}
    ended: set[str] = set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while ended != ids:
            event = await anext(calls.events())
            if event.fields.get("uniqueid") in ids:
                assert event.name != "DialBegin"
                ended |= {event.fields["uniqueid"]} if event.name == "Hangup" else set()
    assert server.counters.granted == len(values)


async def test_a_phone_that_dials(pbx: Pbx, server: FastAgiServer, decider: Decider) -> None:
    await asyncio.to_thread(pbx.provision, "agi-phone", "pw")
    decider.verdict = AgiVerdict(False, {"SV_CAUSE": "21"})
    with pbx.phone("agi-phone", "pw") as phone:
        assert await asyncio.to_thread(phone.invite, "+4319999999") == 403
    (asked,) = decider.asked
    assert asked.arguments == (asked.uniqueid, "agi-phone", "+4319999999", "")
    assert asked.fields["agi_accountcode"] == "agi-phone"


async def test_many_channels_at_once(
    calls: AmiLink, server: FastAgiServer, decider: Decider
) -> None:
    decider.verdict = AgiVerdict(False, {"SV_CAUSE": "21"})
    ids = {await dial(calls) for _ in range(50)}
    ended: set[str] = set()
    async with asyncio.timeout(15):
        async for event in calls.events():
            if event.name == "Hangup" and event.fields["uniqueid"] in ids:
                assert event.fields["cause"] == "21"
                ended.add(event.fields["uniqueid"])
                if ended == ids:
                    break
    assert {request.uniqueid for request in decider.asked} == ids
    assert (server.counters.sessions, server.counters.refused) == (50, 50)
