"""What customers write becomes E.164 or a sentence that says how to write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.phone_numbers import e164, prefixes


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("+15550111222", "", "+15550111222"),
        ("+1 (555) 011-1222", "", "+15550111222"),
        ("  +49 170/1234567 ", "", "+491701234567"),
        ("0170 1234567", "DE", "+491701234567"),
        ("00491701234567", "DE", "+491701234567"),
        ("555-011-1222", "US", "+15550111222"),
        ("+491701234567", "US", "+491701234567"),
        ("+44 20 7946 0958", "", "+442079460958"),
        ("+800 12345678", "", "+80012345678"),
    ],
)
def test_a_number_is_written_as_e164(text: str, country: str, number: str) -> None:
    assert e164(text, country) == number


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("15550111222", ""),
        ("0170 1234567", ""),
        ("0170 1234567", "XX"),
        ("", "US"),
        ("+", ""),
        ("++15550111222", ""),
        ("call me", "US"),
        ("+1555011122x", ""),
        ("1-800-FLOWERS", "US"),
        ("+15550111222;ext=1", ""),
        ("+15550111222\r\nX: y", ""),
        ("+1555" + "0" * 40, ""),
        ("+1555", ""),
        ("+15551234", ""),
        ("555-1234", "US"),
        ("+1555011122233", ""),
        ("+99912345678", ""),
    ],
)
def test_what_is_no_number_gets_a_sentence(text: str, country: str) -> None:
    with pytest.raises(ValueError, match=r"international format|this many digits"):
        e164(text, country)


@given(st.text(max_size=40))
def test_nothing_else_ever_comes_out(text: str) -> None:
    for country in ("", "US"):
        try:
            number = e164(text, country)
        except ValueError:
            continue
        assert number[0] == "+"
        assert number[1:].isascii()
        assert number[1:].isdigit()
        assert e164(number) == number


def test_prefixes_grow_by_one_digit() -> None:
    assert prefixes("+1555") == ["1", "15", "155", "1555"]
    assert prefixes("1555") == prefixes("+1555")
    assert prefixes("+") == []
