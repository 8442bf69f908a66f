"""Prices of numbers in a large deck: how long a look-up takes, and how long an import."""

import asyncio
import csv
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.report import Figure, Report
from db import accounts, tariffs
from db.connection import Conn
from db.database import Database
from db.migrate import upgrade
from db.session import open_database
from telephony.billing.decks.files import lines
from telephony.billing.decks.importer import Order, import_deck
from telephony.billing.decks.reader import ILLUSTRATIVE, read
from telephony.billing.rating import rate_for
from telephony.clock import now

ROWS = 200_000
DIGITS_MAX = 8
LOOKUPS = 20_000
LIKE_LOOKUPS = 40
ROUNDS = 7
LOOKUP_MICROSECONDS_MAX = 50
IMPORT_SECONDS_MAX = 20
NAME, CURRENCY = "bench", "USD"

LIKE = (
    "SELECT r.* FROM rate r JOIN tariff_version v ON v.id = r.version_id"
    " JOIN account a ON a.tariff_id = v.tariff_id WHERE a.id = :account_id"
    " AND :digits LIKE r.prefix || '%' ORDER BY LENGTH(r.prefix) DESC LIMIT 1"
)


def deck(path: Path, chance: random.Random) -> list[str]:
    """Write a deck with prefixes below every calling code, in no order; its prefixes."""
    codes = {row["prefix"]: row for row in read(lines(ILLUSTRATIVE, lambda _: None))}
    prefixes = dict.fromkeys(codes)
    every = list(codes)
    while len(prefixes) < ROWS:
        code = chance.choice(every)
        more = chance.randint(1, DIGITS_MAX - len(code))
        prefixes[code + "".join(chance.choices("0123456789", k=more))] = None
    shuffled = chance.sample(list(prefixes), ROWS)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(tariffs.COLUMNS)
        for prefix in shuffled:
            cents = chance.randint(1, 900)
            prices = (f"{cents / 10_000:.4f}", f"{cents / 1_000:.3f}", 0)
            writer.writerow([prefix, f"Country {prefix[0]}", "XX", "standard", *prices, 60, 60, 0])
    return shuffled


def customer(conn: Conn) -> str:
    """An account that buys by the deck; its id."""
    tariff = tariffs.tariff_named(conn, NAME)
    assert tariff is not None
    return accounts.add_account(conn, 0, name=NAME, currency=CURRENCY, tariff_id=tariff["id"])


def by_prefixes(conn: Conn, account_id: str, numbers: list[str]) -> list[str]:
    """What the platform does for each message and call: the prefixes that were found."""
    return [rate_for(conn, account_id, number).prefix for number in numbers]


def by_like(conn: Conn, account_id: str, numbers: list[str]) -> list[str]:
    """The baseline: the database compares the number with every prefix."""
    rows = [conn.one(LIKE, account_id=account_id, digits=number[1:]) for number in numbers]
    return [row["prefix"] for row in rows if row]


Times = tuple[float, float]
"""Microseconds for one number: of the processor, and on the clock."""


def timed(
    conn: Conn, look_up: Callable[[Conn, str, list[str]], list[str]], account_id: str,
    numbers: list[str],
) -> Times:  # fmt: skip
    """Measured inside the deed, without the way to the writer and back. A look-up waits for
    nothing, so on an idle machine both are the same; others' work shows only on the clock."""
    began, clock = time.thread_time(), time.perf_counter()
    look_up(conn, account_id, numbers)
    spent, passed = time.thread_time() - began, time.perf_counter() - clock
    return spent / len(numbers) * 1e6, passed / len(numbers) * 1e6


async def measure(database: Database, path: Path) -> list[Figure]:
    """Import the deck, then look numbers up in both ways, taking turns."""
    chance = random.Random(1)
    prefixes = deck(path, chance)
    began = time.perf_counter()
    await import_deck(database, path, Order(NAME, now(), CURRENCY), lambda _: None)
    seconds = time.perf_counter() - began
    account_id = await database.write(customer)
    numbers = [f"+{chance.choice(prefixes)}0123456789"[:12] for _ in range(LOOKUPS)]
    some = numbers[:LIKE_LOOKUPS]
    await database.write(agree, account_id, some)
    fast: list[Times] = []
    slow: list[Times] = []
    for _ in range(ROUNDS):
        fast.append(await database.write(timed, by_prefixes, account_id, numbers))
        slow.append(await database.write(timed, by_like, account_id, some))
    (spent, passed), (like_spent, like_passed) = _medians(fast), _medians(slow)
    what = f"look-up in {ROWS:,} prefixes"
    return [
        Figure(f"{what}, processor", spent, "µs", "LIKE", like_spent, LOOKUP_MICROSECONDS_MAX),
        Figure(f"{what}, clock", passed, "µs", "LIKE", like_passed),
        Figure(f"import of {ROWS:,} rows, clock", seconds, "s", limit=IMPORT_SECONDS_MAX),
    ]


def _medians(times: list[Times]) -> Times:
    spent, passed = zip(*times, strict=True)
    return statistics.median(spent), statistics.median(passed)


def agree(conn: Conn, account_id: str, numbers: list[str]) -> None:
    """A fast answer counts only if it is the right one."""
    assert by_prefixes(conn, account_id, numbers) == by_like(conn, account_id, numbers)


async def on_sqlite(folder: Path) -> list[Figure]:
    """In a new database, with the settings that the platform uses."""
    url = f"sqlite:///{folder}/bench.db"
    upgrade(url)
    database = await open_database(url)
    try:
        return await measure(database, folder / "deck.csv")
    finally:
        await database.close()


def run() -> Report:
    """The figures on SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        return Report("rates", "Prices of numbers", asyncio.run(on_sqlite(Path(folder))))
