"""Smart encoding: only where it saves parts, only what looks the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.sms.alphabets import Encoding, spells
from telephony.sms.lookalikes import split_smart
from telephony.sms.segments import split

LONG = "x" * 80


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("“Don’t”", '"Don\'t"'),
        ("a – b — c…", "a - b - c..."),
        ("1\u00a0000\u202f€", "1 000 €"),
        ("in\u00advis\u200bible", "invisible"),
        ("cafe\u0301", "café"),
        ("ＦＵＬＬ　１２", "FULL 12"),
        ("• one\t two\u2028", "* one  two\n"),
    ],
)
def test_look_alikes(text: str, plain: str) -> None:
    sent, cut = split_smart(text + LONG)
    assert sent == plain + LONG
    assert (cut.encoding, cut.count) == (Encoding.GSM7, 1)
    assert split(text + LONG).count == 2


@pytest.mark.parametrize(
    "text",
    [
        "short – and in one part anyway",
        "x² + y² ≤ 1" + LONG,  # other characters, not other shapes
        "“ж”" + LONG,
        "’👍’" + LONG,
        "ş" + LONG,  # without its cedilla it is another letter
        "\U0001f468\u200d\U0001f469" + LONG,  # the joiner makes one picture of two
    ],
)
def test_what_would_gain_nothing_stays_as_it_is(text: str) -> None:
    sent, cut = split_smart(text)
    assert sent == text
    assert cut == split(text)


@given(st.text(st.sampled_from("ab’“”–…\u00a0ж😀é"), max_size=200))
def test_it_never_costs_more_and_changes_only_what_pays(text: str) -> None:
    sent, cut = split_smart(text)
    assert "".join(cut.parts) == sent
    assert cut.count <= split(text).count
    assert sent == text or cut.count < split(text).count
    assert sent == text or spells(sent, Encoding.GSM7)
