"""Code in colour: classes of its words, which the style sheet knows in light and dark."""

import re
from functools import cache

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

_FORMATTER = HtmlFormatter(nowrap=True, classprefix="hl-")
_PLAIN = re.compile(r'<span class="hl-[wp]">([^<]*)</span>')
"""Blanks and punctuation have no colour of their own."""
OPTIONS = {"php": {"startinline": True}}


@cache
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language, stripnl=False, **OPTIONS.get(language, {}))
    except ClassNotFound:
        return None


def coloured(text: str, language: str) -> Markup | str:
    """The same text with its words marked; one of a language that nobody knows stays as it is."""
    lexer = _lexer(language)
    if lexer is None:
        return text
    marked = _PLAIN.sub(r"\1", highlight(text, lexer, _FORMATTER))
    return Markup(marked.rstrip("\n"))
