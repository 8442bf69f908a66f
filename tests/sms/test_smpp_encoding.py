"""What the codec writes, against smpplib as an independent encoder, and a submission's fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.sms.providers import smpp_pdu as wire
from telephony.sms.providers.smpp import address_of, submit_sm, validity_period
from telephony.sms.providers.smpp_pdu import Address, PduError, SubmitSm, encode, submit_sm_body
from tests.sms.smpplib_pdus import NUMBER, OCTETS, smpplib_pdu
from tests.sms.support import parts_of, submission

# ── PDUs, against smpplib ─────────────────────────────────────────────────────────────────────


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
