"""Those who wait at the same time share a transaction, and nothing else."""

import asyncio
from collections.abc import Sequence

import pytest

from db import gathering
from db.connection import Conn, insert
from db.database import Database, DatabaseBusyError, DatabaseError
from db.gathering import Gathering

SEVERAL = 40


def keep(conn: Conn, name: str) -> None:
    insert(conn, "component", name=name, kind="x", status="ok", detail="", checked_at=1)


class Deeds:
    """A deed that keeps names, refuses `bad…`, and fails as a whole for `poison…`."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, conn: Conn, names: Sequence[str]) -> list[str | Exception]:
        self.sizes.append(len(names))
        for name in names:
            if not name.startswith("bad"):
                keep(conn, name)
        if any(name.startswith("poison") for name in names):
            raise ZeroDivisionError(names)
        return [KeyError(name) if name.startswith("bad") else name.upper() for name in names]


async def kept(database: Database) -> set[str]:
    return {row["name"] for row in await database.all("SELECT name FROM component")}


async def test_those_who_wait_share_a_transaction(database: Database) -> None:
    deeds = Deeds()
    together = Gathering(database, deeds)
    names = [f"n{at}" for at in range(SEVERAL)]
    assert await asyncio.gather(*map(together.write, names)) == [one.upper() for one in names]
    assert await kept(database) == set(names)
    assert len(deeds.sizes) < SEVERAL / 4
    assert await together.write("later") == "LATER", "also after everybody was served"


async def test_each_is_told_its_own(database: Database) -> None:
    together = Gathering(database, Deeds())
    names = ["one", "bad", "two"]
    found = await asyncio.gather(*map(together.write, names), return_exceptions=True)
    assert (found[0], found[2]) == ("ONE", "TWO")
    assert isinstance(found[1], KeyError)
    assert await kept(database) == {"one", "two"}


async def test_one_that_nobody_foresaw_costs_no_other(database: Database) -> None:
    together = Gathering(database, Deeds())
    names = ["one", "poison", "two", "three"]
    found = await asyncio.gather(*map(together.write, names), return_exceptions=True)
    assert [found[0], found[2], found[3]] == ["ONE", "TWO", "THREE"]
    assert isinstance(found[1], ZeroDivisionError)
    assert await kept(database) == {"one", "two", "three"}


async def test_who_went_away_holds_up_nobody(database: Database) -> None:
    together = Gathering(database, Deeds())
    tasks = [asyncio.create_task(together.write(name)) for name in ("one", "two", "three")]
    await asyncio.sleep(0)
    tasks[1].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert (found[0], found[2]) == ("ONE", "THREE")
    assert await kept(database) >= {"one", "three"}


async def test_an_outage_is_told_to_all(database: Database) -> None:
    deeds = Deeds()
    together = Gathering(database, deeds)
    await database.close()
    found = await asyncio.gather(*map(together.write, "abc"), return_exceptions=True)
    assert all(isinstance(one, DatabaseError) for one in found)
    assert deeds.sizes == []


async def test_too_many_are_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "JOBS_WAITING_MAX", 3)
    together = Gathering(database, Deeds())
    found = await asyncio.gather(*map(together.write, "abcde"), return_exceptions=True)
    assert found[:3] == ["A", "B", "C"]
    assert all(isinstance(one, DatabaseBusyError) for one in found[3:])
