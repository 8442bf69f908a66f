"""Delivery receipts in the shapes that SMSCs really send."""

from datetime import UTC, datetime
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.clock import SECOND, Instant
from telephony.sms.providers.base import Receipt, ReceiptState
from telephony.sms.providers.smpp_options import IdBase, SmppOptions
from telephony.sms.providers.smpp_pdu import Address, DeliverSm, PduError
from telephony.sms.providers.smpp_receipts import is_receipt, normalized, receipt_of

STANDARD = (
    "id:0000012ab sub:001 dlvrd:001 submit date:2601122015 done date:2601122016 "
    "stat:DELIVRD err:000 text:Your code is 123"
)


def deliver(
    text: str | bytes = b"",
    tlvs: dict[int, bytes] | None = None,
    esm_class: int = 4,
    source: str = "15550109999",
    data_coding: int = 0,
) -> DeliverSm:
    octets = text.encode("latin-1") if isinstance(text, str) else text
    number, own = Address(1, 1, source), Address(5, 0, "ACME")
    return DeliverSm(number, own, esm_class, data_coding, octets, tlvs or {})


@cache
def options(base: IdBase = IdBase.AS_IS, echo: bool = False) -> SmppOptions:
    return SmppOptions(
        host="smsc", system_id="me", receipt_id_base=base, user_message_reference=echo
    )


def read(text: str | bytes = b"", base: IdBase = IdBase.AS_IS, **fields: object) -> Receipt:
    return receipt_of(deliver(text, **fields), "smpp", options(base))  # type: ignore[arg-type]


def utc(*fields: int) -> Instant:
    year, month, day, hour, minute, second = fields
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()) * SECOND


def test_the_text_of_the_specification() -> None:
    assert read(STANDARD) == Receipt(
        provider="smpp",
        provider_message_id="0000012ab",
        state=ReceiptState.DELIVERED,
        error_code="000",
        at=utc(2026, 1, 12, 20, 16, 0),
        recipient="+15550109999",
        raw=STANDARD.partition(" text:")[0],
    )


@pytest.mark.parametrize(
    ("text", "message_id", "state", "error_code"),
    [
        ("id:1 stat:DELIVRD err:00A", "1", "delivered", "00A"),
        ("ID:1 STAT:delivrd ERR:0x1", "1", "delivered", "0x1"),
        ("id:1 stat:DELIVERED", "1", "delivered", ""),
        ("id: 1 stat: UNDELIV err: 5", "1", "undelivered", "5"),
        ("stat:EXPIRED id:1", "1", "expired", ""),
        ("id:1,stat:REJECTD,err:-1", "1", "undelivered", "-1"),
        ("id:1;status:DELETED;error:7", "1", "undelivered", "7"),
        ("id:1 stat:FAILED err:", "1", "undelivered", ""),
        ("id:1 stat:UNDELIVERABLE", "1", "undelivered", ""),
        ("id:1 stat:ENROUTE", "1", "enroute", ""),
        ("id:1 stat:ACCEPTD", "1", "enroute", ""),
        ("id:1 stat:SCHEDULED", "1", "enroute", ""),
        ("id:1 stat:UNKNOWN", "1", "unknown", ""),
        ("id:1 stat:WAT", "1", "unknown", ""),
        ("id:1", "1", "unknown", ""),
        ("id:1 stat: err:004", "1", "unknown", "004"),
        ("id:c7a1-4f:9 stat:DELIVRD", "c7a1-4f:9", "delivered", ""),
        ("  id:1\tstat:DELIVRD\r\nerr:1", "1", "delivered", "1"),
        ("id:1 stat:DELIVRD id:2 stat:EXPIRED", "1", "delivered", ""),
        ("sub:001 grid:9 id:1 stat:DELIVRD", "1", "delivered", ""),
    ],
)
def test_texts_as_they_come(text: str, message_id: str, state: str, error_code: str) -> None:
    receipt = read(text)
    assert receipt.provider_message_id == message_id
    assert receipt.state == state
    assert receipt.error_code == error_code
    assert receipt.raw == text


def test_what_the_customer_wrote_is_not_read_as_fields() -> None:
    receipt = read("id:1 stat:UNDELIV err:011 Text:stat:DELIVRD err:000 id:2")
    assert (receipt.provider_message_id, receipt.state) == ("1", ReceiptState.UNDELIVERED)
    assert receipt.error_code == "011"
    assert receipt.raw == "id:1 stat:UNDELIV err:011", "nor kept beside the message"
    assert read("id:1 text:stat:DELIVRD").state is ReceiptState.UNKNOWN


@pytest.mark.parametrize(
    ("digits", "instant"),
    [
        ("2601122016", utc(2026, 1, 12, 20, 16, 0)),
        ("260112201659", utc(2026, 1, 12, 20, 16, 59)),
        ("202601122016", utc(2026, 1, 12, 20, 16, 0)),  # twelve digits with a whole year
        ("20260112201659", utc(2026, 1, 12, 20, 16, 59)),
        ("2613122016", None),
        ("260112", None),
        ("", None),
        ("yesterday", None),
        ("٢٦٠١١٢٢٠١٦", None),
    ],
)
def test_dates(digits: str, instant: Instant | None) -> None:
    message = deliver(f"id:1 done date:{digits} stat:DELIVRD".encode(), data_coding=0)
    assert receipt_of(message, "smpp", options()).at == instant


@pytest.mark.parametrize("name", ["done date", "Done Date", "done_date", "donedate"])
def test_names_of_the_date(name: str) -> None:
    assert read(f"id:1 {name}:2601122016").at == utc(2026, 1, 12, 20, 16, 0)


# ── TLVs ──────────────────────────────────────────────────────────────────────────────────────


def test_tlvs_are_preferred_over_the_text() -> None:
    receipt = read(STANDARD, tlvs={0x001E: b"77\0", 0x0427: b"\x05"})
    assert receipt.provider_message_id == "77"
    assert receipt.state is ReceiptState.UNDELIVERED
    assert receipt.error_code == "000"  # only the text has it


def test_tlvs_alone_are_enough() -> None:
    receipt = read(tlvs={0x001E: b"77", 0x0427: b"\x02", 0x0423: b"\x03\x01\x02"})
    assert receipt.state is ReceiptState.DELIVERED
    assert receipt.error_code == "258"
    assert (receipt.at, receipt.raw) == (None, "")


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (0, "enroute"),
        (1, "enroute"),
        (2, "delivered"),
        (3, "expired"),
        (4, "undelivered"),
        (5, "undelivered"),
        (6, "enroute"),
        (7, "unknown"),
        (8, "undelivered"),
        (9, "undelivered"),
        (200, "unknown"),
    ],
)
def test_message_state_by_number(number: int, state: str) -> None:
    assert read(tlvs={0x001E: b"1", 0x0427: bytes((number,))}).state == state


@pytest.mark.parametrize("odd", [b"", b"\x00\x02", b"\xff"])
def test_an_odd_message_state_leaves_it_to_the_text(odd: bytes) -> None:
    assert read("id:1 stat:EXPIRED", tlvs={0x0427: odd}).state is ReceiptState.EXPIRED


def test_an_empty_receipted_message_id_leaves_it_to_the_text() -> None:
    assert read(STANDARD, tlvs={0x001E: b"\0"}).provider_message_id == "0000012ab"


def test_the_text_may_be_a_message_payload_ucs2_or_behind_a_header() -> None:
    assert read(tlvs={0x0424: b"id:5 stat:DELIVRD"}).provider_message_id == "5"
    wide = "id:5 stat:DELIVRD".encode("utf-16-be")
    assert read(wide, data_coding=8).state is ReceiptState.DELIVERED
    headed = b"\x05\x00\x03\x07\x01\x01id:5 stat:DELIVRD"
    assert read(headed, esm_class=0x44).provider_message_id == "5"


@pytest.mark.parametrize("text", ["", "hello", "stat:DELIVRD", "id: stat:DELIVRD", "id:"])
def test_a_receipt_without_id_is_an_error(text: str) -> None:
    with pytest.raises(PduError):
        read(text)


@pytest.mark.parametrize(
    ("esm_class", "tlvs", "receipt"),
    [
        (0x00, {}, False),
        (0x04, {}, True),
        (0x44, {}, True),  # with a UDH
        (0x07, {}, True),  # with a messaging mode
        (0x20, {}, True),  # intermediate notification
        (0x08, {}, False),  # acknowledgement written by the subscriber
        (0x10, {}, False),
        (0x40, {}, False),
        (0x00, {0x001E: b"1"}, True),  # the bit is forgotten
    ],
)
def test_what_is_a_receipt(esm_class: int, tlvs: dict[int, bytes], receipt: bool) -> None:
    assert is_receipt(deliver(esm_class=esm_class, tlvs=tlvs)) is receipt


@pytest.mark.parametrize("source", ["ACME", "", "1" * 20, "12"])
def test_a_sender_that_is_no_number_is_no_recipient(source: str) -> None:
    assert read(STANDARD, source=source).recipient == ""


# ── ids ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("message_id", "base", "text"),
    [
        ("00AbC ", "as_is", "00AbC "),
        ("0000001A", "hex", "26"),
        ("1a", "hex", "26"),
        ("0x1A", "hex", "26"),
        ("0000000026", "decimal", "26"),
        ("26", "decimal", "26"),
        ("0", "decimal", "0"),
        ("000", "hex", "0"),
        ("00AB-CD", "hex", "ab-cd"),
        ("00AB", "decimal", "ab"),
        ("1_000", "decimal", "1_000"),
        ("٣", "decimal", "٣"),
        ("9" * 70, "decimal", "9" * 70),
    ],
)
def test_ids_are_normalized(message_id: str, base: str, text: str) -> None:
    assert normalized(message_id, IdBase(base)) == text


@given(st.integers(0, 2**64 - 1), st.integers(0, 12))
def test_hex_in_the_response_meets_decimal_in_the_receipt(number: int, zeros: int) -> None:
    response = "0" * zeros + f"{number:X}"
    receipt = "0" * zeros + str(number)
    assert normalized(response, IdBase.HEX) == normalized(receipt, IdBase.DECIMAL)


@given(st.text(max_size=300), st.sampled_from(IdBase))
def test_normalizing_never_fails_and_is_stable(message_id: str, base: IdBase) -> None:
    assert normalized(message_id, base) == normalized(message_id, base)


# ── anything at all ───────────────────────────────────────────────────────────────────────────

PIECES = st.sampled_from(
    ["id:", "stat:", "err:", "done date:", "submit date:", "text:", " ", ":", "1", "DELIVRD", "é"]
)


@given(
    st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=200),
    st.dictionaries(
        st.sampled_from([0x001E, 0x0423, 0x0424, 0x0427]), st.binary(max_size=20), max_size=4
    ),
    st.integers(0, 255),
    st.sampled_from([0, 8, 3, 245]),
    st.sampled_from(IdBase),
)
@settings(max_examples=2_000)
def test_any_receipt_is_read_or_is_the_own_error(
    text: str, tlvs: dict[int, bytes], esm_class: int, coding: int, base: IdBase
) -> None:
    octets = text.encode("utf-8", "replace")[:255]
    message = deliver(octets, tlvs, esm_class, data_coding=coding)
    try:
        receipt = receipt_of(message, "smpp", options(base))
    except PduError:
        return
    assert receipt.provider_message_id
    assert isinstance(receipt.state, ReceiptState)


@pytest.mark.parametrize(
    ("echo", "value", "reference"),
    [
        (True, b"\x12\x34", 0x1234),
        (True, b"", None),
        (True, b"\x12", None),
        (False, b"\x12\x34", None),  # we send none, so it is not ours
    ],
)
def test_an_echoed_reference_tells_whose_it_is(
    echo: bool, value: bytes, reference: int | None
) -> None:
    message = deliver(STANDARD, {0x0204: value})
    assert receipt_of(message, "smpp", options(echo=echo)).reference == reference


def test_nothing_in_a_receipt_can_break_a_database() -> None:
    receipt = read("id:1\0 stat:DELIVRD text:\0" + "x" * 70_000)
    assert "\0" not in receipt.raw + receipt.provider_message_id
    assert len(receipt.raw) <= 1_000
    with pytest.raises(PduError):
        read("", tlvs={0x001E: b"9" * 300})
