"""What the codec writes, against smpplib as an independent encoder, and a submission's fields."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.sms.alphabets import Encoding
from telephony.sms.providers import smpp_pdu as wire
from telephony.sms.providers.base import ProviderError, Submission, reference_of
from telephony.sms.providers.smpp_options import NumberRule, SourceRules, Validity
from telephony.sms.providers.smpp_pdu import Address, PduError, encode
from telephony.sms.providers.smpp_submit import (
    SubmitWriter,
    Written,
    address_of,
    validity_period,
)
from tests.sms.smpplib_pdus import NUMBER, smpplib_pdu
from tests.sms.support import config, parts_of, submission

PLAIN_TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x5A, exclude_characters="$@"))


def written(batch: list[Submission], **options: Any) -> list[Written]:
    return list(SubmitWriter(config(1, **options)).write(batch))


def bodies(batch: list[Submission], **options: Any) -> list[bytes]:
    """Of submissions that must be encodable."""
    found = [one.body for one in written(batch, **options)]
    assert all(isinstance(body, bytes) for body in found), found
    return [body for body in found if isinstance(body, bytes)]


def fields(body: bytes) -> wire.DeliverSm:
    """submit_sm and deliver_sm have one layout."""
    return wire.decode_deliver_sm(body)


# ── PDUs, against smpplib ─────────────────────────────────────────────────────────────────────


@given(NUMBER, NUMBER, PLAIN_TEXT.filter(bool), st.sampled_from([0, 1, 3]), st.integers(0, 3))
def test_submit_sm_is_what_smpplib_writes(
    source: str, destination: str, text: str, coding: int, priority: int
) -> None:
    text = text[:160]
    [ours] = bodies(
        [submission(text, sender=f"+{source}", recipient=f"+{destination}")],
        data_coding={"gsm7": coding},
        priority=priority,
        service_type="WAP",
        registered_delivery=0x11,
    )
    theirs = smpplib_pdu(
        "submit_sm",
        service_type="WAP",
        source_addr_ton=1,
        source_addr_npi=1,
        source_addr=source,
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr=destination,
        priority_flag=priority,
        data_coding=coding,
        registered_delivery=0x11,
        short_message=text.encode(),
    )
    assert encode(wire.SUBMIT_SM, 42, ours) == theirs


@pytest.mark.parametrize("command", ["bind_transceiver", "bind_transmitter", "bind_receiver"])
def test_binds_are_what_smpplib_writes(command: str) -> None:
    theirs = smpplib_pdu(
        command,
        system_id="platform",
        password="secret",
        system_type="VMA",
        interface_version=0x34,
        addr_ton=0,
        addr_npi=0,
        address_range="12*",
    )
    body = wire.bind_body("platform", "secret", "VMA", 0x34, "12*")
    command_id = {"bind_transceiver": 9, "bind_transmitter": 2, "bind_receiver": 1}[command]
    assert encode(command_id, 42, body) == theirs


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


def test_optional_parameters_are_what_smpplib_writes() -> None:
    [ours] = bodies([submission(validity_seconds=93_784)], user_message_reference=True)
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
        user_message_reference=reference_of("msg_1", 1),
    )
    assert encode(wire.SUBMIT_SM, 42, ours) == theirs


@pytest.mark.parametrize(
    "changes",
    [
        {"sender": "A\0B"},  # would shift every later field
        {"sender": "Café"},
        {"sender": "1" * 21},
        {"recipient": "+1555٣"},
        {"text": "x" * 255},
        {"part": 1, "parts": 256},
        {"part": 3, "parts": 2},
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any]) -> None:
    [one] = written([submission(**changes)])
    assert isinstance(one.body, ProviderError)
    assert (one.body.code, one.body.retryable) == ("not_encodable", False)


def test_a_string_with_a_nul_is_refused_anywhere() -> None:
    with pytest.raises(PduError):
        wire.bind_body("a\0b", "", "", 0x34, "")


# ── the fields of a submission ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("number", "address"),
    [
        ("+15550111222", (1, 1, "15550111222")),
        ("15550111222", (1, 1, "15550111222")),
        ("+12345", (1, 1, "12345")),
        ("12345", (3, 0, "12345")),
        ("12345678", (3, 0, "12345678")),
        ("123456789", (1, 1, "123456789")),
        ("ACME", (5, 0, "ACME")),
        ("4Sale", (5, 0, "4Sale")),
    ],
)
def test_type_of_number_by_look(number: str, address: tuple[int, int, str]) -> None:
    assert address_of(number, SourceRules()) == address


def test_type_of_number_by_rule() -> None:
    rules = SourceRules(
        international=NumberRule(ton=0, npi=0, plus=True), short_code=NumberRule(ton=6, npi=9)
    )
    assert address_of("+15550111222", rules) == Address(0, 0, "+15550111222")
    assert address_of("12345", rules) == Address(6, 9, "12345")
    assert address_of("ACME", rules) == Address(5, 0, "ACME")
    to = {"ton": 2, "npi": 8, "plus": True}
    [body] = bodies([submission()], destination=to)
    assert fields(body).destination == Address(2, 8, "+15550109999")
    [body] = bodies([submission(sender="777")], source={"short_code": {"ton": 2, "npi": 3}})
    assert fields(body).source == Address(2, 3, "777")


@pytest.mark.parametrize(
    ("seconds", "relative", "absolute"),
    [
        (None, "", ""),
        (-5, "000000000001000R", "260112201501000+"),
        (59, "000000000059000R", "260112201559000+"),
        (3600, "000000010000000R", "260112211500000+"),
        (86_399, "000000235959000R", "260113201459000+"),
        (10**9, "000030000000000R", "260211201500000+"),
    ],
)
def test_validity_period(seconds: int | None, relative: str, absolute: str) -> None:
    at = int(datetime(2026, 1, 12, 20, 15, tzinfo=UTC).timestamp())
    assert validity_period(Validity.RELATIVE, seconds, at) == relative
    assert validity_period(Validity.ABSOLUTE, seconds, at) == absolute
    assert validity_period(Validity.NONE, seconds, at) == ""


def test_a_lone_part_has_no_header() -> None:
    [body] = bodies([submission("Hi €")])
    message = fields(body)
    assert (message.esm_class, message.data_coding) == (0, 0)
    assert message.short_message == b"Hi \x1b\x65"


# ── long messages ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("letter", "coding", "octets"), [("a", 0, 159), ("ж", 8, 140)])
def test_udh_stands_on_every_part(letter: str, coding: int, octets: int) -> None:
    parts = [fields(body) for body in bodies(parts_of(letter * 400, reference=0x1AB))]
    assert len(parts) == (3 if coding == 0 else 6)
    for number, part in enumerate(parts, start=1):
        header = bytes((5, 0, 3, 0xAB, len(parts), number))
        assert part.short_message.startswith(header)
        assert (part.esm_class, part.data_coding) == (0x40, coding)
    assert len(parts[0].short_message) == octets


def test_sar_stands_on_every_part_and_leaves_the_text_alone() -> None:
    batch = parts_of("a" * 400, reference=0xAB)
    for number, body in enumerate(bodies(batch, long_messages="sar"), start=1):
        theirs = smpplib_pdu(
            "submit_sm",
            source_addr_ton=5,
            source_addr="ACME",
            dest_addr_ton=1,
            dest_addr_npi=1,
            destination_addr="15550109999",
            registered_delivery=1,
            short_message=batch[number - 1].text.encode(),
            sar_msg_ref_num=0xAB,
            sar_total_segments=3,
            sar_segment_seqnum=number,
        )
        ours = fields(body)
        assert ours == fields(theirs[16:])
        assert ours.esm_class == 0


def test_the_payload_takes_all_parts_as_one() -> None:
    batch = [
        *parts_of("a" * 400, message_id="m1"),
        submission("lone", message_id="m2"),
        *parts_of("ж" * 100, message_id="m3"),
    ]
    found = written(batch, long_messages="payload")
    assert [(one.first.message_id, one.parts) for one in found] == [("m1", 3), ("m2", 1), ("m3", 2)]
    first, lone, last = (fields(one.body) for one in found if isinstance(one.body, bytes))
    assert (first.short_message, first.tlvs) == (b"", {wire.TLV_MESSAGE_PAYLOAD: b"a" * 400})
    assert (lone.short_message, lone.tlvs) == (b"lone", {})
    assert last.tlvs == {wire.TLV_MESSAGE_PAYLOAD: ("ж" * 100).encode("utf-16-be")}
    assert (last.data_coding, last.esm_class) == (8, 0)


def test_the_payload_is_never_sent_with_a_part_missing() -> None:
    batch = parts_of("a" * 400, message_id="m1")
    [one] = written(batch[:2], long_messages="payload")
    assert isinstance(one.body, ProviderError)
    assert one.parts == 2


@pytest.mark.parametrize("way", ["udh", "sar", "payload"])
def test_a_language_is_announced_in_every_part(way: str) -> None:
    text = "ğ" * 10
    lone = submission(text, encoding=Encoding.GSM7_TURKISH, message_id="m0")
    two = [
        submission(text, part=n, parts=2, encoding=Encoding.GSM7_TURKISH, reference=7)
        for n in (1, 2)
    ]
    first, *rest = (fields(body) for body in bodies([lone, *two], long_messages=way))
    language = bytes((0x24, 1, 1))
    assert first.short_message == bytes((3,)) + language + b"\x1b\x67" * 10
    assert first.esm_class == 0x40
    for number, part in enumerate(rest, start=1):
        joined = bytes((0, 3, 7, 2, number)) if way == "udh" else b""
        message = part.short_message or part.tlvs[wire.TLV_MESSAGE_PAYLOAD]
        header = bytes((len(joined + language),)) + joined + language
        assert message.startswith(header + b"\x1b\x67")
        assert part.esm_class == 0x40
    assert len(rest) == (1 if way == "payload" else 2)
