"""What an import leaves that fails, is interrupted, sleeps or is killed: nothing."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from db import decks, tariffs
from db.connection import Conn
from db.database import Database
from telephony.billing.decks import importer
from telephony.billing.decks.reader import DeckError
from telephony.clock import now
from tests.billing.decks import MANY, PAST, deck, orphans, run, shown, untouched
from tests.factories import TARIFF, rate, seed_platform


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


async def test_an_import_that_fails_leaves_nothing(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill, left = decks.fill, 2

    def cut(conn: Conn, *args: Any) -> bool:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyError
        return fill(conn, *args)

    monkeypatch.setattr(decks, "fill", cut)
    with pytest.raises(KeyError):
        await run(database, deck(tmp_path, *MANY), name="new", currency="EUR")
    assert await untouched(database)


async def test_an_import_that_is_interrupted_leaves_nothing(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "PAUSE_SECONDS", 60)
    monkeypatch.setattr(importer, "_sweep", lambda db: asyncio.sleep(0))
    task = asyncio.create_task(run(database, deck(tmp_path, *MANY), name="new", currency="EUR"))
    while not await orphans(database):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.undo()
    await importer._sweep(database)
    assert await untouched(database)


KILLED = """
import asyncio, os, pathlib, signal, sys
from db import decks
from db.session import open_database
from telephony.billing.decks import importer
fill, left, importer.ROWS_PER_WRITE = decks.fill, [2], 3
def die(*args):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return fill(*args)
decks.fill = die
async def main():
    db = await open_database(sys.argv[1], beside=True)
    order = importer.Order("new", 1, "EUR")
    await importer.import_deck(db, pathlib.Path(sys.argv[2]), order, lambda _: None)
asyncio.run(main())
"""


async def test_what_a_killed_import_left_is_swept_by_the_next(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = deck(tmp_path, *MANY)
    died = subprocess.run([sys.executable, "-c", KILLED, database_url, str(path)], check=False)
    assert died.returncode == -signal.SIGKILL
    assert len(await orphans(database)) == 6
    assert [row["name"] for row in await decks.versions(database)] == [TARIFF]
    await run(database, path)
    assert len(await orphans(database)) == 6  # it may live yet: its lease runs
    later = now() + 2 * importer.LEASE
    monkeypatch.setattr(importer, "now", lambda: later)
    await run(database, deck(tmp_path, rate("1")), valid_from=PAST + 1)
    assert await orphans(database) == []
    assert await database.write(tariffs.tariff_named, "new") is None
    assert await shown(database, PAST) == [str(prefix) for prefix in range(10, 20)]


async def test_an_import_that_slept_is_told_that_it_was_swept(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill = decks.fill

    def sleep(conn: Conn, version_id: str, *args: Any) -> bool:
        decks.sweep(conn, now() + 2 * importer.LEASE, 9)
        return fill(conn, version_id, *args)

    monkeypatch.setattr(decks, "fill", sleep)
    with pytest.raises(DeckError, match="slept too long"):
        await run(database, deck(tmp_path, *MANY))
    assert await untouched(database)


async def test_a_file_that_changes_meanwhile_does_not_count(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was checked as it had been."""
    check = importer._check
    for added, told in (("x\n", "changed while"), ("33,a,DE,b,0,0,0,1,1,0\n", "the file changed")):

        def grow(path: Path, *args: Any, more: str = added) -> None:
            check(path, *args)
            path.write_text(path.read_text() + more)

        monkeypatch.setattr(importer, "_check", grow)
        with pytest.raises(DeckError, match=told):
            await run(database, deck(tmp_path, *MANY))
        assert await untouched(database)
