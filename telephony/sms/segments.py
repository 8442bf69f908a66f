"""Splits a text into SMS parts and encodes them: GSM 03.38 alphabet, or UCS-2 where that fails."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Encoding(StrEnum):
    """Alphabet of a message; all its parts share one."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


# 3GPP TS 23.038 section 6.2.1: the index of a character is its code. 0x1B is the escape.
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPE = "\x1b"
_EXTENSION = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
_CODES = {ord(char): chr(code) for code, char in enumerate(_BASIC) if char != _ESCAPE} | {
    ord(char): _ESCAPE + chr(code) for char, code in _EXTENSION.items()
}
_ALPHABET = frozenset(map(chr, _CODES))

# (septets or UTF-16 code units of a lone part, of each part of several: six octets go to the UDH)
_LIMITS = {Encoding.GSM7: (160, 153), Encoding.UCS2: (70, 67)}
_UNIT_OCTETS = {Encoding.GSM7: 1, Encoding.UCS2: 2}


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
    return Encoding.GSM7 if _ALPHABET.issuperset(text) else Encoding.UCS2


def encode(text: str, encoding: Encoding) -> bytes:
    """The octets of SMPP's short_message: one septet per octet (data_coding 0), or UTF-16BE (8).

    What the alphabet lacks, a lone surrogate for one, becomes a question mark.
    """
    if encoding is Encoding.UCS2:
        return text.encode("utf-16-be", "replace")
    return text.translate(_CODES).encode("latin-1", "replace")


def units(text: str, encoding: Encoding) -> int:
    """Length in septets (an extension character takes two) or in UTF-16 code units."""
    return len(encode(text, encoding)) // _UNIT_OCTETS[encoding]


def split(text: str) -> Segmented:
    """Fewest parts that never cut an escape or a surrogate pair in two."""
    encoding = encoding_of(text)
    alone, joined = _LIMITS[encoding]
    if units(text, encoding) <= alone:
        return Segmented(encoding, (text,))
    return Segmented(encoding, tuple(_cut(text, encoding, joined)))


def _cut(text: str, encoding: Encoding, limit: int) -> Iterator[str]:
    start = used = 0
    for index, char in enumerate(text):
        width = _width(char, encoding)
        if used + width > limit:
            yield text[start:index]
            start, used = index, 0
        used += width
    yield text[start:]


def _width(char: str, encoding: Encoding) -> int:
    wide = char in _EXTENSION if encoding is Encoding.GSM7 else char > "\uffff"
    return 2 if wide else 1
