"""Which addresses of a page are asked for: the page, each filter that its form offers, two of them
together, what finds nothing, and what is far down the list."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import combinations
from urllib.parse import urlencode, urlsplit

from db.ids import first_id

Attributes = dict[str, str | None]
FOUND_BY = {
    "search": ("1555", "0123456", "5501", "zq", "00991234567", "nobody"),
    "sip_account": ("phone-7", "nobody"), "account": ("Northwind Couriers", "nobody"),
    "subject": ("nothing",), "sender": ("+15550111222", "nobody"),
    "q": ("company", "comp 7", "nobody", "ada@example.com"), "number": ("+15", "+999"),
    "to": ("+15550111222",), "trunk": ("north", "nobody"), "provider": ("web", "nobody"),
}  # fmt: skip
"""What people write into a field of that name, and what nobody has."""
ANY_TEXT = ("1555", "nobody")
ID = re.compile(r"\b([a-z]{2,5})_[0-9a-z]{26}")
NUMBER = re.compile(r"before=\d+")


@dataclass
class Seen(HTMLParser):
    """Links of a page, and the values of each field of its form that asks for another page."""

    links: list[str] = field(default_factory=list)
    further: list[str] = field(default_factory=list)
    fields: dict[str, list[str]] = field(default_factory=dict)
    days: tuple[str, ...] = ()
    _asks: bool = False
    _select: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what is needed of an element."""
        of = dict(attrs)
        if tag == "a" and of.get("href"):
            (self.further if of.get("rel") == "next" else self.links).append(str(of["href"]))
        elif of.get("sse-connect") or (tag == "audio" and of.get("src")):
            self.links.append(str(of.get("sse-connect") or of["src"]))
        elif tag == "form":
            self._asks = of.get("method") == "get" and "hx-get" not in of
        elif self._asks and tag in ("input", "select") and of.get("name"):
            self._field(tag, str(of["name"]), of)
        elif tag == "option" and self._select and of.get("value"):
            self.fields[self._select].append(str(of["value"]))

    def handle_endtag(self, tag: str) -> None:
        """A form or a choice is over."""
        self._asks &= tag != "form"
        self._select = "" if tag == "select" else self._select

    def _field(self, tag: str, name: str, of: Attributes) -> None:
        kind = of.get("type", "text")
        self._select = name if tag == "select" else ""
        if kind == "hidden":
            return
        if kind == "date":
            self.fields[name] = list(self.days)
        elif kind == "number":
            self.fields[name] = [str(of.get("max") or "1")]
        else:
            self.fields[name] = [] if tag == "select" else list(FOUND_BY.get(name, ANY_TEXT))


def seen(text: str, days: Iterable[str]) -> Seen:
    """What a page offers; `days` are written into fields of dates."""
    found = Seen(days=tuple(days))
    found.feed(text)
    return found


def queries(page: Seen, early_millis: int) -> Iterator[str]:
    """Queries of a list, without the question mark; first that without any filter."""
    yield ""
    single = [(name, value) for name, values in page.fields.items() for value in values]
    for one in single:
        yield urlencode([one])
    for one, other in combinations(single, 2):
        if one[0] != other[0]:
            yield urlencode([one, other])
    for link in page.further[:1]:
        query = urlsplit(link).query
        yield query
        far = NUMBER.sub("before=1500", ID.sub(lambda id_: first_id(id_[1], early_millis), query))
        yield far
        yield from (f"{far}&{urlencode([one])}" for one in single)
