"""The session by itself, for what the provider above it would hide."""

import asyncio
import socket

import pytest

from telephony.sms.providers import smpp_pdu as wire
from telephony.sms.providers.base import Outcome, ProviderError
from telephony.sms.providers.smpp import SmppProvider
from telephony.sms.providers.smpp_options import ErrorRule
from telephony.sms.providers.smpp_outbox import Outbox
from telephony.sms.providers.smpp_session import Direction, Session
from telephony.sms.providers.smpp_status import error_of
from telephony.sms.providers.smpp_submit import SubmitWriter
from telephony.sms.providers.smpp_throttle import Throttle
from tests.sms.hostile import SUBMIT_RESP, Peer, deliver_body, hostile
from tests.sms.support import Sink, config, submission, submitted, until


class Linked:
    """A session with its outbox, and no provider around them."""

    def __init__(self, session: Session, outbox: Outbox) -> None:
        self.session = session
        self.outbox = outbox

    async def submit(self) -> Outcome:
        written = SubmitWriter(config(1)).write([submission()])
        return (await self.outbox.push(written, 1).done)[0]

    async def end(self) -> None:
        self.session.end("over")
        await self.session.closed


async def connect(port: int, **changes: object) -> Linked:
    setup, loop = config(port, **changes), asyncio.get_running_loop()
    outbox = Outbox(Throttle(None, 0), setup.window)
    _, session = await loop.create_connection(
        lambda: Session(setup, Direction.BOTH, outbox, "smpp", Sink()), setup.host, setup.port
    )
    await session.bound
    return Linked(session, outbox)


async def answer_all(peer: Peer) -> None:
    """Take the bind and whatever is submitted, until the client unbinds."""
    await peer.accept_bind()
    while True:
        await peer.accept_submit("taken")


async def test_a_full_socket_holds_submissions_back() -> None:
    async with hostile(answer_all) as smsc:
        linked = await connect(smsc.port)
        linked.session.pause_writing()
        submitting = asyncio.create_task(linked.submit())
        await asyncio.sleep(0.03)
        assert linked.session.window.in_use == 0
        linked.session.resume_writing()
        assert submitted(await submitting) == "taken"
        await linked.end()


async def test_nothing_more_is_taken_while_it_drains() -> None:
    release = asyncio.Event()

    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        pdu = await peer.expect(wire.SUBMIT_SM)
        await release.wait()
        peer.send(SUBMIT_RESP, pdu.sequence, b"drained\0")
        await peer.closed()
        commands = [pdu.command_id for pdu in peer.seen]
        assert commands == [wire.BIND_TRANSCEIVER, wire.SUBMIT_SM, wire.UNBIND]

    async with hostile(play) as smsc:
        linked = await connect(smsc.port)
        first = asyncio.create_task(linked.submit())
        await asyncio.sleep(0.02)
        closing = asyncio.create_task(linked.session.close())
        await asyncio.sleep(0.02)
        assert not linked.session.up
        assert linked.session.free == 0
        assert linked.outbox.takers == []
        release.set()
        await closing
        assert submitted(await first) == "drained"
        assert linked.session.closed.result() == "stopped"


async def test_the_socket_sends_at_once() -> None:
    async with hostile(answer_all) as smsc:
        linked = await connect(smsc.port)
        session = linked.session
        assert session._transport is not None
        sock = session._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        await linked.end()


async def test_sequence_numbers_go_round_without_zero() -> None:
    async with hostile(answer_all) as smsc:
        linked = await connect(smsc.port)
        session = linked.session
        session._sequence = wire.SEQUENCE_MAX - 1
        assert [session.next_sequence() for _ in range(3)] == [wire.SEQUENCE_MAX, 1, 2]
        assert submitted(await linked.submit()) == "taken"
        await linked.end()


async def test_a_refused_bind_is_the_error_of_bound() -> None:
    async def play(peer: Peer) -> None:
        bind = await peer.expect(wire.BIND_TRANSCEIVER)
        peer.send(wire.BIND_TRANSCEIVER | wire.RESPONSE, bind.sequence, status=0x0E)
        await peer.closed()

    async with hostile(play) as smsc:
        with pytest.raises(ProviderError, match="invalid_password"):
            await connect(smsc.port)


async def test_no_receipt_follows_a_stop_though_the_link_was_lost_before() -> None:
    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        for number in range(300):
            peer.send(wire.DELIVER_SM, number, deliver_body(f"id:{number} stat:DELIVRD"))
        await peer.writer.drain()

    sink = Sink()
    sink.gate.clear()
    async with hostile(play) as smsc:
        provider = SmppProvider(config(smsc.port))
        await provider.start(sink)
        await until(lambda: smsc.links == 1)
        await asyncio.sleep(0.05)
        await provider.stop()
        sink.gate.set()
        await asyncio.sleep(0.05)
    assert sink.receipts == []


@pytest.mark.parametrize("status", [*range(0x100), 0x400, 0xFFFFFFFF])
def test_every_status_has_a_code_and_none_is_an_unknown_outcome(status: int) -> None:
    error = error_of(status, {})
    assert error.code.replace("_", "").isalpha()
    assert error.code.islower()
    assert not error.outcome_unknown
    assert error.retryable or not error.throttled
    assert f"{status:08X}" in str(error)


@pytest.mark.parametrize(
    ("status", "rule", "found"),
    [
        (0x0400, {"treat": "retry", "code": "carrier_busy"}, ("carrier_busy", True, False)),
        (0x0400, {"treat": "throttle"}, ("smsc_error", True, True)),
        (0x58, {"treat": "fail"}, ("smsc_throttled", False, False)),
        (0x0B, {"treat": "retry", "code": "try_later"}, ("try_later", True, False)),
    ],
)
def test_a_provider_s_own_table_comes_first(
    status: int, rule: dict[str, str], found: tuple[str, bool, bool]
) -> None:
    error = error_of(status, {status: ErrorRule.model_validate(rule)})
    assert (error.code, error.retryable, error.throttled) == found


@pytest.mark.parametrize(
    ("fields", "retryable"),
    [
        ({}, False),
        ({"retryable": True}, True),
        ({"throttled": True}, True),
        ({"outcome_unknown": True}, False),
        ({"retryable": True, "outcome_unknown": True}, False),
    ],
)
def test_an_unknown_outcome_is_never_to_be_sent_again(
    fields: dict[str, bool], retryable: bool
) -> None:
    error = ProviderError("some_code", "", **fields)
    assert error.retryable is retryable
    assert str(error) == "some_code"
