"""The provider against bytes that are no sound PDU, and PDUs that nobody asked for."""

import asyncio
import struct

import pytest

from telephony.sms.providers import smpp_pdu as wire
from telephony.sms.providers.smpp_pdu import encode
from tests.sms.hostile import (
    BIND_RESP,
    DELIVER_RESP,
    RECEIPT,
    SUBMIT_RESP,
    Peer,
    deliver_body,
    hostile,
    idle,
)
from tests.sms.support import Sink, bound, refused, submission, submitted, until


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
        assert provider.figures().get("framing_lost") == 1


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
        await until(lambda: provider.figures().get("bad_pdu") == 1)
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
