"""What an action writes, how its answer is told, and what happens when none comes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from telephony.voice.ami import (
    AbsoluteTimeout,
    Action,
    AmiError,
    AmiEvent,
    AmiLink,
    AmiNotReady,
    AmiOutcomeUnknown,
    AmiRefused,
    AmiValueError,
    CoreShowChannels,
    CoreStatus,
    DBDel,
    DBGet,
    DBGetTree,
    DBPut,
    Hangup,
    Originate,
    Ping,
    PJSIPShowContacts,
    PJSIPShowEndpoint,
    Redirect,
    SetVar,
)
from tests.voice.fake_ami import (
    LIMITS,
    FakeAmi,
    Headers,
    block,
    error,
    event,
    fake_ami,
    silent,
    success,
    until,
)

CALL = Originate(
    channel="Local/s@simulated-phone/n",
    context="api-call",
    exten="s",
    priority=1,
    channel_id="call-1",
    caller_id="+436601234567",
    timeout_ms=45_000,
    account="acct-7",
    variables={"SV_ROUTE": "phone", "SV_TO": "alice", "SV_SECONDS": "60"},
)


@pytest_asyncio.fixture
async def ami() -> AsyncIterator[FakeAmi]:
    async with fake_ami() as server:
        yield server


@pytest_asyncio.fixture
async def link(ami: FakeAmi) -> AsyncIterator[AmiLink]:
    async with ami.ready() as ready:
        yield ready


def rows(action: Headers, name: str, *keys: str) -> str:
    """A list answer as Asterisk gives it: start, one event per row, Complete."""
    answer_id = f"ActionID: {action['actionid']}"
    start = block("Response: Success", answer_id, "EventList: start", "Message: will follow")
    middle = "".join(event(name, answer_id, f"Key: {key}") for key in keys)
    end = event(f"{name}Complete", answer_id, "EventList: Complete", f"ListItems: {len(keys)}")
    return start + middle + end


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


@pytest.mark.parametrize(
    ("action", "wire"),
    [
        (Hangup("c-1", 17), {"action": "Hangup", "channel": "c-1", "cause": "17"}),
        (
            SetVar("c-1", "SV_TO", "a,b"),
            {"action": "Setvar", "channel": "c-1", "variable": "SV_TO", "value": "a,b"},
        ),
        (
            Redirect("PJSIP/a-00000001", "connect", "s"),
            {
                "action": "Redirect",
                "channel": "PJSIP/a-00000001",
                "context": "connect",
                "exten": "s",
                "priority": "1",
            },
        ),
        (
            AbsoluteTimeout("c-1", 30),
            {"action": "AbsoluteTimeout", "channel": "c-1", "timeout": "30"},
        ),
        (
            DBPut("ps/auth", "alice", '{"realm": "r"}'),
            {"action": "DBPut", "family": "ps/auth", "key": "alice", "val": '{"realm": "r"}'},
        ),
        (DBDel("ps/auth", "alice"), {"action": "DBDel", "family": "ps/auth", "key": "alice"}),
        (CoreStatus(), {"action": "CoreStatus"}),
        (Ping(), {"action": "Ping"}),
    ],
    ids=lambda value: value.name if isinstance(value, Action) else "",
)
async def test_single_actions_on_the_wire(
    ami: FakeAmi, link: AmiLink, action: Action, wire: Headers
) -> None:
    await link.action(action)  # type: ignore[call-overload]
    sent = dict(ami.last.actions[-1])
    assert sent.pop("actionid").startswith("sv-")
    assert sent == wire


async def test_answer_has_lower_case_keys_and_nothing_of_panoramisk(
    ami: FakeAmi, link: AmiLink
) -> None:
    ami.answers["Ping"] = lambda action: success(action, "Ping: Pong", "Timestamp: 1.5")
    answer = dict(await link.action(Ping()))
    assert answer.pop("actionid").startswith("sv-")
    assert answer == {"response": "Success", "ping": "Pong", "timestamp": "1.5"}


@pytest.mark.parametrize(
    ("action", "name"),
    [
        (DBGetTree("ps"), "DBGetTreeResponse"),
        (CoreShowChannels(), "CoreShowChannel"),
        (PJSIPShowEndpoint("alice"), "EndpointDetail"),
        (PJSIPShowContacts(), "ContactList"),
        (DBGet("ps", "alice"), "DBGetResponse"),
    ],
)
async def test_lists_are_gathered_to_the_end(
    ami: FakeAmi, link: AmiLink, action: DBGetTree, name: str
) -> None:
    ami.answers[action.name] = lambda sent: rows(sent, name, "a", "b", "c")
    found = await link.action(action)
    assert [(row.name, row.fields["key"]) for row in found] == [(name, k) for k in "abc"]
    assert not len(link.events())


async def test_an_empty_list(ami: FakeAmi, link: AmiLink) -> None:
    ami.answers["CoreShowChannels"] = lambda sent: rows(sent, "CoreShowChannel")
    ami.answers["PJSIPShowContacts"] = lambda sent: error(sent, "No Contacts found")
    ami.answers["DBGet"] = lambda sent: error(sent, "Database entry not found")
    assert await link.action(CoreShowChannels()) == []
    assert await link.action(PJSIPShowContacts()) == []
    assert await link.action(DBGet("f", "k")) == []


async def test_a_refused_list_is_told_at_once(ami: FakeAmi, link: AmiLink) -> None:
    ami.answers["PJSIPShowEndpoint"] = lambda sent: error(sent, "Unable to retrieve endpoint x")
    with pytest.raises(AmiRefused, match=r"^Unable to retrieve endpoint x$"):
        await link.action(PJSIPShowEndpoint("x"))


async def test_a_refused_action_carries_asterisks_words(ami: FakeAmi, link: AmiLink) -> None:
    ami.answers["Hangup"] = lambda sent: error(sent, "No such channel")
    with pytest.raises(AmiRefused, match=r"^No such channel$"):
        await link.action(Hangup("gone"))


async def test_two_lists_at_once_are_kept_apart(ami: FakeAmi, link: AmiLink) -> None:
    held: list[Headers] = []
    ami.answers["DBGetTree"] = held.append
    asked = [asyncio.create_task(link.action(DBGetTree(name))) for name in ("x", "y")]
    await ami.wait_for("DBGetTree", 2)
    parts = [rows(sent, "DBGetTreeResponse", sent["family"] * 2).split("\r\n\r\n") for sent in held]
    for one, other in zip(*parts, strict=True):
        ami.last.send(f"{one}\r\n\r\n{other}\r\n\r\n" if one else "")
    found = await asyncio.gather(*asked)
    assert [[row.fields["key"] for row in rows_] for rows_ in found] == [["xx"], ["yy"]]


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


async def test_after_a_time_out_its_events_reach_the_stream(ami: FakeAmi, link: AmiLink) -> None:
    """panoramisk would hand the OriginateResponse to the forgotten action."""
    ami.answers["Originate"] = silent
    with pytest.raises(AmiOutcomeUnknown):
        await link.action(CALL, seconds_max=0.02)
    ami.last.send(originate_response("call-1", "call-1"))
    assert (await next_event(link)).action_id == "call-1"


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


async def test_one_action_id_awaits_one_answer(ami: FakeAmi, link: AmiLink) -> None:
    ami.answers["Originate"] = silent
    first = asyncio.create_task(link.action(CALL, seconds_max=0.1))
    await ami.wait_for("Originate")
    with pytest.raises(AmiValueError, match="ActionID"):
        await link.action(CALL)
    with pytest.raises(AmiOutcomeUnknown):
        await first
    assert ami.names().count("Originate") == 1


async def test_a_value_error_sends_nothing(ami: FakeAmi, link: AmiLink) -> None:
    with pytest.raises(AmiValueError):
        await link.action(DBPut("f", "k", "v\r\n\r\nAction: Command\r\nCommand: core stop now"))
    with pytest.raises(AmiValueError):
        await link.action(Ping(action_id="x\r\n\r\nAction: Logoff"))
    await link.action(Ping())
    assert ami.names() == ["Login", "CoreStatus", "Ping"]


async def test_all_errors_have_one_base() -> None:
    assert issubclass(AmiNotReady, AmiError)
    assert issubclass(AmiOutcomeUnknown, AmiError)
    assert issubclass(AmiRefused, AmiError)
    assert issubclass(AmiValueError, AmiError)
