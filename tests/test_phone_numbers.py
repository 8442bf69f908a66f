"""What customers write becomes E.164 or a sentence that says how to write it."""

import random

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.phone_numbers import e164, longest, prefixes, prefixes_of


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
    assert prefixes("+1555") == ("1", "15", "155", "1555")
    assert prefixes("1555") == prefixes("+1555")
    assert prefixes("+") == ()
    assert prefixes_of(["+12", "+13"]) == {"1", "12", "13"}


def test_the_longest_prefix_counts() -> None:
    found = {"1": "a", "155": "b", "49": "c"}
    numbers = ("+15550", "+1444", "+33", "+155")
    assert [longest(one, found) for one in numbers] == ["b", "a", None, "b"]


def written(text: str) -> str:
    """What the library makes of a text, digit by digit."""
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return ""
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@pytest.mark.parametrize("code", sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE))
def test_what_is_remembered_of_a_number_is_what_parsing_says(code: int) -> None:
    """Of every country: its examples, also with the national prefix left in, and chance."""
    chance = random.Random(code)
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]
    examples = [phonenumbers.example_number(region) for region in regions]
    heads = [str(one.national_number) for one in examples if one]
    heads += ["".join(chance.choices("0123456789", k=chance.randint(6, 11))) for _ in range(20)]
    prefixes_left_in = ["", "0", "1", "8", "06", "15"]
    for head in heads:
        for left_in in prefixes_left_in:
            digits = f"{left_in}{head}"[:-3]
            for _ in range(3):
                text = f"+{code}{digits}{chance.randint(0, 999):03}"
                try:
                    found = e164(text)
                except ValueError:
                    found = ""
                assert found == written(text), text
