"""The provider on links that are not what they seem: silent, slow, deaf or not there."""

import asyncio
import time

from telephony.sms.providers import smpp_pdu as wire
from telephony.sms.providers.smpp import SmppProvider
from telephony.sms.providers.smpp_pdu import encode
from tests.sms.hostile import BIND_RESP, RECEIPT, Peer, Play, deliver_body, hostile, idle
from tests.sms.support import Sink, bound, config, refused, submission, until


async def deaf(peer: Peer) -> None:
    """Take the bind, then answer nothing at all."""
    await peer.accept_bind()
    await peer.expect(0xFFFFFFFF, seconds=30)


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


async def test_a_reset_at_every_point() -> None:
    """Of the answer to the bind, of a request, of a receipt; each link gets a little further."""
    rest = encode(wire.ENQUIRE_LINK, 1) + encode(
        wire.DELIVER_SM, 2, deliver_body(RECEIPT.format(5))
    )
    octets = encode(BIND_RESP, 0, b"hostile\0") + rest

    def cutting(cut: int) -> Play:
        async def play(peer: Peer) -> None:
            bind = await peer.expect(wire.BIND_TRANSCEIVER)
            sound = encode(BIND_RESP, bind.sequence, b"hostile\0") + rest
            peer.raw(sound[:cut])
            await peer.writer.drain()
            await asyncio.sleep(0.005)
            peer.reset()

        return play

    plays = [cutting(cut) for cut in range(0, len(octets) + 1, 5)]
    sink = Sink()
    async with hostile(*plays, idle) as smsc:
        provider = SmppProvider(config(smsc.port))
        await provider.start(sink)
        await until(lambda: smsc.links > len(plays) and provider.health().up, 20)
        error = refused((await provider.submit([submission()]))[0])
        await provider.stop()
    assert error.outcome_unknown  # `idle` answers nothing
    assert {one.provider_message_id for one in sink.receipts} <= {"5"}
