"""National single shift tables, by a transcript of TS 23.038 that another project generated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.sms.alphabets import (
    SHIFTED,
    Encoding,
    encode,
    language_element,
    spells,
    units,
)
from telephony.sms.segments import limits, split, split_as

E = Encoding
EVERY = frozenset(Encoding)
# Code in hex, then the character; release 18, A.2.1 to A.2.3.
PRINTED = {
    E.GSM7: "0a\f14^28{29}2f\\3c[3d~3e]40|65€",
    E.GSM7_TURKISH: "0a\f14^28{29}2f\\3c[3d~3e]40|47Ğ49İ53Ş63ç65€67ğ69ı73ş",
    E.GSM7_SPANISH: "09ç0a\f14^28{29}2f\\3c[3d~3e]40|41Á49Í4fÓ55Ú61á65€69í6fó75ú",
    E.GSM7_PORTUGUESE: (
        "05ê09ç0a\f0bÔ0cô0eÁ0fá12Φ13Γ14^15Ω16Π17Ψ18Σ19Θ1fÊ28{29}2f\\3c[3d~3e]40|"
        "41À49Í4fÓ55Ú5bÃ5cÕ61Â65€69í6fó75ú7bã7cõ7fâ"
    ),
}


@pytest.mark.parametrize("encoding", PRINTED)
def test_a_table_is_the_printed_one(encoding: Encoding) -> None:
    printed = PRINTED[encoding]
    cells = [printed[at : at + 3] for at in range(0, len(printed), 3)]
    assert {cell[2]: int(cell[:2], 16) for cell in cells} == SHIFTED[encoding]


@pytest.mark.parametrize(
    ("encoding", "alone", "joined", "element"),
    [
        (E.GSM7, 160, 153, ""),
        (E.UCS2, 70, 67, ""),
        (E.GSM7_TURKISH, 155, 149, "240101"),
        (E.GSM7_SPANISH, 155, 149, "240102"),
        (E.GSM7_PORTUGUESE, 155, 149, "240103"),
    ],
)
def test_what_a_part_holds(encoding: Encoding, alone: int, joined: int, element: str) -> None:
    """Octets 140; the header of a language takes 4 of them, with concatenation 9."""
    assert limits(encoding) == (alone, joined)
    assert language_element(encoding).hex() == element
    for length, parts in ((alone, 1), (alone + 1, 2), (2 * joined, 2), (2 * joined + 1, 3)):
        assert split_as("a" * length, encoding).count == parts


@pytest.mark.parametrize(
    ("text", "encoding", "count"),
    [
        ("Doğru" * 20, E.GSM7_TURKISH, 1),  # 120 septets against 100 code units in two parts
        ("ışık", E.UCS2, 1),  # saves nothing, and not every phone knows the table
        ("Atenção, você já está" * 5, E.GSM7_PORTUGUESE, 1),
        ("¿Cuál es la tuya? Así, aquí y ahí mismo, más allá del río." * 2, E.GSM7_SPANISH, 1),
        ("plain" * 40, E.GSM7, 2),
        ("ığ語" * 30, E.UCS2, 2),
        ("ğ" * 78, E.UCS2, 2),  # 156 septets need two parts, too
        ("ğ" * 77, E.GSM7_TURKISH, 1),
    ],
)
def test_a_language_is_used_where_it_pays(text: str, encoding: Encoding, count: int) -> None:
    cut = split(text, EVERY)
    assert (cut.encoding, cut.count) == (encoding, count)
    assert split(text).encoding in (E.GSM7, E.UCS2)


@pytest.mark.parametrize("encoding", [E.GSM7_TURKISH, E.GSM7_SPANISH, E.GSM7_PORTUGUESE])
def test_what_both_tables_have_takes_one_septet(encoding: Encoding) -> None:
    for char in "ÇΦΩabc@\n":
        assert units(char, encoding) == units(char, E.GSM7) == 1
    for char in SHIFTED[encoding]:
        octets = encode(char, encoding)
        assert octets == (bytes((0x1B, SHIFTED[encoding][char])) if len(octets) > 1
                          else encode(char, E.GSM7))  # fmt: skip


TURKISH_TEXT = st.text(st.sampled_from("abcçğıİşŞĞ€{}ÇΦ "), max_size=500)


@given(TURKISH_TEXT)
def test_parts_join_and_no_escape_is_cut(text: str) -> None:
    cut = split_as(text, E.GSM7_TURKISH)
    assert "".join(cut.parts) == text
    assert spells(text, E.GSM7_TURKISH)
    alone, joined = limits(E.GSM7_TURKISH)
    for part in cut.parts:
        octets = encode(part, E.GSM7_TURKISH)
        assert len(octets) <= (alone if cut.count == 1 else joined)
        assert not octets.endswith(b"\x1b")


@given(st.text(st.sampled_from("abcçğışáíã€ж😀"), max_size=300))
def test_more_alphabets_never_cost_more_parts(text: str) -> None:
    assert split(text, EVERY).count <= split(text).count
