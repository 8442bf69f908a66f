"""E.164 numbers. What `phonenumbers` calls possible is accepted, not only what is assigned."""

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

import phonenumbers

T = TypeVar("T")
_LOOKS = re.compile(r"^\+?[\d\s()./\-]{3,32}$")


def e164(text: str, country: str = "") -> str:
    """`+1 (555) 011-1222` → `+15550111222`; ValueError with a sentence for the customer.
    A national number needs the country (ISO 3166, such as `DE`)."""
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


def prefixes(number: str) -> list[str]:
    """`+1555` → `["1", "15", "155", "1555"]`."""
    digits = number.lstrip("+")
    return [digits[:end] for end in range(1, len(digits) + 1)]


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
