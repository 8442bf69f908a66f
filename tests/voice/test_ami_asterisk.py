"""The link against a real Asterisk: what the fake one claims about the protocol is true there."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import count

import pytest
import pytest_asyncio

from telephony.voice.ami import (
    AbsoluteTimeout,
    Action,
    AmiEvent,
    AmiLimits,
    AmiLink,
    AmiLoginRefused,
    AmiOutcomeUnknown,
    AmiRefused,
    AmiValueError,
    Connected,
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
from telephony.voice.ami.values import LINE_BYTES_MAX
from tests.fixtures_pbx import Pbx
from tests.voice.fake_ami import until

LIMITS = AmiLimits(retry_seconds_min=0.05, retry_seconds_max=0.2, login_retry_seconds=0.1)
_numbers = count(1)


def call(**changes: object) -> Originate:
    """A call with an id of its own that is answered after a second and talks until hung up."""
    ready = Originate(
        channel="Local/s@simulated-phone/n",
        context="api-call",
        exten="s",
        priority=1,
        channel_id=f"ami-test-{next(_numbers)}-{time.time_ns()}",
        caller_id="+436601234567",
        variables={
            "SV_ROUTE": "simulated",
            "SV_TO": "+4319990001",
            "SV_CALLER_ID": "+436601234567",
            "SV_SECONDS": "60",
            "SV_RING_SECONDS": "20",
        },
    )
    return replace(ready, **changes)  # type: ignore[arg-type]


def user(pbx: Pbx, name: str, secret: str | None = None) -> AmiLink:
    known = {"calls": pbx.secrets.ami_calls, "provisioning": pbx.secrets.ami_provisioning}
    settings = pbx.settings
    return AmiLink(settings.ami_host, settings.ami_port, name, secret or known[name], LIMITS)


@pytest_asyncio.fixture
async def calls(pbx: Pbx) -> AsyncIterator[AmiLink]:
    async with user(pbx, "calls") as link:
        await link.wait_ready(10)
        yield link


@pytest_asyncio.fixture
async def provisioning(pbx: Pbx) -> AsyncIterator[AmiLink]:
    async with user(pbx, "provisioning") as link:
        await link.wait_ready(10)
        yield link


async def seen(link: AmiLink, name: str, seconds: float = 5, **wanted: str) -> AmiEvent:
    """The next event of that name with these fields; others are passed over."""
    async with asyncio.timeout(seconds):
        async for event in link.events():
            if event.name == name and wanted.items() <= event.fields.items():
                return event
    raise AssertionError("the stream ended")


async def all_seen(link: AmiLink, names: set[str], uniqueid: str) -> dict[str, AmiEvent]:
    """The first of each of these events of a channel, in whatever order they come."""
    found: dict[str, AmiEvent] = {}
    async with asyncio.timeout(5):
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


async def test_both_users_become_ready(calls: AmiLink, provisioning: AmiLink) -> None:
    for link in (calls, provisioning):
        connected = await seen(link, "Connected")
        assert isinstance(connected, Connected)
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", connected.started)
        assert not connected.restarted
        assert (await link.action(Ping()))["ping"] == "Pong"
        assert (await link.action(CoreStatus()))["corecurrentcalls"].isdigit()


async def test_a_wrong_secret_is_refused(pbx: Pbx, caplog: pytest.LogCaptureFixture) -> None:
    async with user(pbx, "calls", "wrong") as link:
        await until(lambda: "refused user calls: Authentication failed" in caplog.text)
        assert not link.ready
    assert issubclass(AmiLoginRefused, AmiRefused)


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("calls", DBPut("ami-test", "k", "v")),
        ("calls", DBDel("ami-test", "k")),
        ("provisioning", call()),
        ("provisioning", SetVar("nobody", "V", "x")),
        ("provisioning", Redirect("nobody", "api-call", "s")),
    ],
    ids=lambda value: value.name if isinstance(value, Action) else value,
)
async def test_each_user_may_only_do_its_own(pbx: Pbx, name: str, action: Action) -> None:
    async with user(pbx, name) as link:
        await link.wait_ready(10)
        with pytest.raises(AmiRefused, match="Permission denied"):
            await link.action(action)  # type: ignore[call-overload]


async def test_2000_rows_are_written_read_and_deleted(provisioning: AmiLink) -> None:
    family = f"ami-test-{time.time_ns()}/rows"
    value = '{"password_digest": "MD5:0123456789abcdef", "name": "Jörg 漢字"}'
    begun = time.monotonic()
    rows = range(2_000)
    await asyncio.gather(*(provisioning.action(DBPut(family, f"{n}", value)) for n in rows))
    rate = 2_000 / (time.monotonic() - begun)
    listed = await provisioning.action(DBGetTree(family))
    assert {row.fields["key"] for row in listed} == {f"/{family}/{n}" for n in rows}
    assert {row.fields["val"] for row in listed} == {value}
    await asyncio.gather(*(provisioning.action(DBDel(family, f"{n}")) for n in rows))
    assert await provisioning.action(DBGetTree(family)) == []
    assert rate > 1_000


async def test_a_row_that_is_not_there(provisioning: AmiLink) -> None:
    assert await provisioning.action(DBGet("ami-test-none", "k")) == []
    assert await provisioning.action(DBGetTree("ami-test-none")) == []
    with pytest.raises(AmiRefused):
        await provisioning.action(DBDel("ami-test-none", "k"))


async def test_a_tree_is_one_family_and_no_other(provisioning: AmiLink) -> None:
    for family in ("ami-tree", "ami-tree-2", "ami-tree/sub"):
        await provisioning.action(DBPut(family, "k", family))
    listed = await provisioning.action(DBGetTree("ami-tree"))
    for family in ("ami-tree", "ami-tree-2", "ami-tree/sub"):
        await provisioning.action(DBDel(family, "k"))
    assert {row.fields["val"] for row in listed} == {"ami-tree", "ami-tree/sub"}


async def test_the_longest_line_that_asterisk_takes(provisioning: AmiLink) -> None:
    """With one byte more it answers "line too long"; the link refuses before that."""
    longest = "x" * (LINE_BYTES_MAX - len("Val: \r\n"))
    await provisioning.action(DBPut("ami-test", "long", longest))
    (row,) = await provisioning.action(DBGet("ami-test", "long"))
    await provisioning.action(DBDel("ami-test", "long"))
    assert row.fields["val"] == longest
    with pytest.raises(AmiValueError):
        await provisioning.action(DBPut("ami-test", "long", longest + "x"))


async def test_a_blank_line_in_a_value_is_refused(provisioning: AmiLink) -> None:
    for end in ("\r\n", "\n"):
        value = f"v{end}{end}Action: DBPut{end}Family: ami-test{end}Key: injected{end}Val: x"
        with pytest.raises(AmiValueError):
            await provisioning.action(DBPut("ami-test", "k", value))
    assert await provisioning.action(DBGet("ami-test", "injected")) == []
    assert await provisioning.action(DBGet("ami-test", "k")) == []


async def test_an_account_is_read_back(pbx: Pbx, provisioning: AmiLink) -> None:
    await asyncio.to_thread(pbx.provision, "ami-reader", "pw")
    details = await provisioning.action(PJSIPShowEndpoint("ami-reader"))
    named = {event.name: event.fields for event in details}
    assert named["EndpointDetail"]["accountcode"] == "ami-reader"
    assert named["AuthDetail"]["realm"] == pbx.settings.realm
    with pytest.raises(AmiRefused, match="Unable to retrieve endpoint"):
        await provisioning.action(PJSIPShowEndpoint("ami-nobody"))


async def test_a_registered_phone_is_listed(pbx: Pbx, provisioning: AmiLink) -> None:
    await asyncio.to_thread(pbx.provision, "ami-phone", "pw")
    assert await asyncio.to_thread(pbx.register, "ami-phone", "pw") == 200
    listed = await provisioning.action(PJSIPShowContacts())
    assert "ami-phone" in {event.fields["endpoint"] for event in listed}


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
    async with asyncio.timeout(3):
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
