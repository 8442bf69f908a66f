"""Carries a price list from a file into the database: checked and compared as a whole first, then
written in small transactions, and made to count by the last."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from pathlib import Path

from db import decks
from db.connection import Conn
from db.database import Database
from telephony import audit
from telephony.audit import Actor
from telephony.billing.decks.changes import KINDS, Changes, Numbers, compare, numbers
from telephony.billing.decks.files import Advance, lines, stored
from telephony.billing.decks.reader import DeckError, Faults, RateRow, rows
from telephony.clock import SECOND, Instant, now, rfc3339

ROWS_PER_WRITE = 2_000
"""Written in about a fiftieth of a second, so that whoever waits for the writer waits no longer."""
ROWS_PER_WINDOW = 40_000
PAUSE_SECONDS = 0.005
LEASE = 60 * SECOND
"""An import that wrote nothing for so long has died."""


@dataclass(frozen=True)
class Order:
    """Which price list gets a version, and from when on; a list that is there has its currency."""

    name: str
    valid_from: Instant
    currency: str = ""


async def dry_run(db: Database, path: Path, order: Order, advance: Advance) -> Changes:
    """What an import would change against the version in force when it begins; raises DeckError
    with every fault of the file."""
    await _currency(db, order)
    old = await _numbers_at(db, order)
    changes, faults = Changes(), Faults()
    await asyncio.to_thread(_check, path, old, changes, faults, advance)
    if faults.count:
        raise DeckError(f"{path.name} has {faults.count} faults; nothing was imported", faults)
    if changes.rates == 0:
        raise DeckError(f"{path.name} has no rates; nothing was imported")
    return changes


async def import_deck(
    db: Database, path: Path, order: Order, advance: Advance, actor: Actor | None = None
) -> Changes:
    """Make the file a version of a price list: all of it or nothing, with an entry in the audit log
    where there is an actor; raises DeckError."""
    changes = await dry_run(db, path, order, advance)
    await _sweep(db)
    version_id = await db.write(
        decks.stage, order.name, await _currency(db, order), order.valid_from, now() + LEASE, now()
    )
    try:
        await _fill(db, version_id, path, advance)
        await db.write(_publish, version_id, changes, order, actor)
    except BaseException:
        await db.write(decks.abandon, version_id)
        raise
    finally:
        await _sweep(db)
    return changes


def _check(
    path: Path, old: dict[str, Numbers], changes: Changes, faults: Faults, advance: Advance
) -> None:
    for _ in compare(old, rows(lines(path, advance), faults), changes):
        pass


async def _fill(db: Database, version_id: str, path: Path, advance: Advance) -> None:
    faults = Faults()
    found = rows(lines(path, advance), faults)
    while window := await asyncio.to_thread(_window, found):
        for at in range(0, len(window), ROWS_PER_WRITE):
            batch = window[at : at + ROWS_PER_WRITE]
            if not await db.write(decks.fill, version_id, batch, now() + LEASE):
                raise DeckError("the import slept too long and was swept away; start it again")
            await asyncio.sleep(PAUSE_SECONDS)
    if faults.count:
        raise DeckError(f"{path.name} changed while it was imported", faults)


def _window(found: Iterator[RateRow]) -> list[RateRow]:
    """The next rates, sorted: neighbours are written to the same pages of the database."""
    return sorted(islice(found, ROWS_PER_WINDOW), key=itemgetter("prefix"))


def _publish(
    conn: Conn, version_id: str, changes: Changes, order: Order, actor: Actor | None
) -> None:
    if not decks.publish(conn, version_id, changes.rates, now()):
        raise DeckError("the file changed, or the import slept too long; start it again")
    if actor:
        counts = {kind: changes.counts[kind] for kind in KINDS}
        after = {"valid_from": rfc3339(order.valid_from), "rates": changes.rates, **counts}
        audit.record(conn, actor, "price_list.imported", order.name, now(), after=after)


async def _sweep(db: Database) -> None:
    more = True
    while more:
        more = await db.write(decks.sweep, now(), ROWS_PER_WRITE)
        await asyncio.sleep(PAUSE_SECONDS)


async def _currency(db: Database, order: Order) -> str:
    """That of the list, or of the order for a new one."""
    currency = await decks.currency_of(db, order.name) or order.currency
    if not currency:
        raise DeckError(f"{order.name} is a new price list: give its currency")
    if order.currency not in ("", currency):
        raise DeckError(f"{order.name} is in {currency}, not in {order.currency}")
    return currency


async def _numbers_at(db: Database, order: Order) -> dict[str, Numbers]:
    """The rates in force when the order begins; raises DeckError where a version that was used
    already begins then."""
    version = await decks.version_at(db, order.name, order.valid_from)
    if version is None:
        return {}
    if order.valid_from == version["valid_from"] <= now():
        began = rfc3339(order.valid_from)
        raise DeckError(f"{order.name} has a version in force since {began}: choose a later time")
    return {row["prefix"]: numbers(row) async for row in stored(db, version["id"])}
