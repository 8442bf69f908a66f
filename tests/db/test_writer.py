"""What `write` promises on both databases."""

import asyncio
import threading
from typing import Any

import pytest

from db import components, idempotency
from db.connection import Conn, insert
from db.database import Database, DatabaseBusyError, DatabaseError
from db.session import open_database


def keep(conn: Conn, name: str) -> str:
    insert(conn, "component", name=name, kind="test", status="ok", detail="", checked_at=1)
    return name


def keep_and_wake(conn: Conn, name: str) -> None:
    keep(conn, name)
    conn.wake("parts")


def keep_and_raise(conn: Conn, name: str) -> None:
    keep_and_wake(conn, name)
    raise KeyError(name)


async def names(database: Database) -> list[str]:
    return [row["name"] for row in await database.all("SELECT name FROM component ORDER BY name")]


async def test_a_result_comes_back_after_the_commit(
    database: Database, database_url: str, other: Database
) -> None:
    assert await database.write(keep, "one") == "one"
    assert await names(other) == ["one"]


@pytest.fixture
async def other(database: Database, database_url: str) -> Any:
    """Another reader: a second Database, or the same one where only one may write."""
    if database_url.startswith("sqlite"):
        yield database
        return
    second = await open_database(database_url)
    yield second
    await second.close()


async def test_a_deed_that_raises_leaves_nothing_and_the_others_stand(database: Database) -> None:
    deeds = [
        database.write(keep_and_raise if at % 3 == 0 else keep, f"{at:02}") for at in range(30)
    ]
    results: list[Any] = await asyncio.gather(*deeds, return_exceptions=True)
    assert [at for at in range(30) if isinstance(results[at], KeyError)] == list(range(0, 30, 3))
    assert await names(database) == [f"{at:02}" for at in range(30) if at % 3]


async def test_a_broken_constraint_is_one_deeds_own_failure(database: Database) -> None:
    results = await asyncio.gather(
        *(database.write(keep, name) for name in ("a", "b", "a", "c")), return_exceptions=True
    )
    assert sum(isinstance(result, Exception) for result in results) == 1
    assert await names(database) == ["a", "b", "c"]


async def test_a_statement_that_is_wrong_raises_and_the_writer_goes_on(database: Database) -> None:
    with pytest.raises(Exception, match="no_such_table") as raised:
        await database.write(lambda conn: conn.run("SELECT * FROM no_such_table"))
    assert not isinstance(raised.value, DatabaseError)
    await database.write(keep, "after")
    assert await names(database) == ["after"]


async def test_500_concurrent_writes(database: Database) -> None:
    def count(conn: Conn) -> str:
        return str(conn.run("UPDATE component SET checked_at = checked_at + 1 WHERE kind = 'sum'"))

    await database.write(keep, "counter")
    await database.write(lambda conn: conn.run("UPDATE component SET kind = 'sum'"))
    wanted = [f"n{at:03}" for at in range(250)]
    jobs = [database.write(keep, name) for name in wanted]
    jobs += [database.write(count) for _ in range(250)]
    assert (await asyncio.gather(*jobs))[:250] == wanted
    assert await names(database) == ["counter", *wanted]
    row = await database.one("SELECT checked_at FROM component WHERE name = 'counter'")
    assert row == {"checked_at": 251}


async def test_deeds_do_not_run_on_the_event_loop(database: Database) -> None:
    assert await database.write(lambda conn: threading.get_ident()) != threading.get_ident()


async def test_a_wake_comes_after_the_commit(database: Database) -> None:
    ear = database.wakeups.subscribe("parts")
    await _until_heard(database, ear)
    entered, leave = threading.Event(), threading.Event()

    def slow(conn: Conn) -> None:
        keep_and_wake(conn, "slow")
        entered.set()
        leave.wait(5)

    job = asyncio.create_task(database.write(slow))
    await asyncio.to_thread(entered.wait, 5)
    assert not await ear.wait(0.1)
    leave.set()
    assert await ear.wait(5)
    assert await names(database) == ["slow"]
    await job


async def test_a_deed_that_raises_wakes_nobody(database: Database) -> None:
    ear = database.wakeups.subscribe("parts")
    await _until_heard(database, ear)
    with pytest.raises(KeyError):
        await database.write(keep_and_raise, "x")
    assert not await ear.wait(0.1)


async def _until_heard(database: Database, ear: Any) -> None:
    """PostgreSQL's listener is a connection of its own that must first be there."""
    for _ in range(100):
        await database.write(lambda conn: conn.wake("parts"))
        if await ear.wait(0.05):
            break
    while await ear.wait(0.05):
        pass


async def test_close_finishes_what_waits(database_url: str) -> None:
    database = await open_database(database_url)
    jobs = [asyncio.create_task(database.write(keep, f"{at:03}")) for at in range(300)]
    await asyncio.sleep(0)
    await database.close()
    assert await asyncio.gather(*jobs) == [f"{at:03}" for at in range(300)]
    again = await open_database(database_url)
    assert len(await names(again)) == 300
    await again.close()


async def test_after_close_everything_is_refused(database: Database) -> None:
    await database.close()
    with pytest.raises(DatabaseError, match="closed"):
        await database.write(keep, "late")
    with pytest.raises(DatabaseError, match="closed"):
        await database.all("SELECT 1")
    await database.close()


async def test_a_lock_lets_one_transaction_after_another(database: Database) -> None:
    """Whoever has it sees what every holder before it committed."""

    def count_and_add(conn: Conn) -> int:
        conn.lock("count")
        found = len(conn.all("SELECT * FROM component"))
        keep(conn, f"{found}")
        return found

    found = await asyncio.gather(*(database.write(count_and_add) for _ in range(40)))
    assert sorted(found) == list(range(40))


async def test_too_many_waiting_are_refused_at_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("sqlite", "postgres"):
        monkeypatch.setattr(f"db.{module}.JOBS_WAITING_MAX", 20)
    go = threading.Event()

    def wait_and_keep(conn: Conn, name: str) -> None:
        go.wait(5)
        keep(conn, name)

    jobs = [asyncio.create_task(database.write(wait_and_keep, f"{at}")) for at in range(60)]
    await asyncio.sleep(0.05)
    refused = [job for job in jobs if job.done()]
    assert 39 <= len(refused) <= 40
    assert all(isinstance(job.exception(), DatabaseBusyError) for job in refused)
    go.set()
    await asyncio.gather(*jobs, return_exceptions=True)
    assert len(await names(database)) == 60 - len(refused)
    await database.write(keep, "after")


async def test_a_caller_who_gives_up_harms_nobody(database: Database) -> None:
    go = threading.Event()
    blocked = asyncio.create_task(database.write(lambda conn: go.wait(5)))
    abandoned = asyncio.create_task(database.write(keep, "abandoned"))
    await asyncio.sleep(0.02)
    abandoned.cancel()
    go.set()
    assert await blocked
    await asyncio.gather(*(database.write(keep, f"{at}") for at in range(50)))
    assert len(await names(database)) >= 50


async def test_readers_do_not_wait_for_the_writer(database: Database) -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow(conn: Conn) -> None:
        keep(conn, "slow")
        entered.set()
        leave.wait(5)

    job = asyncio.create_task(database.write(slow))
    await asyncio.to_thread(entered.wait, 5)
    found = await asyncio.gather(*(names(database) for _ in range(20)))
    assert found == [[]] * 20
    leave.set()
    await job


async def test_a_reader_cannot_find_what_is_not_there(database: Database) -> None:
    assert await database.one("SELECT * FROM component WHERE name = :name", name="x") is None
    assert await components.every(database) == []
    assert await database.write(lambda conn: idempotency.sweep(conn, 1)) == 0
