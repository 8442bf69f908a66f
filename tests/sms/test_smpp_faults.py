"""The provider against an SMSC that misbehaves in ways that the sound one can't be made to."""

import asyncio
import struct
import time

import pytest

from telephony.sms.providers import smpp_inbox
from telephony.sms.providers import smpp_pdu as wire
from telephony.sms.providers.smpp import SmppProvider
from telephony.sms.providers.smpp_inbox import RECEIPTS_HELD_MAX, RECEIPTS_PER_SINK_MAX
from telephony.sms.providers.smpp_pdu import encode
from tests.sms.hostile import (
    BIND_RESP,
    DELIVER_RESP,
    SUBMIT_RESP,
    Peer,
    deliver_body,
    hostile,
)
from tests.sms.support import Sink, bound, config, refused, submission, submitted, until

RECEIPT = "id:{} stat:DELIVRD err:000"


async def idle(peer: Peer) -> None:
    """Take the bind, then answer nothing but unbind."""
    await peer.accept_bind()
    await peer.closed()


async def deaf(peer: Peer) -> None:
    """Take the bind, then answer nothing at all."""
    await peer.accept_bind()
    await peer.expect(0xFFFFFFFF, seconds=30)


# ── submissions whose answer does not come ────────────────────────────────────────────────────


async def test_silence_on_submit_is_unknown_after_the_timeout() -> None:
    async with hostile(idle) as smsc, bound(smsc.port, Sink(), response_seconds=0.1) as provider:
        start = time.monotonic()
        error = refused((await provider.submit([submission()]))[0])
        elapsed = time.monotonic() - start
    assert (error.code, error.outcome_unknown) == ("response_timeout", True)
    assert not error.retryable
    assert 0.1 <= elapsed < 1
    assert provider.counts["response_timeout"] == 1


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


async def test_a_late_response_is_counted_and_settles_nothing_else() -> None:
    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        late = await peer.expect(wire.SUBMIT_SM)
        await peer.accept_submit("second")
        peer.send(SUBMIT_RESP, late.sequence, b"first\0")
        await peer.closed()

    async with (
        hostile(play) as smsc,
        bound(smsc.port, Sink(), response_seconds=0.1, window=1) as provider,
    ):
        _, second = await provider.submit([submission(), submission()])
        assert submitted(second) == "second"
        await until(lambda: provider.counts["late_response"] == 1)


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


async def test_a_response_without_id_is_unknown() -> None:
    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        pdu = await peer.expect(wire.SUBMIT_SM)
        peer.send(SUBMIT_RESP, pdu.sequence)
        await peer.closed()

    async with hostile(play) as smsc, bound(smsc.port, Sink()) as provider:
        error = refused((await provider.submit([submission()]))[0])
    assert (error.code, error.outcome_unknown) == ("no_message_id", True)


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


# ── bytes that are no sound PDU ───────────────────────────────────────────────────────────────


async def test_pdus_in_single_bytes() -> None:
    async def play(peer: Peer) -> None:
        bind = await peer.expect(wire.BIND_TRANSCEIVER)
        answer = encode(BIND_RESP, bind.sequence, b"hostile\0")
        receipt = encode(wire.DELIVER_SM, 1, deliver_body(RECEIPT.format(5)))
        for octet in answer + receipt:
            peer.raw(bytes((octet,)))
            await asyncio.sleep(0)
        await peer.expect(DELIVER_RESP)
        await peer.closed()

    sink = Sink()
    async with hostile(play) as smsc, bound(smsc.port, sink):
        [receipt] = await sink.wait_for(1)
    assert receipt.provider_message_id == "5"


async def test_half_a_pdu_and_then_the_end() -> None:
    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        peer.raw(encode(wire.DELIVER_SM, 1, deliver_body(RECEIPT.format(5)))[:30])

    sink = Sink()
    async with hostile(play, idle) as smsc, bound(smsc.port, sink) as provider:
        await until(lambda: smsc.links == 2 and provider.health().up)
    assert sink.receipts == []


@pytest.mark.parametrize("length", [0, 15, 200_000, 0xFFFFFFFF])
async def test_a_garbage_length_ends_the_link_which_comes_back(length: int) -> None:
    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        await peer.expect(wire.SUBMIT_SM)
        peer.raw(struct.pack(">IIII", length, SUBMIT_RESP, 0, 2) + b"junk" * 10)
        await peer.closed()

    async with hostile(play, idle) as smsc, bound(smsc.port, Sink()) as provider:
        error = refused((await provider.submit([submission()]))[0])
        assert error.outcome_unknown
        assert "framing lost" in error.detail
        await until(lambda: smsc.links == 2 and provider.health().up)
        assert provider.counts["framing_lost"] == 1


@pytest.mark.parametrize(
    ("command_id", "body", "status"),
    [
        (0x00000103, b"", 0x03),  # data_sm, which no transceiver here speaks
        (0x0000BEEF, b"whatever", 0x03),
        (wire.DELIVER_SM, b"", 0x01),
        (wire.DELIVER_SM, b"\0\x01\x01155", 0x01),
        (wire.DELIVER_SM, deliver_body("no id here"), 0x01),
        (wire.DELIVER_SM, deliver_body("id:1")[:-1], 0x01),
    ],
)
async def test_a_bad_pdu_is_answered_and_the_link_stays(
    command_id: int, body: bytes, status: int
) -> None:
    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        peer.send(command_id, 77, body)
        nack = await peer.expect(wire.GENERIC_NACK)
        assert (nack.sequence, nack.status, nack.body) == (77, status, b"")
        await peer.accept_submit("fine")
        await peer.closed()

    async with hostile(play) as smsc, bound(smsc.port, Sink()) as provider:
        await until(lambda: provider.counts["bad_pdu"] == 1)
        assert submitted((await provider.submit([submission()]))[0]) == "fine"
        assert smsc.links == 1


async def test_strange_responses_are_never_answered() -> None:
    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        peer.send(0x8000BEEF, 1)
        peer.send(SUBMIT_RESP, 999, b"stranger\0")
        peer.send(wire.GENERIC_NACK, 0, status=0x02)
        peer.send(BIND_RESP, 5, b"again\0")
        peer.send(wire.ALERT_NOTIFICATION, 6)
        peer.send(wire.ENQUIRE_LINK, 7)
        await peer.expect(wire.ENQUIRE_LINK | wire.RESPONSE)
        assert [pdu.command_id for pdu in peer.seen] == [
            wire.BIND_TRANSCEIVER,
            wire.ENQUIRE_LINK | wire.RESPONSE,
        ]
        await peer.accept_submit("fine")
        await peer.closed()

    async with hostile(play) as smsc, bound(smsc.port, Sink()) as provider:
        assert submitted((await provider.submit([submission()]))[0]) == "fine"
        assert smsc.links == 1


# ── links that are not what they seem ─────────────────────────────────────────────────────────


async def test_an_unanswered_enquire_link_ends_the_link() -> None:
    async with (
        hostile(idle) as smsc,
        bound(smsc.port, Sink(), enquire_link_seconds=0.05, response_seconds=0.1) as provider,
    ):
        await until(lambda: smsc.links >= 2)
        assert provider.health().up or "enquire_link" in provider.health().detail


async def test_an_enquire_link_is_answered_with_its_sequence() -> None:
    answered = asyncio.Event()

    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        peer.send(wire.ENQUIRE_LINK, 4321)
        answer = await peer.expect(wire.ENQUIRE_LINK | wire.RESPONSE)
        assert (answer.sequence, answer.status, answer.body) == (4321, 0, b"")
        answered.set()
        await peer.closed()

    async with hostile(play) as smsc, bound(smsc.port, Sink()):
        await asyncio.wait_for(answered.wait(), 2)


async def test_a_silent_bind_is_given_up_and_tried_again() -> None:
    async def silent(peer: Peer) -> None:
        await peer.closed()

    async with hostile(silent, idle) as smsc, bound(smsc.port, Sink(), connect_seconds=0.1):
        assert smsc.links == 2


async def test_nothing_is_submitted_before_the_bind_stands() -> None:
    async def slow(peer: Peer) -> None:
        bind = await peer.expect(wire.BIND_TRANSCEIVER)
        await asyncio.sleep(0.1)
        peer.send(BIND_RESP, bind.sequence, b"hostile\0")
        await peer.closed()
        assert wire.SUBMIT_SM not in [pdu.command_id for pdu in peer.seen]

    async with hostile(slow) as smsc:
        provider = SmppProvider(config(smsc.port))
        await provider.start(Sink())
        await until(lambda: smsc.links == 1)
        assert refused((await provider.submit([submission()]))[0]).code == "link_down"
        await until(lambda: provider.health().up)
        await provider.stop()


async def test_no_smsc_at_all_then_one() -> None:
    async with hostile(idle) as smsc:
        port = smsc.port
    provider = SmppProvider(config(port))
    await provider.start(Sink())
    await until(lambda: "no bind" in provider.health().detail)
    assert not provider.health().up
    await provider.stop()
    assert provider.health().detail == "stopped"


async def test_stop_does_not_wait_for_ever() -> None:
    async with (
        hostile(deaf) as smsc,
        bound(smsc.port, Sink(), drain_seconds=0.1, response_seconds=30) as provider,
    ):
        submitting = asyncio.create_task(provider.submit([submission()]))
        await asyncio.sleep(0.02)
        start = time.monotonic()
        await provider.stop()
        assert time.monotonic() - start < 2.5
        assert refused((await submitting)[0]).outcome_unknown


async def test_bind_tells_who_and_which_version() -> None:
    async def play(peer: Peer) -> None:
        bind = await peer.expect(wire.BIND_TRANSCEIVER)
        assert bind.body == b"platform\0a password beyond eight\0VMA\0\x34\0\0\0"
        peer.send(BIND_RESP, bind.sequence, b"hostile\0")
        await peer.closed()

    async with (
        hostile(play) as smsc,
        bound(smsc.port, Sink(), password="a password beyond eight", system_type="VMA") as provider,
    ):
        assert provider.health().up


# ── receipts ──────────────────────────────────────────────────────────────────────────────────


async def test_a_flood_of_receipts_is_batched_answered_in_order_and_held_back() -> None:
    count = RECEIPTS_HELD_MAX + 1_000

    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        for number in range(1, count + 1):
            peer.send(wire.DELIVER_SM, number, deliver_body(RECEIPT.format(number)))
        for number in range(1, count + 1):
            answer = await peer.expect(DELIVER_RESP)
            assert (answer.sequence, answer.status, answer.body) == (number, 0, b"\0")
        await peer.closed()

    sink = Sink()
    sink.gate.clear()
    async with hostile(play) as smsc, bound(smsc.port, sink):
        await asyncio.sleep(0.1)
        sink.gate.set()
        receipts = await sink.wait_for(count)
        assert [int(r.provider_message_id) for r in receipts] == list(range(1, count + 1))
        assert max(len(call) for call in sink.calls) <= RECEIPTS_PER_SINK_MAX
        assert len(sink.calls) < count / 20


async def test_a_full_inbox_stops_the_reading_and_its_deadlines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(smpp_inbox, "RECEIPTS_HELD_MAX", 5)
    answered = asyncio.Event()

    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        pdu = await peer.expect(wire.SUBMIT_SM)
        for number in range(5):
            peer.send(wire.DELIVER_SM, number, deliver_body(RECEIPT.format(number)))
        await asyncio.sleep(0.05)
        peer.send(SUBMIT_RESP, pdu.sequence, b"unread for long\0")
        peer.send(wire.ENQUIRE_LINK, 99)
        await peer.expect(wire.ENQUIRE_LINK | wire.RESPONSE)
        answered.set()
        await peer.closed()

    sink = Sink()
    sink.gate.clear()
    async with (
        hostile(play) as smsc,
        bound(smsc.port, sink, response_seconds=0.1, enquire_link_seconds=5) as provider,
    ):
        submitting = asyncio.create_task(provider.submit([submission()]))
        await asyncio.sleep(0.3)
        assert not answered.is_set()
        assert not submitting.done()
        sink.gate.set()
        assert submitted((await submitting)[0]) == "unread for long"
        await asyncio.wait_for(answered.wait(), 2)


async def test_receipts_read_before_the_link_was_lost_are_stored() -> None:
    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        for number in range(20):
            peer.send(wire.DELIVER_SM, number, deliver_body(RECEIPT.format(number)))
        await peer.writer.drain()

    sink = Sink()
    sink.gate.clear()
    async with hostile(play, idle) as smsc:
        provider = SmppProvider(config(smsc.port))
        await provider.start(sink)
        await until(lambda: smsc.links == 1)
        await asyncio.sleep(0.05)
        sink.gate.set()
        await sink.wait_for(20)
        await provider.stop()


async def test_a_failing_sink_has_the_receipt_refused_for_now() -> None:
    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        peer.send(wire.DELIVER_SM, 1, deliver_body(RECEIPT.format(1)))
        answer = await peer.expect(DELIVER_RESP)
        assert (answer.sequence, answer.status) == (1, 0x64)
        peer.send(wire.DELIVER_SM, 2, deliver_body(RECEIPT.format(1)))
        answer = await peer.expect(DELIVER_RESP)
        assert (answer.sequence, answer.status) == (2, 0)
        await peer.closed()

    sink = Sink(failures=1)
    async with hostile(play) as smsc, bound(smsc.port, sink):
        await sink.wait_for(1)


async def test_submissions_go_on_while_the_sink_is_slow() -> None:
    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        peer.send(wire.DELIVER_SM, 1, deliver_body(RECEIPT.format(1)))
        await peer.accept_submit("fine")
        await peer.closed()

    sink = Sink()
    sink.gate.clear()
    async with hostile(play) as smsc, bound(smsc.port, sink) as provider:
        assert submitted((await provider.submit([submission()]))[0]) == "fine"
        sink.gate.set()
        await sink.wait_for(1)
