"""Reads a price list from CSV, line by line, and tells everything that is wrong with it."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from db.tariffs import COLUMNS, PRICES, SECONDS
from telephony.money import Micros, to_micros

ILLUSTRATIVE = Path(__file__).with_name("illustrative.csv")
"""A row for every country calling code, with prices that are plainly made up."""

OPTIONAL = {"voice_free_seconds": "0"}
FAULTS_MAX = 1_000
"""Faults that are told one by one; the others are counted."""
SECONDS_MAX = 86_400
PRICE_MAX = 10_000
"""In units of the currency. A day of talk at it is far below what a pot can hold."""
LABEL_MAX = 100
SHOWN_MAX = 30

_PREFIX = re.compile(r"[1-9][0-9]{0,14}")
_ISO = re.compile(r"[A-Z]{2}|[0-9]{3}")
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
_SECONDS = re.compile(r"[0-9]{1,9}")

RateRow = dict[str, Any]
"""A rate as `db.tariffs` writes it: amounts in millionths."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with a line; the heading is line 1."""

    line: int
    reason: str


@dataclass
class Faults:
    """The faults of a file: the first `FAULTS_MAX` and how many there are."""

    first: list[Fault] = field(default_factory=list)
    count: int = 0

    def add(self, line: int, reason: str) -> None:
        """Note one."""
        self.count += 1
        if self.count <= FAULTS_MAX:
            self.first.append(Fault(line, reason))


class DeckError(ValueError):
    """A price list that cannot be used, and every reason that was found."""

    def __init__(self, message: str, faults: Faults | None = None) -> None:
        super().__init__(message)
        self.faults = faults or Faults()


def read(lines: Iterable[str]) -> list[RateRow]:
    """Every rate of a small price list; raises DeckError, which names lines and reasons."""
    faults = Faults()
    found = list(rows(lines, faults))
    if faults.count:
        raise DeckError(_summary(faults), faults)
    return found


def rows(lines: Iterable[str], faults: Faults) -> Iterator[RateRow]:
    """The good rates of a price list, one after the other; what is wrong is added to `faults`."""
    records = _records(csv.reader(lines, strict=True), faults)
    _, heading = next(records, (1, []))
    names = [name.strip() for name in heading]
    if wrong := _wrong_heading(names):
        faults.add(1, wrong)
        return
    first_line: dict[str, int] = {}
    for line, values in records:
        row, reasons = _row(names, values)
        known = first_line.setdefault(row.get("prefix", ""), line)
        if known != line and "prefix" in row:
            reasons.append(f"prefix: {row['prefix']} is on line {known} already")
        for reason in reasons:
            faults.add(line, reason)
        if not reasons:
            yield row


def _records(reader: Any, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """Records that are not empty, with the number of their first line."""
    while True:
        line = reader.line_num + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            faults.add(line, f"not CSV: {error}")
        else:
            if values:
                yield line, values


def _wrong_heading(names: list[str]) -> str:
    missing = [name for name in COLUMNS if name not in names and name not in OPTIONAL]
    unknown = [name for name in names if name not in COLUMNS]
    double = sorted({name for name in names if names.count(name) > 1})
    told = {"lacks": missing, "does not know": unknown, "has twice": double}
    wrong = [f"{verb} {', '.join(some)}" for verb, some in told.items() if some]
    return f"the heading {'; '.join(wrong)}" if wrong else ""


def _row(names: list[str], values: list[str]) -> tuple[RateRow, list[str]]:
    """The fields that are good, and what is wrong with the others."""
    if len(values) != len(names):
        return {}, [f"{len(values)} fields instead of {len(names)}"]
    row: RateRow = {}
    reasons = []
    for name, value in {**OPTIONAL, **dict(zip(names, values, strict=True))}.items():
        try:
            row[name] = _prefix(value) if name == "prefix" else _value(name, value)
        except ValueError as error:
            reasons.append(f"{name}: {error}")
    return row, reasons


def _prefix(value: str) -> str:
    if not _PREFIX.fullmatch(value.strip()):
        raise ValueError(f"{_shown(value)} is not 1 to 15 digits that begin with 1 to 9")
    return value.strip()


@lru_cache(maxsize=4096)
def _value(name: str, value: str) -> str | int:
    """A field as it is stored. Cached: prices and labels repeat, only prefixes do not."""
    value = value.strip()
    if name in PRICES:
        return _amount(value)
    if name in SECONDS:
        return _seconds(name, value)
    if name == "iso" and not _ISO.fullmatch(value):
        raise ValueError(f"{_shown(value)} is not a country's two letters, or 001 and the like")
    if not value or len(value) > LABEL_MAX or not value.isprintable():
        raise ValueError(f"{_shown(value)} is not 1 to {LABEL_MAX} characters of UTF-8")
    return value


def _amount(value: str) -> Micros:
    if not _AMOUNT.fullmatch(value):
        raise ValueError(f"{_shown(value)} is not an amount such as 0.006, of six decimals at most")
    amount = to_micros(value)
    if amount > to_micros(PRICE_MAX):
        raise ValueError(f"{value} is more than {PRICE_MAX}")
    return amount


def _seconds(name: str, value: str) -> int:
    least = 1 if name == "voice_increment_seconds" else 0
    if not _SECONDS.fullmatch(value) or not least <= int(value) <= SECONDS_MAX:
        raise ValueError(f"{_shown(value)} is not a whole number from {least} to {SECONDS_MAX}")
    return int(value)


def _shown(value: str) -> str:
    """Enough of a field to find it, with what cannot be printed spelled out."""
    return ascii(value if len(value) <= SHOWN_MAX else f"{value[:SHOWN_MAX]}…")


def _summary(faults: Faults) -> str:
    told = "; ".join(f"line {fault.line}: {fault.reason}" for fault in faults.first[:3])
    return f"{faults.count} faults, the first: {told}"
