"""What the codec reads: a stream cut anywhere, smpplib's PDUs, whatever the network may bring."""

import struct
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from smpplib import consts

from telephony.sms.providers import smpp_pdu as wire
from telephony.sms.providers.smpp_pdu import (
    Framer,
    FramingError,
    Pdu,
    PduError,
    decode_deliver_sm,
    decode_message_id,
    encode,
    read_tlvs,
)
from tests.sms.smpplib_pdus import NUMBER, OCTETS, smpplib_pdu

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


def frames(stream: bytes, cuts: list[int]) -> list[Pdu]:
    """Feed the stream in pieces that end at the cuts."""
    framer = Framer()
    ends = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [pdu for start, end in pairwise(ends) for pdu in framer.feed(stream[start:end])]


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


@given(st.binary(max_size=300))
@settings(max_examples=1_000)
def test_a_garbage_stream_raises_nothing_but_lost_framing(stream: bytes) -> None:
    try:
        pdus = list(Framer().feed(stream))
    except FramingError:
        return
    assert sum(16 + len(pdu.body) for pdu in pdus) <= len(stream)


# ── bodies ────────────────────────────────────────────────────────────────────────────────────


def smpplib_deliver(**fields: object) -> bytes:
    """Body of a deliver_sm; smpplib can't generate one, submit_sm has the same layout."""
    return smpplib_pdu("submit_sm", service_type="", **fields)[16:]


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
def test_no_message_id_is_empty(body: bytes) -> None:
    assert decode_message_id(body) == ""
