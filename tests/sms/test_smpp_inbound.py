"""Messages from phones: alphabets, long ones, numbers, and whatever else may come."""

import asyncio
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.sms import segments
from telephony.sms.alphabets import Encoding, encode
from telephony.sms.providers import smpp_pdu as wire
from telephony.sms.providers.base import Inbound, Receipt
from telephony.sms.providers.smpp_inbound import inbound_of, number_of
from telephony.sms.providers.smpp_pdu import Address, DeliverSm
from tests.fixtures_smsc import Smsc
from tests.sms.hostile import DELIVER_RESP, RECEIPT, Peer, deliver_body, hostile
from tests.sms.support import Sink, bound, until

PHONE, OURS = Address(1, 1, "15550109999"), Address(3, 0, "12345")


def read(
    octets: bytes, coding: int = 0, tlvs: dict[int, bytes] | None = None, udhi: bool = False
) -> Inbound:
    esm_class = wire.ESM_CLASS_UDHI if udhi else 0
    return inbound_of(DeliverSm(PHONE, OURS, esm_class, coding, octets, tlvs or {}), "smpp")


def whole(inbound: Inbound) -> bool:
    return (inbound.reference, inbound.part, inbound.parts) == (0, 1, 1)


@given(st.text(st.sampled_from("Hello @£$¥èé€[]{}\\^~|\fΔΩß\n\r"), max_size=160))
def test_gsm7_reads_what_gsm7_writes(text: str) -> None:
    assert read(encode(text, Encoding.GSM7)).text == text


@pytest.mark.parametrize(
    ("encoding", "language", "text"),
    [
        (Encoding.GSM7_TURKISH, 1, "İğşĞ ç ı"),
        (Encoding.GSM7_SPANISH, 2, "Á í ó ú ç"),
        (Encoding.GSM7_PORTUGUESE, 3, "ã õ ê Â"),
    ],
)
def test_alphabets_of_languages(encoding: Encoding, language: int, text: str) -> None:
    header = bytes((3, 0x24, 1, language))
    assert read(header + encode(text, encoding), udhi=True).text == text


@pytest.mark.parametrize(
    ("coding", "octets", "text"),
    [
        (1, b"ASCII @", "ASCII @"),
        (3, "Grüße".encode("latin-1"), "Grüße"),
        (8, "жизнь 😀".encode("utf-16-be"), "жизнь 😀"),
        (0x18, "жизнь".encode("utf-16-be"), "жизнь"),  # with a class
        (0xF0, b"flash", "flash"),
        (0xF5, b"\x01\xff", "01ff"),
        (0x11, b"class 1", "class 1"),
        (0xE0, "ж".encode("utf-16-be"), "ж"),
        (2, b"\x00\x01", "0001"),
        (4, b"", ""),
        (0, b"\x1b", ""),  # half an escape
        (0, b"a\x1b\x00b", "a@b"),  # a code that no table has is shown as the basic one
        (8, b"\x00a\x00", "a"),  # half a unit
        (3, b"a\0b", "a�b"),  # no database stores a NUL
    ],
)
def test_codings(coding: int, octets: bytes, text: str) -> None:
    assert read(octets, coding).text == text


def test_half_a_pair_is_kept_for_the_other_half() -> None:
    first, second = (read(octets, 8).text for octets in (b"\xd8\x3d", b"\xde\x00"))
    joined = (first + second).encode("utf-16-be", "surrogatepass").decode("utf-16-be")
    assert joined == "😀"


# ── long ones ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("header", "place"),
    [
        ("050003AB0302", (0xAB, 2, 3)),
        ("060804ABCD0302", (0xABCD, 2, 3)),
        ("0804030102030003AB", (0, 1, 1)),  # a torn element
        ("0A240101" + "060804ABCD0302"[2:], (0xABCD, 2, 3)),  # beside a language
        ("050003AB0304", (0, 1, 1)),  # part 4 of 3
        ("050003AB0300", (0, 1, 1)),
    ],
)
def test_places_in_a_header(header: str, place: tuple[int, int, int]) -> None:
    octets = bytes.fromhex(header)
    octets = bytes((len(octets) - 1,)) + octets[1:]
    inbound = read(octets + b"text", udhi=True)
    assert (inbound.reference, inbound.part, inbound.parts) == place
    assert inbound.text == "text"


def test_a_place_in_optional_parameters() -> None:
    tlvs = {0x020C: b"\x12\x34", 0x020E: b"\x03", 0x020F: b"\x02"}
    inbound = read(b"text", tlvs=tlvs)
    assert (inbound.reference, inbound.part, inbound.parts) == (0x1234, 2, 3)
    assert whole(read(b"text", tlvs=tlvs | {0x020F: b"\x04"}))
    assert whole(read(b"text", tlvs=tlvs | {0x020F: b""}))


def test_a_header_that_is_longer_than_its_message_is_text() -> None:
    inbound = read(b"\x41abc", udhi=True)
    assert inbound.text == "Aabc"
    assert whole(inbound)


def test_a_payload_is_the_message() -> None:
    assert read(b"", tlvs={wire.TLV_MESSAGE_PAYLOAD: b"x" * 1_000}).text == "x" * 1_000


# ── numbers ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("address", "number"),
    [
        (Address(1, 1, "15550109999"), "+15550109999"),
        (Address(0, 1, "15550109999"), "+15550109999"),
        (Address(1, 1, "+15550109999"), "+15550109999"),
        (Address(0, 0, "+15550109999"), "+15550109999"),
        (Address(2, 1, "5550109999"), "5550109999"),
        (Address(3, 0, "12345"), "12345"),
        (Address(0, 0, "12345"), "12345"),
        (Address(5, 0, "ACME"), "ACME"),
        (Address(5, 0, "A\0B"), "A�B"),
        (Address(1, 1, ""), ""),
    ],
)
def test_numbers(address: Address, number: str) -> None:
    assert number_of(address) == number


# ── on the link ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["{long} " * 60, "жизнь 😀 " * 30])
async def test_parts_from_a_third_party_join_to_the_text(smsc: Smsc, text: str) -> None:
    cut = segments.split(text)
    sink = Sink()
    async with bound(smsc.port, sink):
        for number, part in enumerate(cut.parts, 1):
            smsc.deliver(
                source_addr_ton=1, source_addr="15550109999", destination_addr="12345",
                esm_class=0x40, data_coding=0 if cut.encoding is Encoding.GSM7 else 8,
                short_message={"udh": [5, 0, 3, 9, cut.count, number], "message": part},
            )  # fmt: skip
        await until(lambda: len(sink.reports) == cut.count)
    parts = [one for one in sink.reports if isinstance(one, Inbound)]
    assert "".join(one.text for one in parts) == text
    assert {(one.reference, one.parts) for one in parts} == {(9, cut.count)}
    assert [one.part for one in parts] == list(range(1, cut.count + 1))


async def test_one_that_cannot_be_stored_keeps_no_other_back() -> None:
    """All come in one read; the first attempt has them in one batch."""
    poison = "poison"

    class Picky(Sink):
        async def __call__(self, reports: object) -> None:
            assert isinstance(reports, list)
            if any(isinstance(one, Inbound) and one.text == poison for one in reports):
                raise RuntimeError("never stored")
            await super().__call__(reports)

    answers: dict[int, list[int]] = {}

    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        bodies = {n: deliver_body(RECEIPT.format(n)) for n in range(1, 20)}
        bodies[10] = deliver_body(poison, esm_class=0)
        waiting = dict(bodies)
        for number, body in bodies.items():
            peer.send(wire.DELIVER_SM, number, body)
        while waiting:
            answer = await peer.expect(DELIVER_RESP, 20)
            answers.setdefault(answer.sequence, []).append(answer.status)
            if answer.status == 0 or len(answers[answer.sequence]) > 8:
                waiting.pop(answer.sequence, None)
            else:
                peer.send(wire.DELIVER_SM, answer.sequence, bodies[answer.sequence])
        await peer.closed()

    sink = Picky()
    async with hostile(play) as peer, bound(peer.port, sink):
        await until(lambda: len(answers.get(10, [])) > 8, 30)
        await asyncio.sleep(0)
    assert {int(one.provider_message_id) for one in sink.receipts} == {*range(1, 20)} - {10}
    assert set(answers[10]) == {0x64}


async def test_a_sequence_of_zero_is_answered_too() -> None:
    answered = asyncio.Event()

    async def play(peer: Peer) -> None:
        await peer.accept_bind()
        peer.send(wire.DELIVER_SM, 0, deliver_body("Hi", esm_class=0))
        answer = await peer.expect(DELIVER_RESP)
        assert (answer.sequence, answer.status) == (0, 0)
        answered.set()
        await peer.closed()

    sink = Sink()
    async with hostile(play) as smsc, bound(smsc.port, sink):
        await until(answered.is_set)
    [inbound] = sink.reports
    assert not isinstance(inbound, Receipt)
    assert struct.calcsize(">IIII") == wire.HEADER_OCTETS
