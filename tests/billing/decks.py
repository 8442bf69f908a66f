"""Price lists for tests of imports."""

import csv
import io
from pathlib import Path
from typing import Any

from db import price_list, tariffs
from db.connection import Reader
from db.database import Database
from telephony.billing.decks.changes import Changes
from telephony.billing.decks.importer import Order, import_deck
from telephony.clock import SECOND
from tests.factories import TARIFF, rate

HOUR = 3_600 * SECOND
PAST = 1_768_000_000_000_000


def deck(tmp_path: Path, *rates: dict[str, Any]) -> Path:
    """A file of these rates."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(tariffs.COLUMNS)
    for row in rates:
        prices = {name: f"{row[name] / 1_000_000:.6f}" for name in tariffs.PRICES}
        writer.writerow([(row | prices)[name] for name in tariffs.COLUMNS])
    path = tmp_path / "deck.csv"
    path.write_text(out.getvalue())
    return path


MANY = tuple(rate(f"{prefix}", sms_per_segment=prefix) for prefix in range(10, 20))


async def run(database: Database, path: Path, **order: Any) -> Changes:
    facts = {"name": TARIFF, "valid_from": PAST, **order}
    return await import_deck(database, path, Order(**facts), lambda _: None)


async def shown(database: Database, at: int) -> list[str]:
    return sorted(row["prefix"] for row in await public_list(database, at))


async def public_list(
    reader: Reader, at: int, account_id: str | None = None
) -> list[dict[str, Any]]:
    """Every rate that everybody, or an account, buys by, as `GET /rates` reads it."""
    return await price_list.page(reader, await price_list.stand(reader, account_id, at), limit=9999)


async def versions(reader: Reader) -> list[dict[str, Any]]:
    """Every version, also those that do not count."""
    return await reader.all("SELECT * FROM tariff_version ORDER BY valid_from, id")


async def orphans(reader: Reader) -> list[dict[str, Any]]:
    """Rates whose version does not count."""
    return await reader.all("SELECT r.prefix FROM rate r JOIN tariff_version v ON"
                            " v.id = r.version_id WHERE v.importing_until IS NOT NULL")  # fmt: skip


async def untouched(database: Database) -> bool:
    """True if there is nothing but the public tariff's first version."""
    stored = await database.all("SELECT * FROM rate")
    return (
        len(await versions(database)) == 1
        and {row["prefix"] for row in stored} == {"1", "1555", "49"}
        and await database.write(tariffs.tariff_named, "new") is None
    )
