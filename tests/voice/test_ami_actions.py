"""What an action writes, and how its answer is told."""

import asyncio

import pytest

from telephony.voice.ami import (
    AbsoluteTimeout,
    Action,
    AmiError,
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
    Ping,
    PJSIPShowContacts,
    PJSIPShowEndpoint,
    Redirect,
    SetVar,
)
from tests.voice.fake_ami import FakeAmi, Headers, error, rows, success


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
