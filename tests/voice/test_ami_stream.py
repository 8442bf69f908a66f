"""The stream between the socket and the consumer: bounded, ordered, honest about its gaps."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.voice.ami import AmiEvent, Connected, EventStream, Resync


def numbered(number: int) -> AmiEvent:
    return AmiEvent("Newstate", {"n": str(number)}, number)


CONNECTED = Connected("Connected", {}, 0, "2026-01-01 10:00:00", False)


async def read(stream: EventStream, count: int) -> list[AmiEvent]:
    return [await asyncio.wait_for(anext(stream), 0.5) for _ in range(count)]


async def drain(stream: EventStream) -> list[AmiEvent]:
    return await read(stream, len(stream))


async def test_order_is_kept() -> None:
    stream = EventStream(10)
    for n in range(10):
        stream.put(numbered(n))
    assert [event.timestamp for event in await drain(stream)] == list(range(10))
    assert stream.dropped == 0


async def test_a_reader_that_waits_is_woken() -> None:
    stream = EventStream(10)
    waiting = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    stream.put(numbered(7))
    assert (await asyncio.wait_for(waiting, 0.5)).timestamp == 7


async def test_a_cancelled_reader_takes_nothing_along() -> None:
    stream = EventStream(10)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(stream), 0.01)
    stream.put(numbered(1))
    assert (await read(stream, 1))[0].timestamp == 1


async def test_a_lagging_consumer_gets_one_resync_in_the_place_of_the_gap() -> None:
    stream = EventStream(4)
    for n in range(9):
        stream.put(numbered(n))
    first = await read(stream, 4)
    stream.put(numbered(9))
    gap, after = await drain(stream)
    assert [event.timestamp for event in first] == [0, 1, 2, 3]
    assert isinstance(gap, Resync)
    assert (gap.name, gap.dropped, stream.dropped) == ("Resync", 5, 5)
    assert after.timestamp == 9


async def test_dropping_goes_on_until_half_is_read() -> None:
    stream = EventStream(10)
    for n in range(11):
        stream.put(numbered(n))
    await read(stream, 5)
    stream.put(numbered(11))
    assert stream.dropped == 2
    await read(stream, 2)
    stream.put(numbered(12))
    rest = await drain(stream)
    assert [type(event) for event in rest] == [AmiEvent] * 3 + [Resync, AmiEvent]
    assert isinstance(rest[3], Resync)
    assert rest[3].dropped == 2


async def test_a_second_lag_makes_a_second_resync() -> None:
    stream = EventStream(4)
    gaps = 0
    for start in (0, 100):
        for n in range(start, start + 8):
            stream.put(numbered(n))
        gaps += sum(isinstance(event, Resync) for event in await drain(stream))
    assert gaps == 2
    assert stream.dropped == 8


async def test_connected_always_gets_through() -> None:
    stream = EventStream(4)
    for n in range(20):
        stream.put(numbered(n))
    stream.put_marker(CONNECTED)
    gap, connected = await drain(stream)
    assert isinstance(gap, Resync)
    assert gap.dropped == stream.dropped == 20
    assert connected is CONNECTED


async def test_reconnecting_for_ever_without_a_consumer_takes_no_memory() -> None:
    stream = EventStream(4)
    for n in range(1_000):
        stream.put_marker(CONNECTED)
        stream.put(numbered(n))
    assert len(stream) <= 5
    held = await drain(stream)
    lost = sum(event.dropped for event in held if isinstance(event, Resync))
    assert lost + sum(not isinstance(event, Resync) for event in held) == 2_000
    assert stream.dropped == lost


async def test_close_ends_the_loop_after_what_is_there() -> None:
    stream = EventStream(4)
    stream.put(numbered(1))
    stream.close()
    assert [event.timestamp async for event in stream] == [1]


async def test_close_wakes_a_waiting_reader() -> None:
    stream = EventStream(4)

    async def consume() -> int:
        return len([event async for event in stream])

    waiting = asyncio.create_task(consume())
    await asyncio.sleep(0)
    stream.close()
    assert await asyncio.wait_for(waiting, 0.5) == 0


@given(st.lists(st.sampled_from(["put", "marker", "read"]), max_size=200), st.integers(2, 9))
def test_nothing_is_lost_without_being_counted(steps: list[str], limit: int) -> None:
    async def play() -> None:
        stream = EventStream(limit)
        put = seen = told = 0
        for step in [*steps, *["read"] * (limit + 2)]:
            if step == "read" and len(stream):
                event = await anext(stream)
                told += event.dropped if isinstance(event, Resync) else 0
                seen += not isinstance(event, Resync)
            elif step == "put":
                stream.put(numbered(put))
                put += 1
            elif step == "marker":
                stream.put_marker(CONNECTED)
                put += 1
            assert len(stream) <= limit + 1
        assert (seen + told, told) == (put, stream.dropped)

    asyncio.run(play())
