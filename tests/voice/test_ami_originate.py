"""A call that is placed: what is written, and the OriginateResponse that tells how it went."""

import asyncio
from dataclasses import replace

import pytest

from telephony.voice.ami import AmiEvent, AmiLink, AmiOutcomeUnknown
from tests.voice.fake_ami import CALL, FakeAmi, event, silent, success


def originate_response(action_id: str, uniqueid: str, response: str = "Success") -> str:
    return event(
        "OriginateResponse",
        f"ActionID: {action_id}",
        f"Response: {response}",
        "Reason: 4",
        f"Uniqueid: {uniqueid}",
    )


async def next_event(link: AmiLink) -> AmiEvent:
    return await asyncio.wait_for(anext(link.events()), 1)


async def test_originate_on_the_wire(ami: FakeAmi, link: AmiLink) -> None:
    await link.action(CALL)
    assert ami.last.actions[-1] == {
        "action": "Originate",
        "actionid": "call-1",
        "channel": "Local/s@simulated-phone/n",
        "context": "api-call",
        "exten": "s",
        "priority": "1",
        "channelid": "call-1",
        "callerid": '"" <+436601234567>',
        "timeout": "45000",
        "account": "acct-7",
        "async": "true",
        "variable": "SV_ROUTE=phone|SV_TO=alice|SV_SECONDS=60",
    }


@pytest.mark.parametrize("response", ["Success", "Failure"])
async def test_originate_response_is_an_event(ami: FakeAmi, link: AmiLink, response: str) -> None:
    """Sent in one piece with the answer, where panoramisk waits for more of them."""
    ami.answers["Originate"] = lambda sent: (
        success(sent, "Message: Originate successfully queued")
        + originate_response(sent["actionid"], "call-1", response)
    )
    answer = await link.action(CALL)
    seen = await next_event(link)
    assert answer["message"] == "Originate successfully queued"
    assert (seen.name, seen.action_id) == ("OriginateResponse", "call-1")
    assert seen.fields["response"] == response


async def test_originate_response_before_its_answer_is_still_an_event(
    ami: FakeAmi, link: AmiLink
) -> None:
    ami.answers["Originate"] = lambda sent: (
        originate_response(sent["actionid"], "call-1") + success(sent, "Message: queued")
    )
    assert (await link.action(CALL))["message"] == "queued"
    assert (await next_event(link)).name == "OriginateResponse"


async def test_originate_response_with_another_calls_uniqueid_is_told_by_action_id(
    ami: FakeAmi, link: AmiLink
) -> None:
    second = replace(CALL, action_id="call-1/again")
    await link.action(CALL)
    await link.action(second)
    ami.last.send(originate_response("call-1/again", "call-1", "Failure"))
    seen = await next_event(link)
    assert (seen.action_id, seen.fields["uniqueid"]) == ("call-1/again", "call-1")


async def test_after_a_time_out_its_events_reach_the_stream(ami: FakeAmi, link: AmiLink) -> None:
    """panoramisk would hand the OriginateResponse to the forgotten action."""
    ami.answers["Originate"] = silent
    with pytest.raises(AmiOutcomeUnknown):
        await link.action(CALL, seconds_max=0.02)
    ami.last.send(originate_response("call-1", "call-1"))
    assert (await next_event(link)).action_id == "call-1"
