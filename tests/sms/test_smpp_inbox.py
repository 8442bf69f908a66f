"""Receipts that come in floods, or faster than they can be stored."""

import asyncio

import pytest

from telephony.sms.providers import smpp_inbox
from telephony.sms.providers import smpp_pdu as wire
from telephony.sms.providers.smpp import SmppProvider
from telephony.sms.providers.smpp_inbox import REPORTS_HELD_MAX, REPORTS_PER_SINK_MAX
from tests.sms.hostile import DELIVER_RESP, RECEIPT, SUBMIT_RESP, Peer, deliver_body, hostile, idle
from tests.sms.support import Sink, bound, config, submission, submitted, until


async def test_a_flood_of_receipts_is_batched_answered_in_order_and_held_back() -> None:
    count = REPORTS_HELD_MAX + 1_000

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
        assert max(len(call) for call in sink.calls) <= REPORTS_PER_SINK_MAX
        assert len(sink.calls) < count / 20


async def test_a_full_inbox_stops_the_reading_and_its_deadlines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(smpp_inbox, "REPORTS_HELD_MAX", 5)
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
