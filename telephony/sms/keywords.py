"""What a phone asks for by one word: no more messages, messages again, or help."""

import unicodedata
from enum import StrEnum


class Keyword(StrEnum):
    """By the word that English has for it."""

    STOP = "stop"
    START = "start"
    HELP = "help"


BY_LANGUAGE: dict[str, dict[Keyword, tuple[str, ...]]] = {
    "en": {
        Keyword.STOP: ("STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT",
                       "REVOKE", "OPTOUT", "OPT OUT"),
        Keyword.START: ("START", "UNSTOP", "SUBSCRIBE"),
        Keyword.HELP: ("HELP", "INFO"),
    },
    "de": {
        Keyword.STOP: ("STOPP", "ABMELDEN", "ENDE"),
        Keyword.START: ("ANMELDEN",),
        Keyword.HELP: ("HILFE",),
    },
    "fr": {
        Keyword.STOP: ("ARRET", "ARRÊT", "DÉSABONNER"),
        Keyword.START: ("REPRENDRE",),
        Keyword.HELP: ("AIDE",),
    },
    "es": {
        Keyword.STOP: ("BAJA", "PARAR", "CANCELAR"),
        Keyword.START: ("ALTA",),
        Keyword.HELP: ("AYUDA",),
    },
    "pt": {Keyword.STOP: ("PARE", "SAIR"), Keyword.START: ("VOLTAR",), Keyword.HELP: ("AJUDA",)},
    "it": {
        Keyword.STOP: ("FERMA", "ANNULLA"),
        Keyword.START: ("RIPRENDI",),
        Keyword.HELP: ("AIUTO",),
    },
    "nl": {Keyword.STOP: ("AFMELDEN",), Keyword.START: ("AANMELDEN",), Keyword.HELP: ("HULP",)},
    "tr": {
        Keyword.STOP: ("DUR", "İPTAL", "RET"),
        Keyword.START: ("BAŞLA",),
        Keyword.HELP: ("YARDIM",),
    },
    "pl": {
        Keyword.STOP: ("WYPISZ", "REZYGNUJĘ"),
        Keyword.START: ("ZAPISZ",),
        Keyword.HELP: ("POMOC",),
    },
}  # fmt: skip


def keyword_of(text: str) -> Keyword | None:
    """What the whole text asks for in any language, whatever its case, accents, stops and
    quotes; a sentence that only holds the word asks for nothing."""
    return _KEYWORDS.get(_plain(text))


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.upper())
    kept = (char if char.isalnum() else " " for char in apart if not unicodedata.combining(char))
    return " ".join("".join(kept).split())


_KEYWORDS = {
    _plain(word): keyword
    for language in BY_LANGUAGE.values()
    for keyword, words in language.items()
    for word in words
}
