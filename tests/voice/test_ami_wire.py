"""What comes in: whatever the peer sends, the link goes on and nothing good is lost."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from telephony.voice.ami import AmiEvent, AmiLink, Ping
from tests.patience import PATIENCE_SECONDS
from tests.voice.fake_ami import LIMITS, FakeAmi, block, event, success, until

LAST = event("Hangup", "Uniqueid: last")


@pytest_asyncio.fixture
async def link(ami: FakeAmi) -> AsyncIterator[AmiLink]:
    async with ami.ready(replace(LIMITS, message_bytes_max=10_000)) as ready:
        yield ready


async def events_to_last(link: AmiLink) -> list[AmiEvent]:
    """Everything before the event with Uniqueid `last`, which must arrive."""
    found: list[AmiEvent] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for seen in link.events():
            if seen.fields.get("uniqueid") == "last":
                return found
            found.append(seen)
    raise AssertionError("the stream ended")


async def same_link(ami: FakeAmi, link: AmiLink) -> bool:
    """Whether the first connection still serves."""
    return (await link.action(Ping()))["response"] == "Success" and len(ami.sessions) == 1


async def test_an_event_is_typed(ami: FakeAmi, link: AmiLink) -> None:
    ami.last.send(
        event(
            "Newstate",
            "Timestamp: 1728000000.123456",
            "Uniqueid: call-1",
            "CallerIDName: a: b",
            "AccountCode: ",
        )
        + LAST
    )
    (seen,) = await events_to_last(link)
    assert seen == AmiEvent(
        "Newstate",
        {
            "event": "Newstate",
            "timestamp": "1728000000.123456",
            "uniqueid": "call-1",
            "calleridname": "a: b",
            "accountcode": "",
        },
        1_728_000_000_123_456,
    )
    assert seen.action_id == ""


@pytest.mark.parametrize("stamp", ["", "soon", "1.x", "-"])
async def test_an_unreadable_timestamp_becomes_the_time_of_reading(
    ami: FakeAmi, link: AmiLink, stamp: str
) -> None:
    ami.last.send(event("Newstate", f"Timestamp: {stamp}") + event("Hangup") + LAST)
    first, second = await events_to_last(link)
    assert abs(first.timestamp - second.timestamp) < 1_000_000
    assert second.timestamp > 1_700_000_000_000_000


async def test_characters_split_across_reads(ami: FakeAmi, link: AmiLink) -> None:
    name = "Jörg Ünïcode 漢字 📞"
    await ami.last.send_slowly((event("Newchannel", f"CallerIDName: {name}") + LAST).encode())
    (seen,) = await events_to_last(link)
    assert seen.fields["calleridname"] == name


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
async def test_messages_cut_anywhere(ami: FakeAmi, link: AmiLink, size: int) -> None:
    text = "".join(event("Newstate", f"Uniqueid: é{n}") for n in range(4)) + LAST
    await ami.last.send_slowly(text.encode(), size)
    found = await events_to_last(link)
    assert [seen.fields["uniqueid"] for seen in found] == ["é0", "é1", "é2", "é3"]


async def test_bytes_that_are_no_utf8_are_replaced(ami: FakeAmi, link: AmiLink) -> None:
    ami.last.send(b"Event: Newchannel\r\nCallerIDName: M\xfcller \xff\xc3\r\n\r\n")
    ami.last.send(LAST)
    (seen,) = await events_to_last(link)
    assert seen.fields["calleridname"] == "M\ufffdller \ufffd\ufffd"
    assert await same_link(ami, link)


@pytest.mark.parametrize(
    "lines",
    [
        ("Event: Newstate", "Event: Hangup"),
        ("Event: Newstate", "ActionID: 1", "ActionID: 2"),
        ("Event: Newstate", "event: Other"),
        ("Event: Newstate", "Response: Success", "Response: Error"),
        ("Event: Newstate", "Message: a", "Message: b"),
    ],
)
async def test_a_repeated_header_does_not_drop_the_link(
    ami: FakeAmi, link: AmiLink, lines: tuple[str, ...]
) -> None:
    ami.last.send(block(*lines) + LAST)
    assert len(await events_to_last(link)) == 1
    assert await same_link(ami, link)


async def test_a_repeated_event_header_counts_once(ami: FakeAmi, link: AmiLink) -> None:
    ami.last.send(block("Event: Newstate", "Event: Hangup", "Uniqueid: 1") + LAST)
    (seen,) = await events_to_last(link)
    assert seen.name == "Newstate"


async def test_a_repeated_header_keeps_all_its_values(ami: FakeAmi, link: AmiLink) -> None:
    ami.last.send(event("Cdr", "ChanVariable: a=1", "ChanVariable: b=2", "X: 1") + LAST)
    (seen,) = await events_to_last(link)
    assert seen.fields["chanvariable"] == "a=1\nb=2"


async def test_an_answer_with_a_repeated_message(ami: FakeAmi, link: AmiLink) -> None:
    """panoramisk calls `.lower()` on the list that it made of them."""
    ami.answers["Ping"] = lambda action: success(action, "Message: a", "Message: b")
    assert (await link.action(Ping()))["message"] == "a\nb"


@pytest.mark.parametrize(
    "garbage",
    [
        "\r\n\r\n",
        "\r\n" * 9,
        ":::\r\n\r\n",
        "no colon at all\r\n\r\n",
        "Event:\r\n\r\n",
        "Response: \r\n\r\n",
        "Response: Follows\r\n\r\n",
        "Response: Fail\r\n\r\n",
        "ActionID: 5\r\n\r\n",
        "\x00\x01\x02\r\n\r\n",
        "Response: Success\r\nActionID: never-asked\r\n\r\n",
        "Event: OriginateResponse\r\n\r\n",
    ],
)
async def test_garbage_does_not_drop_the_link(ami: FakeAmi, link: AmiLink, garbage: str) -> None:
    ami.last.send(garbage * 3 + LAST)
    assert {seen.name for seen in await events_to_last(link)} <= {"OriginateResponse", ""}
    assert await same_link(ami, link)


async def test_a_huge_line_is_left_out(ami: FakeAmi, link: AmiLink) -> None:
    ami.last.send(event("Newstate", "Uniqueid: 1"))
    ami.last.send("Event: Newchannel\r\nX: ")
    for _ in range(20):
        ami.last.send("x" * 1_000_000)
        await asyncio.sleep(0)
    ami.last.send("\r\n\r\n" + event("Newstate", "Uniqueid: 2") + LAST)
    found = await events_to_last(link)
    assert [seen.fields["uniqueid"] for seen in found] == ["1", "2"]
    assert link.counters.messages_oversized == 1
    assert await same_link(ami, link)


async def test_a_huge_line_takes_no_memory(ami: FakeAmi, link: AmiLink) -> None:
    ami.last.send("X: ")
    for _ in range(50):
        ami.last.send("x" * 100_000)
        await asyncio.sleep(0)
    await until(lambda: link.counters.messages_oversized == 1)
    assert link._protocol is not None
    assert len(link._protocol._rest) < 10_000 + 300_000
    ami.last.send("\r\n\r\n" + LAST)
    assert await events_to_last(link) == []


async def test_the_end_of_a_huge_line_may_be_cut_by_a_read(ami: FakeAmi, link: AmiLink) -> None:
    ami.last.send("x" * 20_000 + "\r")
    await until(lambda: link.counters.messages_oversized == 1)
    await ami.last.send_slowly(b"\n\r\n" + LAST.encode())
    assert await events_to_last(link) == []


async def test_a_message_just_below_the_limit_passes(ami: FakeAmi, link: AmiLink) -> None:
    ami.last.send(event("Newstate", "X: " + "x" * 9_000) + LAST)
    (seen,) = await events_to_last(link)
    assert len(seen.fields["x"]) == 9_000


async def test_a_handler_that_raises_does_not_drop_the_link(
    ami: FakeAmi, link: AmiLink, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(fields: object) -> None:
        raise RuntimeError("a bug in the handler")

    assert link._protocol is not None
    good, link._protocol.on_event = link._protocol.on_event, broken
    ami.last.send(event("Newstate"))
    await until(lambda: link.counters.messages_unreadable == 1)
    link._protocol.on_event = good
    assert "a bug in the handler" in caplog.text
    assert await same_link(ami, link)


async def test_a_consumer_that_raises_does_not_drop_the_link(ami: FakeAmi, link: AmiLink) -> None:
    ami.last.send(event("Newstate", "Uniqueid: 1") + event("Newstate", "Uniqueid: 2") + LAST)

    async def consume() -> None:
        async for _ in link.events():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await consume()
    assert [seen.fields["uniqueid"] for seen in await events_to_last(link)] == ["2"]
    assert await same_link(ami, link)


async def test_a_consumer_that_sleeps_does_not_stop_the_reading(ami: FakeAmi) -> None:
    """Asterisk drops a client that stops reading, so the socket is read whatever happens."""
    async with ami.ready(replace(LIMITS, events_max=100)) as link:
        for n in range(5_000):
            ami.last.send(event("Newstate", f"Uniqueid: {n}", "X: " + "x" * 500))
        await asyncio.wait_for(ami.last.writer.drain(), 2)
        await until(lambda: link.events().dropped >= 4_000)
        assert len(link.events()) <= 101
        assert await same_link(ami, link)


async def test_the_events_of_other_clients_actions_are_handed_on(
    ami: FakeAmi, link: AmiLink
) -> None:
    ami.last.send(event("OriginateResponse", "ActionID: theirs") + LAST)
    (seen,) = await events_to_last(link)
    assert seen.action_id == "theirs"
