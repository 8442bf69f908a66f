"""The codec: round trips, smpplib as an independent encoder, and whatever the network may bring."""

import struct
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from smpplib import consts
from smpplib.smpp import make_pdu

from telephony.sms.providers import smpp_pdu as wire
from telephony.sms.providers.smpp import address_of, submit_sm, validity_period
from telephony.sms.providers.smpp_pdu import (
    Address,
    Framer,
    FramingError,
    Pdu,
    PduError,
    SubmitSm,
    decode_deliver_sm,
    decode_message_id,
    encode,
    read_tlvs,
    submit_sm_body,
)
from tests.sms.support import parts_of, submission

NUMBER = st.text("0123456789", min_size=1, max_size=20)
OCTETS = st.binary(max_size=254)


class FixedSequence:
    """What smpplib asks of its client when it numbers a PDU."""

    sequence = 42

    def next_sequence(self) -> int:
        return self.sequence


def smpplib_pdu(command: str, **fields: object) -> bytes:
    pdu = make_pdu(command, client=FixedSequence(), **fields)  # type: ignore[no-untyped-call]
    octets: bytes = pdu.generate()
    return octets


def smpplib_deliver(**fields: object) -> bytes:
    """Body of a deliver_sm; smpplib can't generate one, submit_sm has the same layout."""
    return smpplib_pdu("submit_sm", service_type="", **fields)[16:]


def frames(stream: bytes, cuts: list[int]) -> list[Pdu]:
    """Feed the stream in pieces that end at the cuts."""
    framer = Framer()
    ends = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [pdu for start, end in pairwise(ends) for pdu in framer.feed(stream[start:end])]


# ── encoding, against smpplib ─────────────────────────────────────────────────────────────────


@given(NUMBER, NUMBER, OCTETS, st.sampled_from([0, 8]), st.sampled_from([0, 0x40]))
def test_submit_sm_is_what_smpplib_writes(
    source: str, destination: str, message: bytes, coding: int, esm_class: int
) -> None:
    ours = submit_sm_body(
        SubmitSm(Address(5, 0, source), Address(1, 1, destination), esm_class, coding, message)
    )
    theirs = smpplib_pdu(
        "submit_sm",
        source_addr_ton=5,
        source_addr_npi=0,
        source_addr=source,
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr=destination,
        esm_class=esm_class,
        data_coding=coding,
        registered_delivery=1,
        short_message=message,
    )
    assert encode(wire.SUBMIT_SM, 42, ours) == theirs


def test_bind_transceiver_is_what_smpplib_writes() -> None:
    theirs = smpplib_pdu(
        "bind_transceiver",
        system_id="platform",
        password="secret",
        system_type="VMA",
        interface_version=0x34,
        addr_ton=0,
        addr_npi=0,
        address_range="",
    )
    body = wire.bind_transceiver_body("platform", "secret", "VMA")
    assert encode(wire.BIND_TRANSCEIVER, 42, body) == theirs


@pytest.mark.parametrize(
    ("command", "command_id"),
    [
        ("enquire_link", wire.ENQUIRE_LINK),
        ("unbind", wire.UNBIND),
        ("enquire_link_resp", wire.ENQUIRE_LINK | wire.RESPONSE),
        ("unbind_resp", wire.UNBIND | wire.RESPONSE),
        ("generic_nack", wire.GENERIC_NACK),
    ],
)
def test_pdus_without_body_are_what_smpplib_writes(command: str, command_id: int) -> None:
    assert encode(command_id, 42) == smpplib_pdu(command, sequence=42)


def test_a_validity_period_stands_in_its_place() -> None:
    body = submit_sm_body(submit_sm(submission(validity_seconds=93_784)))
    theirs = smpplib_pdu(
        "submit_sm",
        source_addr_ton=5,
        source_addr="ACME",
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr="15550109999",
        validity_period="000001020304000R",
        registered_delivery=1,
        short_message=b"Your code is 123456",
    )
    assert encode(wire.SUBMIT_SM, 42, body) == theirs


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("A\0B", b""),  # would shift every later field
        ("Café", b""),
        ("1" * 21, b""),
        ("ACME", b"x" * 255),
    ],
)
def test_what_does_not_fit_is_refused(source: str, message: bytes) -> None:
    with pytest.raises(PduError):
        submit_sm_body(SubmitSm(Address(5, 0, source), Address(1, 1, "1555"), 0, 0, message))


# ── the fields of a submission ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("number", "address"),
    [
        ("+15550111222", (1, 1, "15550111222")),
        ("15550111222", (1, 1, "15550111222")),
        ("12345", (3, 0, "12345")),
        ("12345678", (3, 0, "12345678")),
        ("123456789", (1, 1, "123456789")),
        ("ACME", (5, 0, "ACME")),
        ("4Sale", (5, 0, "4Sale")),
    ],
)
def test_type_of_number_by_look(number: str, address: tuple[int, int, str]) -> None:
    assert address_of(number) == address


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "000000000001000R"),
        (1, "000000000001000R"),
        (59, "000000000059000R"),
        (3600, "000000010000000R"),
        (86_399, "000000235959000R"),
        (86_400, "000001000000000R"),
        (10**9, "000030000000000R"),
    ],
)
def test_validity_period_is_relative(seconds: int, text: str) -> None:
    assert validity_period(seconds) == text
    assert len(text) == 16


def test_a_lone_part_has_no_header() -> None:
    message = submit_sm(submission("Hi €"))
    assert (message.esm_class, message.data_coding) == (0, 0)
    assert message.short_message == b"Hi \x1b\x65"


@pytest.mark.parametrize(("letter", "coding", "octets"), [("a", 0, 159), ("ж", 8, 140)])
def test_long_messages_carry_a_header_on_every_part(letter: str, coding: int, octets: int) -> None:
    parts = [submit_sm(part) for part in parts_of(letter * 400, reference=0x1AB)]
    assert len(parts) == (3 if coding == 0 else 6)
    for number, part in enumerate(parts, start=1):
        header = bytes((5, 0, 3, 0xAB, len(parts), number))
        assert part.short_message.startswith(header)
        assert (part.esm_class, part.data_coding) == (0x40, coding)
    assert len(parts[0].short_message) == octets


def test_more_parts_than_a_header_can_count_are_refused() -> None:
    with pytest.raises(PduError):
        submit_sm(submission(part=1, parts=256))


# ── framing ───────────────────────────────────────────────────────────────────────────────────

PDUS = st.lists(
    st.builds(
        Pdu,
        st.integers(0, 2**32 - 1),
        st.integers(0, 2**32 - 1),
        st.integers(0, 2**32 - 1),
        st.binary(max_size=60),
    ),
    max_size=8,
)


@given(PDUS, st.lists(st.integers(0, 10_000), max_size=12))
def test_frames_come_whole_however_the_stream_is_cut(pdus: list[Pdu], cuts: list[int]) -> None:
    stream = b"".join(encode(p.command_id, p.sequence, p.body, p.status) for p in pdus)
    assert frames(stream, cuts) == pdus


@pytest.mark.parametrize("length", [0, 1, 15, wire.PDU_OCTETS_MAX + 1, 0xFFFFFFFF])
def test_an_absurd_length_loses_the_framing_after_the_sound_pdus(length: int) -> None:
    stream = encode(wire.ENQUIRE_LINK, 1) + struct.pack(">IIII", length, 5, 0, 2)
    seen: list[int] = []

    def take(pdus: Iterator[Pdu]) -> None:
        seen.extend(pdu.sequence for pdu in pdus)

    with pytest.raises(FramingError):
        take(Framer().feed(stream))
    assert seen == [1]


def test_the_longest_pdu_passes() -> None:
    body = bytes(wire.PDU_OCTETS_MAX - wire.HEADER_OCTETS)
    [pdu] = frames(encode(wire.DELIVER_SM, 1, body), [5, 70_000])
    assert pdu.body == body


# ── decoding ──────────────────────────────────────────────────────────────────────────────────


@given(NUMBER, NUMBER, OCTETS.filter(bool), st.integers(0, 255), st.integers(0, 255))
def test_deliver_sm_as_smpplib_writes_it(
    source: str, destination: str, message: bytes, esm_class: int, coding: int
) -> None:
    body = smpplib_deliver(
        source_addr_ton=1,
        source_addr_npi=1,
        source_addr=source,
        dest_addr_ton=5,
        dest_addr_npi=0,
        destination_addr=destination,
        esm_class=esm_class,
        data_coding=coding,
        short_message=message,
        user_message_reference=513,
    )
    deliver = decode_deliver_sm(body)
    assert deliver.source == (1, 1, source)
    assert deliver.destination == (5, 0, destination)
    assert (deliver.esm_class, deliver.data_coding) == (esm_class, coding)
    assert deliver.short_message == message
    assert deliver.tlvs == {0x0204: b"\x02\x01"}


DELIVER = smpplib_deliver(
    source_addr="15550109999",
    destination_addr="ACME",
    esm_class=consts.SMPP_MSGTYPE_USERACK,
    short_message=b"id:1 stat:DELIVRD",
)


@pytest.mark.parametrize("octets", range(len(DELIVER)))
def test_a_deliver_sm_cut_short_anywhere_is_an_error(octets: int) -> None:
    with pytest.raises(PduError):
        decode_deliver_sm(DELIVER[:octets])


@given(st.binary(max_size=400))
@settings(max_examples=2_000)
def test_garbage_raises_nothing_but_the_own_error(body: bytes) -> None:
    for decode in (decode_deliver_sm, decode_message_id):
        try:
            decode(body)
        except PduError:
            continue


@given(st.data())
@settings(max_examples=1_000)
def test_a_damaged_deliver_sm_raises_nothing_but_the_own_error(data: st.DataObject) -> None:
    body = bytearray(DELIVER + b"\x04\x27\x00\x01\x02")
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        deliver = decode_deliver_sm(bytes(body))
    except PduError:
        return
    assert len(deliver.short_message) <= 255


@given(st.binary(max_size=300))
@settings(max_examples=1_000)
def test_a_garbage_stream_raises_nothing_but_lost_framing(stream: bytes) -> None:
    try:
        pdus = list(Framer().feed(stream))
    except FramingError:
        return
    assert sum(16 + len(pdu.body) for pdu in pdus) <= len(stream)


@given(st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=40), max_size=6))
def test_tlvs_round_trip(tlvs: dict[int, bytes]) -> None:
    body = b"".join(struct.pack(">HH", tag, len(v)) + v for tag, v in tlvs.items())
    assert read_tlvs(b"xx" + body, 2) == tlvs


def test_the_first_tlv_of_a_tag_counts_and_a_torn_one_is_left() -> None:
    body = b"\x00\x1e\x00\x01A" + b"\x00\x1e\x00\x01B" + b"\x04\x27\x00\x09\x02"
    assert read_tlvs(body, 0) == {0x001E: b"A"}
    assert read_tlvs(b"\x00\x1e\x00", 0) == {}


@pytest.mark.parametrize(
    ("body", "message_id"),
    [(b"abc\0", "abc"), (b"abc", "abc"), (b" 7 \0", "7"), (b"a\0trailing", "a")],
)
def test_message_id_with_or_without_its_end(body: bytes, message_id: str) -> None:
    assert decode_message_id(body) == message_id


@pytest.mark.parametrize("body", [b"", b"\0", b"  \0"])
def test_no_message_id_is_an_error(body: bytes) -> None:
    with pytest.raises(PduError):
        decode_message_id(body)
