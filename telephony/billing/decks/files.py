"""Price lists as files: the same format out as in."""

import csv
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TextIO

from db import decks
from db.connection import Reader
from db.tariffs import COLUMNS, PRICES
from telephony.billing.decks.reader import DeckError, RateRow
from telephony.clock import Instant
from telephony.money import MICROS, Micros

LINE_BYTES_MAX = 64 * 1024
LINES_PER_ADVANCE = 1_000
BOM = "\ufeff"
"""Spreadsheets begin a file with it."""

Advance = Callable[[int], None]
"""Told how many bytes of a file were read."""


def lines(path: Path, advance: Advance) -> Iterator[str]:
    """A file's lines. What is not UTF-8 becomes characters that no field may have."""
    read = 0
    with path.open("rb") as file:
        for at, raw in enumerate(iter(partial(file.readline, LINE_BYTES_MAX), b"")):
            read += len(raw)
            if at % LINES_PER_ADVANCE == 0:
                advance(read)
                read = 0
            text = raw.decode("utf-8", "surrogateescape")
            yield text if at else text.removeprefix(BOM)
    advance(read)


async def stored(reader: Reader, version_id: str) -> AsyncIterator[RateRow]:
    """Every rate of a version, by prefix, a page of the database at a time."""
    after = ""
    while page := await decks.page(reader, version_id, after):
        for row in page:
            yield row
        after = page[-1]["prefix"]


async def export(reader: Reader, name: str, at: Instant, out: TextIO) -> None:
    """Write what is in force at an instant as CSV; raises DeckError where nothing is."""
    version = await decks.version_at(reader, name, at)
    if version is None:
        raise DeckError(f"there is no price list {name} that is in force at that time")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    async for row in stored(reader, version["id"]):
        shown = {**row, **{name: decimal(row[name]) for name in PRICES}}
        writer.writerow([shown[name] for name in COLUMNS])


def decimal(amount: Micros) -> str:
    """`6000` → `0.006000`, exact."""
    whole, rest = divmod(amount, MICROS)
    return f"{whole}.{rest:06d}"
