"""Splitting and encoding against independent counts and the printed tables of GSM 03.38."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smpplib.gsm import gsm_encode

from telephony.sms.alphabets import Encoding, encode, units
from telephony.sms.segments import encoding_of, split

EXTENSION = "\f^{}\\[~]|€"
GSM_LETTERS = st.sampled_from(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCXYZÄÖÑÜ§¿abcxyzäöñüà"
)
GSM_TEXT = st.text(GSM_LETTERS | st.sampled_from(EXTENSION), max_size=700)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)
WIDE_TEXT = st.text(st.sampled_from("aж語😀🇩👍é€"), max_size=400)


def greedy_count(widths: list[int], alone: int, joined: int) -> int:
    """Parts needed if characters of these widths are packed one by one and none is cut."""
    if sum(widths) <= alone:
        return 1
    parts, room = 1, joined
    for width in widths:
        if width > room:
            parts, room = parts + 1, joined
        room -= width
    return parts


def utf16_widths(text: str) -> list[int]:
    return [2 if ord(char) >= 0x10000 else 1 for char in text]


def gsm_widths(text: str) -> list[int]:
    return [2 if char in EXTENSION else 1 for char in text]


@given(GSM_TEXT)
def test_gsm7_count_agrees_with_an_independent_one(text: str) -> None:
    cut = split(text)
    assert cut.encoding is Encoding.GSM7
    assert cut.count == greedy_count(gsm_widths(text), 160, 153)


@given(WIDE_TEXT.filter(lambda text: encoding_of(text) is Encoding.UCS2))
def test_ucs2_count_agrees_with_an_independent_one(text: str) -> None:
    cut = split(text)
    assert cut.count == greedy_count(utf16_widths(text), 70, 67)


@given(ANY_TEXT | WIDE_TEXT | GSM_TEXT)
def test_parts_join_to_the_text_and_fit_into_a_message(text: str) -> None:
    cut = split(text)
    assert "".join(cut.parts) == text
    alone, joined = (160, 153) if cut.encoding is Encoding.GSM7 else (70, 67)
    limit = alone if cut.count == 1 else joined
    assert all(units(part, cut.encoding) <= limit for part in cut.parts)
    assert cut.count == 1 or all(cut.parts)


@given(WIDE_TEXT)
def test_no_part_begins_or_ends_inside_a_surrogate_pair(text: str) -> None:
    cut = split(text)
    for part in cut.parts:
        octets = encode(part, cut.encoding)
        if cut.encoding is Encoding.UCS2:
            assert octets.decode("utf-16-be") == part


@given(GSM_TEXT)
def test_no_part_ends_in_an_escape(text: str) -> None:
    cut = split(text)
    assert not any(encode(part, cut.encoding).endswith(b"\x1b") for part in cut.parts)


@given(GSM_TEXT.map(lambda text: text.translate({ord("§"): None, ord("\f"): None})))
def test_octets_agree_with_smpplib(text: str) -> None:
    # smpplib's table lacks § and the form feed: those two are tested below.
    assert encode(text, Encoding.GSM7) == gsm_encode(text)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("char", "octets"),
    [
        ("@", b"\x00"),
        ("Δ", b"\x10"),
        ("¤", b"\x24"),
        ("¡", b"\x40"),
        ("§", b"\x5f"),
        ("à", b"\x7f"),
        ("€", b"\x1b\x65"),
        ("\f", b"\x1b\x0a"),
        ("[", b"\x1b\x3c"),
        ("|", b"\x1b\x40"),
    ],
)
def test_codes_of_the_printed_table(char: str, octets: bytes) -> None:
    assert encode(char, Encoding.GSM7) == octets


@pytest.mark.parametrize(
    ("text", "encoding", "count"),
    [
        ("", "gsm7", 1),
        ("a" * 160, "gsm7", 1),
        ("a" * 161, "gsm7", 2),
        ("a" * 306, "gsm7", 2),
        ("a" * 307, "gsm7", 3),
        ("€" * 80, "gsm7", 1),
        ("€" * 80 + "a", "gsm7", 2),
        ("a" * 152 + "€" + "a" * 152, "gsm7", 3),  # the € would straddle 153
        ("a" * 151 + "€" + "a" * 153, "gsm7", 2),
        ("ж" * 70, "ucs2", 1),
        ("ж" * 71, "ucs2", 2),
        ("ж" * 134, "ucs2", 2),
        ("ж" * 135, "ucs2", 3),
        ("😀" * 35, "ucs2", 1),
        ("😀" * 35 + "a", "ucs2", 2),
        ("ж" * 66 + "😀" + "ж" * 66, "ucs2", 3),  # the emoji would straddle 67
        ("ж" * 65 + "😀" + "ж" * 67, "ucs2", 2),
        ("a" * 69 + "`", "ucs2", 1),  # the grave accent is in neither table
        ("a" * 70 + "ç", "ucs2", 2),  # small c cedilla is not, its capital is
        ("Ç" * 160, "gsm7", 1),
        ("\x1b", "ucs2", 1),
        ("\t", "ucs2", 1),
    ],
)
def test_boundaries(text: str, encoding: str, count: int) -> None:
    cut = split(text)
    assert (cut.encoding, cut.count) == (encoding, count)


def test_parts_break_before_the_pair_that_does_not_fit() -> None:
    assert split("a" * 152 + "€" + "b" * 10).parts == ("a" * 152, "€" + "b" * 10)
    assert split("ж" * 66 + "😀" + "ж" * 10).parts == ("ж" * 66, "😀" + "ж" * 10)


def test_a_lone_surrogate_counts_one_unit_and_is_sent_as_a_question_mark() -> None:
    assert split("ж" * 69 + "\ud83d").count == 1
    assert encode("\ud83d", Encoding.UCS2) == "?".encode("utf-16-be")


def test_octets_of_what_the_alphabet_lacks() -> None:
    assert encode("aж", Encoding.GSM7) == b"a?"
