"""Submissions whose answer does not come, comes late, or tells no id."""

import asyncio
import time

import pytest

from telephony.sms.providers import smpp_pdu as wire
from telephony.sms.providers.base import ReceiptState, reference_of
from tests.sms.hostile import SUBMIT_RESP, Peer, hostile, idle
from tests.sms.support import Sink, bound, refused, submission, submitted, until


async def test_silence_on_submit_is_unknown_after_the_timeout() -> None:
    async with hostile(idle) as smsc, bound(smsc.port, Sink(), response_seconds=0.1) as provider:
        start = time.monotonic()
        error = refused((await provider.submit([submission()]))[0])
        elapsed = time.monotonic() - start
    assert (error.code, error.outcome_unknown) == ("response_timeout", True)
    assert not error.retryable
    assert 0.1 <= elapsed < 1
    assert provider.figures().get("response_timeout") == 1


async def test_a_timeout_makes_room_in_the_window() -> None:
    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        await peer.expect(wire.SUBMIT_SM)
        await peer.accept_submit("second")
        await peer.closed()

    async with (
        hostile(play) as smsc,
        bound(smsc.port, Sink(), response_seconds=0.1, window=1) as provider,
    ):
        first, second = await provider.submit([submission(), submission()])
    assert refused(first).outcome_unknown
    assert submitted(second) == "second"


async def test_a_late_response_settles_nothing_else_and_is_told_as_a_receipt() -> None:
    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        late = await peer.expect(wire.SUBMIT_SM)
        await peer.accept_submit("second")
        peer.send(SUBMIT_RESP, late.sequence, b"first\0")
        await peer.closed()

    sink = Sink()
    async with (
        hostile(play) as smsc,
        bound(smsc.port, sink, response_seconds=0.1, window=1) as provider,
    ):
        batch = [submission(message_id="m1"), submission(message_id="m2")]
        _, second = await provider.submit(batch)
        assert submitted(second) == "second"
        [receipt] = await sink.wait_for(1)
        assert provider.figures()["late_response"] == 1
    assert (receipt.provider_message_id, receipt.state) == ("first", ReceiptState.ENROUTE)
    assert receipt.reference == reference_of("m1", 1) != reference_of("m2", 1)
    assert receipt.recipient == batch[0].recipient


async def test_a_late_refusal_is_only_counted() -> None:
    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        late = await peer.expect(wire.SUBMIT_SM)
        await asyncio.sleep(0.3)
        peer.send(SUBMIT_RESP, late.sequence, status=0x0B)
        await peer.closed()

    sink = Sink()
    async with (
        hostile(play) as smsc,
        bound(smsc.port, sink, response_seconds=0.1) as provider,
    ):
        assert refused((await provider.submit([submission()]))[0]).outcome_unknown
        await until(lambda: provider.figures().get("late_response") == 1)
    assert sink.receipts == []


@pytest.mark.parametrize("ending", ["reset", "close", "unbind"])
async def test_the_link_ending_before_the_response_is_unknown(ending: str) -> None:
    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        await peer.expect(wire.SUBMIT_SM)
        if ending == "reset":
            peer.reset()
        elif ending == "unbind":
            peer.send(wire.UNBIND, 9)
            await peer.expect(wire.UNBIND | wire.RESPONSE)

    async with hostile(play, idle) as smsc, bound(smsc.port, Sink(), window=1) as provider:
        written, waiting = await provider.submit([submission(), submission()])
        error = refused(written)
        assert (error.code, error.outcome_unknown, error.retryable) == ("link_lost", True, False)
        error = refused(waiting)  # it never left this process
        assert (error.code, error.outcome_unknown, error.retryable) == ("link_down", False, True)
        await until(lambda: smsc.links == 2 and provider.health().up)


async def test_a_cancelled_caller_leaves_the_link_sound() -> None:
    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        first = await peer.expect(wire.SUBMIT_SM)
        await peer.accept_submit("second")
        peer.send(SUBMIT_RESP, first.sequence, b"first\0")
        await peer.closed()

    async with hostile(play) as smsc, bound(smsc.port, Sink(), window=2) as provider:
        lost = asyncio.create_task(provider.submit([submission()]))
        await asyncio.sleep(0.02)
        lost.cancel()
        assert submitted((await provider.submit([submission()]))[0]) == "second"


async def test_a_response_without_id_is_taken_and_nameless() -> None:
    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        pdu = await peer.expect(wire.SUBMIT_SM)
        peer.send(SUBMIT_RESP, pdu.sequence)
        await peer.closed()

    async with hostile(play) as smsc, bound(smsc.port, Sink()) as provider:
        assert submitted((await provider.submit([submission()]))[0]) == ""
        assert provider.figures()["no_message_id"] == 1


async def test_responses_in_any_order_find_their_messages() -> None:
    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        pdus = [await peer.expect(wire.SUBMIT_SM) for _ in range(5)]
        for pdu in reversed(pdus):
            peer.send(SUBMIT_RESP, pdu.sequence, pdu.body[-1:] + b"\0")
        await peer.closed()

    async with hostile(play) as smsc, bound(smsc.port, Sink()) as provider:
        outcomes = await provider.submit([submission(letter) for letter in "abcde"])
    assert [submitted(outcome) for outcome in outcomes] == list("abcde")
