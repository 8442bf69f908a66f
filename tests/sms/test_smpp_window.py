"""The window by itself, with no network and a clock that the test turns."""

import asyncio
from itertools import count

import pytest

from telephony.sms.providers.base import ProviderError, Submitted
from telephony.sms.providers.smpp_pdu import SUBMIT_SM, Framer
from telephony.sms.providers.smpp_window import Window
from tests.sms.support import refused, submitted

LOST = ProviderError("link_lost", outcome_unknown=True)
DOWN = ProviderError("link_down", retryable=True)


@pytest.fixture
async def window() -> Window:
    return Window(3, count(1).__next__)


def sequences(pdus: list[bytes]) -> list[int]:
    return [pdu.sequence for pdu in Framer().feed(b"".join(pdus))]


async def test_no_more_are_written_than_the_window_holds(window: Window) -> None:
    window.push([b"a", b"b", b"c", b"d", b"e"])
    assert sequences(window.take(0)) == [1, 2, 3]
    assert window.take(0) == []
    assert window.in_use == 3
    window.settle(2, Submitted("x"))
    assert sequences(window.take(0)) == [4]


async def test_pdus_are_submit_sm_with_their_bodies(window: Window) -> None:
    window.push([b"first", b"second"])
    pdus = list(Framer().feed(b"".join(window.take(0))))
    assert [(pdu.command_id, pdu.body) for pdu in pdus] == [
        (SUBMIT_SM, b"first"),
        (SUBMIT_SM, b"second"),
    ]


async def test_outcomes_stand_in_the_order_of_the_batch(window: Window) -> None:
    batch = window.push([b"a", ProviderError("not_encodable"), b"c"])
    window.take(0)
    window.settle(2, Submitted("second"))
    assert not batch.done.done()
    window.settle(1, Submitted("first"))
    outcomes = batch.done.result()
    assert submitted(outcomes[0]) == "first"
    assert refused(outcomes[1]).code == "not_encodable"
    assert submitted(outcomes[2]) == "second"


async def test_an_empty_batch_and_one_of_errors_are_done_at_once(window: Window) -> None:
    assert window.push([]).done.result() == []
    assert window.push([DOWN]).done.result() == [DOWN]
    assert window.take(0) == []


async def test_batches_share_the_window(window: Window) -> None:
    first, second = window.push([b"a", b"b"]), window.push([b"c", b"d"])
    assert sequences(window.take(0)) == [1, 2, 3]
    for sequence in (3, 1, 2):
        window.settle(sequence, Submitted(str(sequence)))
    assert [submitted(outcome) for outcome in first.done.result()] == ["1", "2"]
    assert not second.done.done()


async def test_an_unknown_or_repeated_response_is_told(window: Window) -> None:
    window.push([b"a"])
    window.take(0)
    assert not window.settle(99, Submitted("x"))
    assert window.settle(1, Submitted("x"))
    assert not window.settle(1, Submitted("y"))


async def test_only_the_late_ones_expire(window: Window) -> None:
    batch = window.push([b"a", b"b"])
    window.take(10.0)
    other = window.push([b"c"])
    window.take(20.0)
    assert window.expire(10.0, LOST) == 0
    assert window.expire(15.0, LOST) == 2
    assert batch.done.result() == [LOST, LOST]
    assert not other.done.done()
    assert window.in_use == 1


async def test_a_lost_link_tells_written_from_waiting(window: Window) -> None:
    batch = window.push([b"a", b"b", b"c", b"d"])
    window.take(0)
    window.fail_waiting(DOWN)
    window.fail_written(LOST)
    assert batch.done.result() == [LOST, LOST, LOST, DOWN]
    assert window.in_use == 0


async def test_what_a_cancelled_caller_left_waiting_is_never_written(window: Window) -> None:
    gone, kept = window.push([b"a"]), window.push([b"b"])
    gone.done.cancel()
    [pdu] = Framer().feed(b"".join(window.take(0)))
    assert pdu.body == b"b"
    window.settle(pdu.sequence, Submitted("1"))
    assert kept.done.done()


async def test_a_response_for_a_cancelled_caller_does_no_harm(window: Window) -> None:
    batch = window.push([b"a"])
    window.take(0)
    batch.done.cancel()
    assert window.settle(1, Submitted("1"))
    assert window.in_use == 0


async def test_open_batches_are_those_without_all_responses(window: Window) -> None:
    first, second = window.push([b"a", b"b", b"c"]), window.push([b"d"])
    window.take(0)
    assert window.open_batches() == {first.done, second.done}
    for sequence in (1, 2, 3):
        window.settle(sequence, Submitted("x"))
    assert window.open_batches() == {second.done}
    assert isinstance(second.done, asyncio.Future)
