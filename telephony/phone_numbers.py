"""E.164 numbers. What `phonenumbers` calls possible is accepted, not only what is assigned."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TypeVar

import phonenumbers

T = TypeVar("T")
_PLAIN = re.compile(r"\+[1-9][0-9]{8,14}")
TAIL = 3
_LOOKS = re.compile(r"^\+?[\d\s()./\-]{3,32}$")


def e164(text: str, country: str = "") -> str:
    """`+1 (555) 011-1222` → `+15550111222`; ValueError with a sentence for the customer.
    A national number needs the country (ISO 3166, such as `DE`)."""
    if not country and _PLAIN.fullmatch(text) and _is_e164(text[:-TAIL]):
        return text
    return _e164(text, country)


@lru_cache(maxsize=16_384)
def _is_e164(head: str) -> bool:
    """True if `TAIL` digits more make it a number in E.164, whichever they are: no country's rules
    look at the last ones. Parsing costs twenty times as much, and senders' numbers are alike."""
    whole = head + "0" * TAIL
    try:
        return _e164(whole, "") == whole
    except ValueError:
        return False


def _e164(text: str, country: str) -> str:
    if not _LOOKS.match(text.strip()):
        raise ValueError("write it in international format, for example +15550111222")
    try:
        number = phonenumbers.parse(text.strip(), country or None)
    except phonenumbers.NumberParseException as error:
        raise ValueError("write it in international format, for example +15550111222") from error
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:  # "local only" lacks its area code
        raise ValueError("no number of that country has this many digits")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(maxsize=1024)
def prefixes(number: str) -> tuple[str, ...]:
    """`+1555` → `("1", "15", "155", "1555")`."""
    digits = number.lstrip("+")
    return tuple(digits[:end] for end in range(1, len(digits) + 1))


def prefixes_of(numbers: Iterable[str]) -> set[str]:
    """The prefixes of all of them."""
    found: set[str] = set()
    return found.union(*map(prefixes, numbers))


def longest(number: str, found: Mapping[str, T]) -> T | None:
    """What is found for the longest prefix of a number that has anything."""
    digits = number[1:]
    for end in range(len(digits), 0, -1):
        if digits[:end] in found:
            return found[digits[:end]]
    return None


def national(number: str, other: str) -> str:
    """`+4930123456` as people dial it within Germany, `030123456`; empty if `other` is abroad."""
    here, there = phonenumbers.parse(number), phonenumbers.parse(other)
    if here.country_code != there.country_code:
        return ""
    text = phonenumbers.format_number(here, phonenumbers.PhoneNumberFormat.NATIONAL)
    return "".join(char for char in text if char.isdigit())
