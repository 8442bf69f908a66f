"""The call log among few and among very many calls: a page and its total, by a part of a number,
by date and by every filter, on both databases."""

import argparse
import asyncio
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import call_log_stored, stored
from bench.call_log_data import DAYS, FIRST_MILLIS, LARGE, MODE, OTHERS, PHONES
from bench.report import Figure, Report
from db import call_log
from db.database import Database
from db.ids import first_id
from db.session import open_database

FEW, MANY = 100_000, 10_000_000
LIMIT = 25
ROUNDS = 200
WARM_UP = 20
NUMBERS = 200
MILLISECONDS_MAX = 20
RATIO_MAX = 1.5
DAY_MICROSECONDS = 24 * 3600 * 1_000_000

say = Console(stderr=True).print
Search = dict[str, Any]


class Mix:
    """Searches as people make them; numbers are those of rows that are there."""

    def __init__(self, numbers: list[str], seed: int) -> None:
        self._numbers = numbers
        self._chance = random.Random(seed)

    def kinds(self) -> dict[str, Callable[[], Search]]:
        """How to make one search of each kind."""
        return {
            "seven digits": lambda: {"search": self._part(7)},
            "seven digits in a month": lambda: {"search": self._part(7), **self._days(30)},
            "seven digits, small account": lambda: {"search": self._part(7), **self._other()},
            "four digits": lambda: {"search": self._part(4)},
            "four digits, small account": lambda: {"search": self._part(4), **self._other()},
            "three digits": lambda: {"search": self._part(3)},
            "one or two digits": lambda: {"search": self._part(self._chance.choice((1, 2)))},
            "half of all calls": lambda: {"search": "1555"},
            "half of all calls, in a day": lambda: {"search": "1555", **self._days(1)},
            "half of all calls, one phone": lambda: {"search": "1555", **self._phone()},
            "no call: digits": lambda: {"search": f"00{self._chance.randrange(10**7):07}"},
            "no call: a name": lambda: {"search": "nobody"},
            "no call: two letters": lambda: {"search": "zq"},
            "no search": dict,
            "a week": lambda: self._days(7),
            "one phone": self._phone,
            "canceled": lambda: {"status": "canceled"},
            "busy, inbound": lambda: {"status": "busy", "direction": "inbound"},
        }  # fmt: skip

    def _part(self, length: int) -> str:
        return self._chance.choice(self._numbers)[-length:]

    def _days(self, count: int) -> Search:
        first = FIRST_MILLIS * 1000 + self._chance.randrange(DAYS - count) * DAY_MICROSECONDS
        return {"since": first, "until": first + count * DAY_MICROSECONDS}

    def _phone(self) -> Search:
        return {"sip_account": f"phone-{self._chance.randrange(PHONES)}"}

    def _other(self) -> Search:
        return {"account_id": f"acc_{self._chance.randrange(OTHERS)}"}


def some_id(chance: random.Random) -> str:
    """The id of an instant at which there were calls."""
    return first_id("call", FIRST_MILLIS + chance.randrange(DAYS * 24 * 3600 * 1000))


async def numbers(db: Database) -> list[str]:
    """Some that the large account called, whenever."""
    found: list[str] = []
    chance = random.Random(5)
    for _ in range(NUMBERS):
        row = await db.one(
            "SELECT to_number FROM call WHERE account_id = :account_id AND mode = :mode"
            " AND id >= :id ORDER BY id LIMIT 1",
            account_id=LARGE, mode=MODE, id=some_id(chance),
        )  # fmt: skip
        found += [row["to_number"]] if row else []
    return found


async def once(db: Database, search: Search) -> float:
    """Milliseconds for a page and its total."""
    filters = {"account_id": LARGE, **search}
    account_id = filters.pop("account_id")
    began = time.perf_counter()
    await call_log.listing(db, account_id, MODE, limit=LIMIT, **filters)
    return (time.perf_counter() - began) * 1000


async def measure(sizes: dict[int, Database], rounds: int) -> dict[str, dict[int, list[float]]]:
    """Milliseconds by kind and size; the sizes take turns."""
    mixes = {rows: Mix(await numbers(db), rows) for rows, db in sizes.items()}
    taken: dict[str, dict[int, list[float]]] = {}
    for kind in next(iter(mixes.values())).kinds():
        taken[kind] = {rows: [] for rows in sizes}
        for turn in range(WARM_UP + rounds):
            for rows, db in sizes.items():
                spent = await once(db, mixes[rows].kinds()[kind]())
                taken[kind][rows] += [spent] if turn >= WARM_UP else []
        told = (f"{rows:,} rows p50 {statistics.median(one):.1f} ms, p99 {p99(one):.1f} ms"
                for rows, one in taken[kind].items())  # fmt: skip
        say(f"{kind}: {', '.join(told)}")
    return taken


def p99(values: list[float]) -> float:
    """The value that one in a hundred exceeds."""
    return statistics.quantiles(values, n=100, method="inclusive")[98]


def figures(name: str, taken: dict[str, dict[int, list[float]]], few: int, many: int) -> Iterator[
    Figure
]:  # fmt: skip
    """p50 and p99 of each kind, then of all of them."""
    for kind, by_size in taken.items():
        for what, of in (("p50", statistics.median), ("p99", p99)):
            yield Figure(f"{name}, {many:,} calls, {kind}, {what}", of(by_size[many]), "ms",
                         f"{few:,} calls", of(by_size[few]))  # fmt: skip
    less, more = (p99([one for sizes in taken.values() for one in sizes[rows]])
                  for rows in (few, many))  # fmt: skip
    yield Figure(f"{name}, {many:,} calls, all kinds, p99", more, "ms", f"{few:,} calls", less,
                 MILLISECONDS_MAX)  # fmt: skip
    yield Figure(f"{name}, p99 with {many:,} calls, in p99 with {few:,}", more / less, "×",
                 limit=RATIO_MAX)  # fmt: skip


async def on(database: str, few: int, many: int, rounds: int, folder: Path | None) -> list[Figure]:
    """The figures on one of the databases."""
    fillings = [call_log_stored.filling(rows) for rows in (few, many)]
    with stored.opened(database, fillings, folder, say) as urls:
        sizes = {one.rows: await open_database(url)
                 for one, url in zip(fillings, urls, strict=True)}  # fmt: skip
        try:
            return list(figures(database, await measure(sizes, rounds), few, many))
        finally:
            for one in sizes.values():
                await one.close()


def run(
    few: int = FEW, many: int = MANY, databases: tuple[str, ...] = ("sqlite", "postgres"),
    rounds: int = ROUNDS, folder: Path | None = None,
) -> Report:  # fmt: skip
    """The figures on both databases."""
    report = Report("call_log", "The call log: a page of 25 and its total")
    for database in databases:
        report.figures += asyncio.run(on(database, few, many, rounds, folder))
    return report


def main(words: list[str]) -> int:
    """Other sizes, or one of the databases: prints the table, and keeps it where that is asked."""
    parser = argparse.ArgumentParser(prog="python -m bench.call_log", description=__doc__)
    parser.add_argument("--few", type=int, default=FEW)
    parser.add_argument("--rows", type=int, default=MANY)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--database", choices=("sqlite", "postgres"), action="append")
    parser.add_argument("--folder", type=Path, help="where the databases are kept")
    parser.add_argument("--save", action="store_true", help="keep the figures in bench/results")
    asked = parser.parse_args(words)
    both = tuple(asked.database or ("sqlite", "postgres"))
    report = run(asked.few, asked.rows, both, asked.rounds, asked.folder)
    report.show(Console())
    if asked.save:
        report.save()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
