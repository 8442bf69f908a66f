"""What a new version of a price list changes."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from db.tariffs import COLUMNS, PRICES, SECONDS
from telephony.billing.decks.reader import RateRow
from telephony.billing.rating import Rate, billed_seconds

KINDS = ("new", "dearer", "cheaper", "relabelled", "gone")
"""`relabelled`: only the names differ. A rate of which one number is worse is `dearer`, whatever
else is better."""
FIRST_MAX = 10
SAMPLE_SECONDS = 3_600
"""Billing steps are compared on calls up to this long."""

Numbers = tuple[str | int, ...]
"""A rate's columns without its prefix."""
_KEPT = COLUMNS[1:]


@dataclass(frozen=True)
class Change:
    """One prefix before and after; None where it was not, or will not be."""

    prefix: str
    old: RateRow | None
    new: RateRow | None


@dataclass
class Changes:
    """How many prefixes change in each of `KINDS`, and the first of them."""

    rates: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, list[Change]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    def add(self, kind: str, change: Change) -> None:
        """Count one."""
        self.counts[kind] += 1
        if len(self.first[kind]) < FIRST_MAX:
            self.first[kind].append(change)


def numbers(row: RateRow) -> Numbers:
    """What is kept of a rate to compare it with: a tuple weighs a third of a dict."""
    return tuple(row[name] for name in _KEPT)


def compare(old: dict[str, Numbers], rows: Iterable[RateRow], changes: Changes) -> Iterator[None]:
    """Count what the rows change, one a step; what is left in `old` afterwards is gone."""
    for row in rows:
        changes.rates += 1
        before = old.pop(row["prefix"], None)
        if before is None:
            changes.add("new", Change(row["prefix"], None, row))
        elif before != numbers(row):
            was = dict(zip(_KEPT, before, strict=True))
            changes.add(_kind(was, row), Change(row["prefix"], was, row))
        yield
    for prefix, before in old.items():
        changes.add("gone", Change(prefix, dict(zip(_KEPT, before, strict=True)), None))


def _kind(old: RateRow, new: RateRow) -> str:
    longer, shorter = _billed_longer(*(tuple(row[name] for name in SECONDS) for row in (old, new)))
    if longer or any(new[name] > old[name] for name in PRICES):
        return "dearer"
    return "cheaper" if shorter or any(new[name] < old[name] for name in PRICES) else "relabelled"


def _steps(initial: int, increment: int, free_seconds: int) -> Rate:
    return Rate("", "", 0, 0, 0, initial, increment, free_seconds)


@lru_cache(maxsize=256)
def _billed_longer(old: tuple[int, ...], new: tuple[int, ...]) -> tuple[bool, bool]:
    """True if some call is billed for longer than before, and if some is for shorter."""
    if old == new:
        return False, False
    before, after = _steps(*old), _steps(*new)
    over = [
        billed_seconds(after, talk) - billed_seconds(before, talk)
        for talk in range(1, SAMPLE_SECONDS + 1)
    ]
    return max(over) > 0, min(over) < 0
