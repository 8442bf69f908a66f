"""Splits a text into SMS parts: in the alphabet that needs the fewest of them."""

from collections.abc import Iterator
from dataclasses import dataclass

from telephony.sms.alphabets import (
    PLAIN,
    Encoding,
    language_element,
    spells,
    units,
    width,
)

USER_DATA_BITS = 140 * 8
CONCATENATION_OCTETS = 5  # element 0x00 with its length and an 8-bit reference, count, number
_PREFERENCE = tuple(Encoding)


@dataclass(frozen=True, slots=True)
class Segmented:
    """A text as it will be sent: joining `parts` gives the text back."""

    encoding: Encoding
    parts: tuple[str, ...]

    @property
    def count(self) -> int:
        """Number of parts, which is what is charged; an empty text is one part."""
        return len(self.parts)


def encoding_of(text: str) -> Encoding:
    """GSM-7 if every character has a code in the default or the extension table, else UCS-2."""
    return Encoding.GSM7 if spells(text, Encoding.GSM7) else Encoding.UCS2


def split(text: str, allowed: frozenset[Encoding] = PLAIN) -> Segmented:
    """Fewest parts that never cut an escape or a surrogate pair in two. A language's alphabet is
    taken only where it saves parts, since not every phone knows it; `allowed` adds
    to GSM-7 and UCS-2."""
    usual = split_as(text, encoding_of(text))
    if usual.encoding is Encoding.GSM7:
        return usual
    national = [one for one in _PREFERENCE if one in allowed - PLAIN and spells(text, one)]
    return min([usual, *(split_as(text, one) for one in national)], key=_count)


def split_as(text: str, encoding: Encoding) -> Segmented:
    """The parts of a text in an alphabet that was chosen before."""
    alone, joined = limits(encoding)
    if units(text, encoding) <= alone:
        return Segmented(encoding, (text,))
    return Segmented(encoding, tuple(_cut(text, encoding, joined)))


def limits(encoding: Encoding) -> tuple[int, int]:
    """Septets or UTF-16 code units of a lone part, and of each part of several."""
    language = len(language_element(encoding))
    return _room(encoding, language), _room(encoding, language + CONCATENATION_OCTETS)


def _room(encoding: Encoding, elements_octets: int) -> int:
    """What a header of those elements and its length octet leave; septets begin on a boundary of
    seven bits after it."""
    header_bits = 8 * (elements_octets + 1) if elements_octets else 0
    unit_bits = 16 if encoding is Encoding.UCS2 else 7
    return (USER_DATA_BITS - header_bits) // unit_bits


def _count(segmented: Segmented) -> int:
    return segmented.count


def _cut(text: str, encoding: Encoding, limit: int) -> Iterator[str]:
    start = used = 0
    for index, char in enumerate(text):
        taken = width(char, encoding)
        if used + taken > limit:
            yield text[start:index]
            start, used = index, 0
        used += taken
    yield text[start:]
