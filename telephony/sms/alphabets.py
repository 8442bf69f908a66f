"""Alphabets of SMS: the tables of 3GPP TS 23.038 and what a character takes in each."""

from enum import StrEnum


class Encoding(StrEnum):
    """Alphabet of a message; all its parts share one. Those with a language use its single shift
    table in place of the extension table, which a header in every part announces."""

    GSM7 = "gsm7"
    GSM7_TURKISH = "gsm7_tr"
    GSM7_SPANISH = "gsm7_es"
    GSM7_PORTUGUESE = "gsm7_pt"
    UCS2 = "ucs2"


PLAIN = frozenset({Encoding.GSM7, Encoding.UCS2})
"""What every network carries."""

ESCAPE = "\x1b"
# Section 6.2.1: the index of a character is its code. 0x1B is the escape.
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Section 6.2.1.1.
EXTENSION = {
    "\f": 0x0A, "^": 0x14, "{": 0x28, "}": 0x29, "\\": 0x2F, "[": 0x3C, "~": 0x3D, "]": 0x3E,
    "|": 0x40, "€": 0x65,
}  # fmt: skip
# Sections A.2.1 to A.2.3, each with what it adds to the table above.
TURKISH = EXTENSION | {
    "Ğ": 0x47, "İ": 0x49, "Ş": 0x53, "ç": 0x63, "ğ": 0x67, "ı": 0x69, "ş": 0x73,
}  # fmt: skip
SPANISH = EXTENSION | {
    "ç": 0x09, "Á": 0x41, "Í": 0x49, "Ó": 0x4F, "Ú": 0x55, "á": 0x61, "í": 0x69, "ó": 0x6F,
    "ú": 0x75,
}  # fmt: skip
PORTUGUESE = EXTENSION | {
    "ê": 0x05, "ç": 0x09, "Ô": 0x0B, "ô": 0x0C, "Á": 0x0E, "á": 0x0F, "Φ": 0x12, "Γ": 0x13,
    "Ω": 0x15, "Π": 0x16, "Ψ": 0x17, "Σ": 0x18, "Θ": 0x19, "Ê": 0x1F, "À": 0x41, "Í": 0x49,
    "Ó": 0x4F, "Ú": 0x55, "Ã": 0x5B, "Õ": 0x5C, "Â": 0x61, "í": 0x69, "ó": 0x6F, "ú": 0x75,
    "ã": 0x7B, "õ": 0x7C, "â": 0x7F,
}  # fmt: skip
SHIFTED = {
    Encoding.GSM7: EXTENSION,
    Encoding.GSM7_TURKISH: TURKISH,
    Encoding.GSM7_SPANISH: SPANISH,
    Encoding.GSM7_PORTUGUESE: PORTUGUESE,
}
_LANGUAGES = {
    Encoding.GSM7_TURKISH: 1,
    Encoding.GSM7_SPANISH: 2,
    Encoding.GSM7_PORTUGUESE: 3,
}
_BASIC_CODES = {ord(char): chr(code) for code, char in enumerate(BASIC) if char != ESCAPE}
# A character that both have keeps its one septet.
_CODES = {
    encoding: {ord(char): ESCAPE + chr(code) for char, code in table.items()} | _BASIC_CODES
    for encoding, table in SHIFTED.items()
}
_LETTERS = {encoding: frozenset(map(chr, codes)) for encoding, codes in _CODES.items()}
_WIDE = {encoding: _LETTERS[encoding].difference(BASIC) for encoding in SHIFTED}


def spells(text: str, encoding: Encoding) -> bool:
    """True if the alphabet has every character of the text."""
    return encoding is Encoding.UCS2 or _LETTERS[encoding].issuperset(text)


def width(char: str, encoding: Encoding) -> int:
    """Septets or UTF-16 code units of a character: one or two."""
    wide = char > "\uffff" if encoding is Encoding.UCS2 else char in _WIDE[encoding]
    return 2 if wide else 1


def units(text: str, encoding: Encoding) -> int:
    """Length in septets or in UTF-16 code units."""
    return len(encode(text, encoding)) // (2 if encoding is Encoding.UCS2 else 1)


def encode(text: str, encoding: Encoding) -> bytes:
    """The octets of SMPP's short_message: one septet per octet (data_coding 0), or UTF-16BE (8).

    What the alphabet lacks, a lone surrogate for one, becomes a question mark.
    """
    if encoding is Encoding.UCS2:
        return text.encode("utf-16-be", "replace")
    return text.translate(_CODES[encoding]).encode("latin-1", "replace")


def language_element(encoding: Encoding) -> bytes:
    """The element (IEI 0x24) that each part's user data header needs for the alphabet's language,
    without the header's own length octet; empty where it needs none."""
    language = _LANGUAGES.get(encoding)
    return bytes((0x24, 1, language)) if language else b""
