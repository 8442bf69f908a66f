"""Calls on a real Asterisk over the link: what the fake one claims about them is true there."""

import asyncio
import time
from dataclasses import replace

import pytest

from telephony.voice.ami import (
    AbsoluteTimeout,
    AmiEvent,
    AmiLink,
    AmiOutcomeUnknown,
    AmiRefused,
    Connected,
    CoreShowChannels,
    Hangup,
    Originate,
    Redirect,
    SetVar,
)
from tests.fixtures_pbx import Pbx
from tests.patience import PATIENCE_SECONDS
from tests.voice.real_ami import call, seen


async def all_seen(link: AmiLink, names: set[str], uniqueid: str) -> dict[str, AmiEvent]:
    """The first of each of these events of a channel, in whatever order they come."""
    found: dict[str, AmiEvent] = {}
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for event in link.events():
            if event.name in names and event.fields.get("uniqueid") == uniqueid:
                found.setdefault(event.name, event)
            if found.keys() == names:
                return found
    raise AssertionError("the stream ended")


async def talking(link: AmiLink, placed: Originate) -> None:
    """Place a call and wait until both legs are joined."""
    await link.action(placed)
    response = await seen(link, "OriginateResponse", actionid=placed.channel_id)
    assert response.fields["response"] == "Success"
    await seen(link, "BridgeEnter", uniqueid=placed.channel_id)


async def live(link: AmiLink) -> set[str]:
    return {event.fields["uniqueid"] for event in await link.action(CoreShowChannels())}


async def test_a_call_has_our_id_from_its_first_event_to_its_record(calls: AmiLink) -> None:
    placed = call(caller_name="Jörg Ünïcode 漢字", account="acct-ami")
    await calls.action(placed)
    before = time.time_ns() // 1000
    first = await seen(calls, "Newchannel", uniqueid=placed.channel_id)
    assert first.fields["linkedid"] == placed.channel_id
    assert abs(first.timestamp - before) < 2_000_000
    named = await seen(calls, "NewCallerid", uniqueid=placed.channel_id)
    assert named.fields["calleridname"] == "Jörg Ünïcode 漢字"
    response = await seen(calls, "OriginateResponse")
    assert response.action_id == response.fields["uniqueid"] == placed.channel_id
    assert (response.fields["response"], response.fields["reason"]) == ("Success", "4")
    await calls.action(SetVar(placed.channel_id, "SV_NOTE", "a,b=c"))
    await seen(calls, "BridgeEnter", uniqueid=placed.channel_id)
    await calls.action(Hangup(placed.channel_id, 17))
    ends = await all_seen(calls, {"Hangup", "Cdr"}, placed.channel_id)
    assert ends["Hangup"].fields["cause"] == "17"
    assert ends["Cdr"].fields["accountcode"] == "acct-ami"
    with pytest.raises(AmiRefused, match="No such channel"):
        await calls.action(Hangup(placed.channel_id))


async def test_a_failed_originate_is_told_by_its_action_id(calls: AmiLink) -> None:
    placed = call(channel="PJSIP/ami-nobody", action_id="ami-attempt-1")
    await calls.action(placed)
    response = await seen(calls, "OriginateResponse", actionid="ami-attempt-1")
    assert response.fields["response"] == "Failure"


async def test_a_second_originate_with_a_live_id_fails_under_its_own_action_id(
    calls: AmiLink,
) -> None:
    placed = call()
    await talking(calls, placed)
    again = replace(placed, action_id=f"{placed.channel_id}/2")
    await calls.action(again)
    response = await seen(calls, "OriginateResponse")
    assert response.action_id == again.action_id
    assert response.fields["response"] == "Failure"
    assert placed.channel_id in await live(calls)
    await calls.action(Hangup(placed.channel_id))


async def test_absolute_timeout_shortens_a_live_call(calls: AmiLink) -> None:
    placed = call()
    await talking(calls, placed)
    begun = time.monotonic()
    await calls.action(AbsoluteTimeout(placed.channel_id, 1))
    await seen(calls, "Hangup", uniqueid=placed.channel_id)
    assert 0.8 < time.monotonic() - begun < 2.5


async def test_redirect_sends_a_live_channel_elsewhere(calls: AmiLink) -> None:
    placed = call(context="simulated-phone")
    await calls.action(placed)
    await seen(calls, "OriginateResponse", actionid=placed.channel_id)
    await calls.action(Redirect(placed.channel_id, "simulated-carrier", "n0003"))
    places: dict[str, str] = {}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while places.get(placed.channel_id) != "simulated-carrier":
            listed = await calls.action(CoreShowChannels())
            places = {event.fields["uniqueid"]: event.fields["context"] for event in listed}
    await calls.action(Hangup(placed.channel_id))


async def test_the_link_is_cut_in_mid_call(calls: AmiLink) -> None:
    """The call goes on, the pending action is unknown, and the new link sees the call again."""
    placed = call()
    await talking(calls, placed)
    assert calls._protocol is not None
    pending = asyncio.create_task(calls.action(CoreShowChannels()))
    await asyncio.sleep(0)
    calls._protocol.transport.abort()
    with pytest.raises(AmiOutcomeUnknown):
        await pending
    connected = await seen(calls, "Connected")
    assert isinstance(connected, Connected)
    assert not connected.restarted
    assert placed.channel_id in await live(calls)
    await calls.action(Hangup(placed.channel_id))
    await seen(calls, "Hangup", uniqueid=placed.channel_id)
    assert calls.counters.connects == 2


async def test_a_restart_of_asterisk_is_told(pbx: Pbx, calls: AmiLink) -> None:
    placed = call()
    await talking(calls, placed)
    # The start-up time has whole seconds.
    await asyncio.sleep(1)
    await asyncio.to_thread(pbx.kill_and_wait)
    connected = await seen(calls, "Connected", 10)
    assert isinstance(connected, Connected)
    assert connected.restarted
    assert await live(calls) == set()
