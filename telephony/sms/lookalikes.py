"""Smart encoding: characters that cost a text its short alphabet, and what looks like them."""

import unicodedata

from telephony.sms.alphabets import PLAIN, Encoding
from telephony.sms.segments import Segmented, split

_SPELLED = {
    "'": "‘’‚‛′ʹʻʼʽ`´",
    '"': "“”„‟″«»❝❞",
    "-": "‐‑‒–—―−⁃",
    "...": "…",
    " ": "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f"
    "\u205f\u3000",
    "": "\u00ad\u200b\u2060\ufeff",
    "\n": "\u2028\u2029",
    "*": "•‣∙",
    "<": "‹",
    ">": "›",
    "/": "⁄",
    "|": "¦",
    "~": "∼",
}  # fmt: skip
_FULL_WIDTH = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_REPLACEMENTS = _FULL_WIDTH | {ord(old): new for new, olds in _SPELLED.items() for old in olds}


def split_smart(text: str, allowed: frozenset[Encoding] = PLAIN) -> tuple[str, Segmented]:
    """The text as it is sent and its parts: with look-alikes where they save a part, else as it
    was. Letters keep their accents: without them many a word is another one."""
    usual = split(text, allowed)
    if usual.encoding is Encoding.GSM7:
        return text, usual
    plain = _plain(text)
    smart = split(plain, allowed)
    return (plain, smart) if smart.count < usual.count else (text, usual)


def _plain(text: str) -> str:
    """Composed first, since a letter and its accent may come as two characters."""
    return unicodedata.normalize("NFC", text).translate(_REPLACEMENTS)
