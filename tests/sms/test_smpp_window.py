"""The window by itself, with no network and a clock that the test turns."""

import asyncio
from itertools import count

import pytest

from telephony.sms.providers import smpp_window
from telephony.sms.providers.base import ProviderError, Submitted
from telephony.sms.providers.smpp_pdu import SUBMIT_SM, Framer
from telephony.sms.providers.smpp_window import Batch, Entry, Window
from tests.sms.support import refused, submission, submitted

LOST = ProviderError("link_lost", outcome_unknown=True)


@pytest.fixture
async def window() -> Window:
    return Window(3, count(1).__next__)


def entries(*bodies: bytes, parts: int = 1) -> tuple[Batch, list[Entry]]:
    batch = Batch(len(bodies) * parts)
    made = [
        Entry(body, batch, index * parts, parts, submission(message_id=body.decode()), 0.0)
        for index, body in enumerate(bodies)
    ]
    return batch, made


def sequences(pdus: list[bytes]) -> list[int]:
    return [pdu.sequence for pdu in Framer().feed(b"".join(pdus))]


async def test_what_is_written_takes_room_until_it_is_answered(window: Window) -> None:
    _, made = entries(b"a", b"b", b"c", b"d")
    assert window.free == 3
    assert sequences(window.write(made[:3], 0)) == [1, 2, 3]
    assert (window.free, window.in_use) == (0, 3)
    assert window.settle(2, Submitted("x")) == 0
    assert window.free == 1
    assert sequences(window.write(made[3:], 5)) == [4]
    assert window.settle(4, Submitted("y")) == 5


async def test_pdus_are_submit_sm_with_their_bodies(window: Window) -> None:
    _, made = entries(b"first", b"second")
    pdus = list(Framer().feed(b"".join(window.write(made, 0))))
    assert [(pdu.command_id, pdu.body) for pdu in pdus] == [
        (SUBMIT_SM, b"first"),
        (SUBMIT_SM, b"second"),
    ]


async def test_outcomes_stand_in_the_order_of_the_batch(window: Window) -> None:
    batch, made = entries(b"a", b"b", b"c")
    window.write(made, 0)
    window.settle(3, ProviderError("refused"))
    window.settle(2, Submitted("second"))
    assert not batch.done.done()
    window.settle(1, Submitted("first"))
    outcomes = batch.done.result()
    assert [submitted(outcome) for outcome in outcomes[:2]] == ["first", "second"]
    assert refused(outcomes[2]).code == "refused"


async def test_the_outcome_of_one_submit_sm_is_that_of_all_its_parts(window: Window) -> None:
    batch, made = entries(b"a", b"b", parts=3)
    window.write(made, 0)
    window.settle(2, Submitted("2"))
    window.settle(1, Submitted("1"))
    assert [submitted(outcome) for outcome in batch.done.result()] == list("111222")


async def test_an_empty_batch_is_done_at_once() -> None:
    assert Batch(0).done.result() == []


async def test_an_unknown_or_repeated_response_is_told(window: Window) -> None:
    window.write(entries(b"a")[1], 0)
    assert window.settle(99, Submitted("x")) is None
    assert window.settle(1, Submitted("x")) is not None
    assert window.settle(1, Submitted("y")) is None


async def test_only_the_late_ones_expire_and_are_known_when_they_are_answered(
    window: Window,
) -> None:
    batch, made = entries(b"a", b"b")
    window.write(made, 10.0)
    other, more = entries(b"c")
    window.write(more, 20.0)
    assert window.expire(10.0, LOST) == 0
    assert window.expire(15.0, LOST) == 2
    assert batch.done.result() == [LOST, LOST]
    assert not other.done.done()
    assert window.in_use == 1
    late = window.take_late(2)
    assert late is not None
    assert late.first.message_id == "b"
    assert window.take_late(2) is None
    assert window.take_late(3) is None


async def test_no_more_late_ones_are_kept_than_the_limit(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smpp_window, "LATE_MAX", 2)
    for at in range(4):
        window.write(entries(b"a")[1], at)
        window.expire(at + 1, LOST)
    assert [window.take_late(number) is not None for number in range(1, 5)] == [
        False, False, True, True,
    ]  # fmt: skip


async def test_a_lost_link_settles_all_that_was_written(window: Window) -> None:
    batch, made = entries(b"a", b"b", b"c")
    window.write(made, 0)
    window.fail(LOST)
    assert batch.done.result() == [LOST] * 3
    assert window.free == 3


async def test_a_response_for_a_cancelled_caller_does_no_harm(window: Window) -> None:
    batch, made = entries(b"a")
    window.write(made, 0)
    batch.done.cancel()
    assert window.settle(1, Submitted("1")) == 0
    assert window.in_use == 0


async def test_open_batches_are_those_without_all_responses(window: Window) -> None:
    first, made = entries(b"a", b"b")
    second, more = entries(b"c")
    window.write(made + more, 0)
    assert window.open_batches() == {first.done, second.done}
    for sequence in (1, 2):
        window.settle(sequence, Submitted("x"))
    assert window.open_batches() == {second.done}
    assert isinstance(second.done, asyncio.Future)
