"""An import counts whole or not at all."""

import asyncio
import io
from pathlib import Path

import pytest

from db import decks
from db.database import Database
from telephony.billing.decks import importer
from telephony.billing.decks.files import export
from telephony.billing.decks.importer import Order, dry_run, import_deck
from telephony.billing.decks.reader import ILLUSTRATIVE, DeckError
from telephony.billing.rating import rate_for
from telephony.clock import now
from tests.billing.decks import HOUR, MANY, PAST, deck, run, shown, versions
from tests.factories import TARIFF, customer, rate, seed_platform


@pytest.fixture(autouse=True)
def small_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few rates need several of them."""
    monkeypatch.setattr(importer, "ROWS_PER_WRITE", 3)
    monkeypatch.setattr(decks, "PAGE_ROWS", 4)


@pytest.fixture
async def database(database: Database) -> Database:
    """With a public tariff of the prefixes 1, 1555 and 49, valid from the beginning."""
    await database.write(seed_platform)
    return database


async def test_a_file_becomes_a_version(database: Database, tmp_path: Path) -> None:
    changes = await run(database, deck(tmp_path, *MANY))
    assert (changes.rates, dict(changes.counts)) == (10, {"new": 10, "gone": 3})
    assert await shown(database, PAST) == [str(prefix) for prefix in range(10, 20)]
    assert await shown(database, PAST - 1) == ["1", "1555", "49"]
    assert [row["rates"] for row in await decks.versions(database)] == [3, 10]


async def test_a_dry_run_tells_the_same_and_writes_nothing(
    database: Database, tmp_path: Path
) -> None:
    path = deck(tmp_path, rate("1", sms_per_segment=1), rate("1555", voice_per_minute=10**6),
                rate("33"))  # fmt: skip
    before = await versions(database)
    told = await dry_run(database, path, Order(TARIFF, PAST), lambda _: None)
    assert dict(told.counts) == {"new": 1, "dearer": 1, "cheaper": 1, "gone": 1}
    (dearer,) = told.first["dearer"]
    assert dearer.old is not None
    assert dearer.new is not None
    assert (dearer.prefix, dearer.old["voice_per_minute"], dearer.new["voice_per_minute"]) == (
        "1555", 12_000, 10**6,
    )  # fmt: skip
    assert await versions(database) == before
    assert (await run(database, path)) == told


async def test_it_is_compared_with_the_version_of_its_time(
    database: Database, tmp_path: Path
) -> None:
    await run(database, deck(tmp_path, rate("7")), valid_from=PAST + HOUR)
    path = deck(tmp_path, rate("7"), rate("8"))
    for valid_from, new in ((PAST, 2), (PAST + HOUR + 1, 1), (PAST + 9 * HOUR, 1)):
        order = Order(TARIFF, valid_from)
        told = await dry_run(database, path, order, lambda _: None)
        assert told.counts["new"] == new


async def test_one_bad_line_stops_the_whole_file(database: Database, tmp_path: Path) -> None:
    path = deck(tmp_path, *MANY)
    path.write_text(path.read_text() + "x\n" + "y\n")
    for work in (import_deck, dry_run):
        with pytest.raises(DeckError, match="has 2 faults; nothing was imported") as refused:
            await work(database, path, Order(TARIFF, PAST), lambda _: None)
        assert [fault.line for fault in refused.value.faults.first] == [12, 13]
    assert len(await versions(database)) == 1
    path.write_text(path.read_text().splitlines()[0])
    with pytest.raises(DeckError, match="no rates"):
        await run(database, path)


async def test_only_a_version_that_has_not_begun_is_replaced(
    database: Database, tmp_path: Path
) -> None:
    soon = now() + HOUR
    await run(database, deck(tmp_path, *MANY), valid_from=soon)
    await run(database, deck(tmp_path, rate("33")), valid_from=soon)
    assert await shown(database, soon) == ["33"]
    assert len(await versions(database)) == 2
    assert len(await database.all("SELECT * FROM rate")) == 4
    await run(database, deck(tmp_path, *MANY))
    with pytest.raises(DeckError, match="in force since 2026-"):
        await run(database, deck(tmp_path, rate("33")))
    assert len(await shown(database, PAST)) == 10


async def test_two_imports_at_once_both_count(database: Database, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    await asyncio.gather(
        run(database, deck(tmp_path, *MANY), valid_from=PAST),
        run(database, deck(tmp_path / "other", rate("33")), valid_from=PAST + HOUR),
    )
    assert len(await shown(database, PAST)) == 10
    assert await shown(database, PAST + HOUR) == ["33"]


async def test_nobody_waits_while_a_deck_is_written(database: Database, tmp_path: Path) -> None:
    """Prices are asked for all the time: always the old ones, then always the new ones."""
    who = await customer(database)
    task = asyncio.create_task(run(database, deck(tmp_path, *MANY)))
    seen = []
    while not task.done():
        rate_now = await database.write(rate_for, who.account_id, "+15551234567")
        seen.append(rate_now.prefix)
    assert (await task).rates == 10
    assert len(seen) > 4
    assert seen == sorted(seen, reverse=True)
    assert set(seen) <= {"1555", "15"}
    assert (await database.write(rate_for, who.account_id, "+15551234567")).prefix == "15"


async def test_a_new_list_needs_a_currency_and_an_old_one_keeps_its_own(
    database: Database, tmp_path: Path
) -> None:
    path = deck(tmp_path, rate("33"))
    with pytest.raises(DeckError, match="give its currency"):
        await run(database, path, name="new")
    with pytest.raises(DeckError, match="is in USD, not in EUR"):
        await run(database, path, currency="EUR")
    await run(database, path, name="new", currency="EUR")
    listed = {row["name"]: row["currency"] for row in await decks.versions(database)}
    assert listed == {TARIFF: "USD", "new": "EUR"}


async def test_export_and_import_are_the_identity(database: Database, tmp_path: Path) -> None:
    odd = rate(
        "33",
        country='Quoted "x", ünïcode',
        voice_per_minute=1,
        sms_per_segment=10**10,
        voice_initial_seconds=0,
        voice_increment_seconds=86_400,
        voice_free_seconds=3,
    )
    await run(database, deck(tmp_path, *MANY, odd))
    first = io.StringIO()
    await export(database, TARIFF, PAST, first)
    path = tmp_path / "again.csv"
    path.write_text(first.getvalue())
    changes = await run(database, path, valid_from=PAST + HOUR)
    assert (changes.rates, dict(changes.counts)) == (11, {})
    second = io.StringIO()
    await export(database, TARIFF, PAST + HOUR, second)
    assert second.getvalue() == first.getvalue()
    with pytest.raises(DeckError, match="no price list nope"):
        await export(database, "nope", PAST, second)


async def test_the_deck_that_comes_with_the_platform_can_be_imported(database: Database) -> None:
    changes = await run(database, ILLUSTRATIVE, name="shipped", currency="USD")
    assert changes.rates == changes.counts["new"] > 200
