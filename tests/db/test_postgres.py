"""What is special about PostgreSQL: many writers, many processes."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from db import call_queue, message_queue, postgres
from db.connection import Conn
from db.database import Database, DatabaseBusyError, DatabaseError
from db.session import open_database
from tests.db.rows import START, add_call, add_message
from tests.db.test_writer import keep, names
from tests.factories import customer
from tests.fixtures_db import PostgresServer
from tests.patience import PATIENCE_SECONDS


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Database]:
    """Another process's Database."""
    second = await open_database(database_url)
    yield second
    await second.close()


def touch(conn: Conn, name: str) -> None:
    conn.run("UPDATE component SET checked_at = checked_at + 1 WHERE name = :n", n=name)


async def test_a_deadlock_is_retried(database: Database) -> None:
    await database.write(keep, "a")
    await database.write(keep, "b")
    both = threading.Barrier(2)
    runs: list[str] = []

    def cross(conn: Conn, one: str, two: str) -> None:
        runs.append(one)
        conn.run("SET LOCAL deadlock_timeout = '20ms'")
        touch(conn, one)
        if len(runs) <= 2:
            both.wait(5)
        touch(conn, two)

    await asyncio.gather(database.write(cross, "a", "b"), database.write(cross, "b", "a"))
    assert len(runs) >= 3
    rows = await database.all("SELECT checked_at FROM component")
    assert [row["checked_at"] for row in rows] == [3, 3]


async def test_deadlocks_without_end_are_busy(database: Database) -> None:
    runs: list[int] = []

    def hopeless(conn: Conn) -> None:
        runs.append(1)
        raise psycopg.errors.DeadlockDetected("deadlock detected")

    with pytest.raises(DatabaseBusyError, match="deadlock"):
        await database.write(hopeless)
    assert len(runs) == postgres.TRIES


async def test_a_wake_reaches_another_process(database: Database, other: Database) -> None:
    ear = other.wakeups.subscribe("messages")
    deaf = other.wakeups.subscribe("calls")
    for _ in range(100):
        await database.write(lambda conn: conn.wake("messages"))
        if await ear.wait(0.05):
            break
    else:
        pytest.fail("no wake-up in 5 s")
    assert not await deaf.wait(0.01)


async def test_the_listener_comes_back(
    database: Database, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.postgres.LISTEN_RETRY_SECONDS", 0.01)
    await test_a_wake_reaches_another_process(database, database)
    postgres_server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE query LIKE 'LISTEN%'")  # fmt: skip
    await test_a_wake_reaches_another_process(database, database)


async def test_broken_connections_are_replaced_unseen(
    database: Database, postgres_server: PostgresServer
) -> None:
    """As after a restart of the server: what has not committed runs again."""
    await asyncio.gather(*(database.write(keep, f"{at:02}") for at in range(64)))
    await asyncio.gather(*(names(database) for _ in range(32)))
    postgres_server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = 'clean' AND pid <> pg_backend_pid()")  # fmt: skip
    await asyncio.gather(*(database.write(keep, f"{at:02}") for at in range(64, 128)))
    assert await names(database) == sorted(f"{at:02}" for at in range(128))


async def test_a_deed_whose_connection_breaks_runs_again_once(
    database: Database, postgres_server: PostgresServer
) -> None:
    runs: list[int] = []

    def broken_once(conn: Conn) -> None:
        keep(conn, "x")
        mine = conn.one("SELECT pg_backend_pid() AS pid")
        assert mine is not None
        runs.append(mine["pid"])
        if len(runs) == 1:
            postgres_server.run(f"SELECT pg_terminate_backend({mine['pid']}, 1000)")
        conn.one("SELECT 1")

    await database.write(broken_once)
    assert len(runs) == 2
    assert await names(database) == ["x"]


async def test_another_outage_is_a_database_error(database: Database) -> None:
    def wait_for_lock(conn: Conn) -> None:
        conn.run("SET LOCAL lock_timeout = '20ms'")
        conn.run("LOCK TABLE component IN EXCLUSIVE MODE")

    entered, leave = threading.Event(), threading.Event()

    def hold_lock(conn: Conn) -> None:
        keep(conn, "holder")
        entered.set()
        leave.wait(5)

    holder = asyncio.create_task(database.write(hold_lock))
    await asyncio.to_thread(entered.wait, 5)
    with pytest.raises(DatabaseError, match="lock timeout"):
        await database.write(wait_for_lock)
    leave.set()
    await holder


async def test_no_server_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.postgres.POOL_TIMEOUT_SECONDS", 0.2)
    with pytest.raises(DatabaseError, match="PostgreSQL does not answer"):
        await open_database(f"postgresql://postgres@/nothing?host={tmp_path}")


async def test_a_claim_keeps_to_its_limit_whatever_the_plan(database: Database) -> None:
    """In a nested loop, a sub-select of `IN` runs once for every row, each time finding more."""
    someone = await customer(database)

    def claim(conn: Conn) -> list[int]:
        for at in range(30):
            add_call(conn, someone, created_at=START + at)
            add_message(conn, someone)
        for kind in ("hashjoin", "mergejoin", "hashagg", "material", "sort"):
            conn.run(f"SET LOCAL enable_{kind} = off")
        return [
            len(call_queue.claim(conn, "pbx1", START + 30, 7)),
            len(message_queue.claim(conn, "sandbox", "token", START, START + 1, 7)),
        ]

    assert await database.write(claim) == [7, 7]


async def test_two_claimers_never_share_a_row(database: Database, other: Database) -> None:
    someone = await customer(database)
    await database.write(lambda conn: [add_message(conn, someone) for _ in range(100)])
    both = threading.Barrier(2)

    def claim(conn: Conn, token: str) -> list[str]:
        rows = message_queue.claim(conn, "sandbox", token, START, START + 1, 50)
        both.wait(5)  # neither has committed when the other looks
        return [row["id"] for row in rows]

    one, two = await asyncio.gather(database.write(claim, "one"), other.write(claim, "two"))
    assert len(one) == len(two) == 50
    assert not set(one) & set(two)


async def test_what_is_read_often_is_still_planned_for_what_is_asked(database: Database) -> None:
    for at in range(20):
        await database.one("SELECT name FROM component WHERE name = :name", name=f"c{at}")
    plans = await database.all(
        "SELECT generic_plans, custom_plans FROM pg_prepared_statements"
        " WHERE statement LIKE 'SELECT name FROM component%'"
    )
    assert plans
    assert all(one["generic_plans"] == 0 < one["custom_plans"] for one in plans)


async def test_what_is_read_is_read_off_an_index(database: Database) -> None:
    plan = await database.all("EXPLAIN SELECT name FROM component WHERE name > 'a' LIMIT 9")
    told = " ".join(row["QUERY PLAN"] for row in plan)
    assert "Index" in told
    assert "Seq Scan" not in told


@pytest.mark.parametrize("turns", range(8))
async def test_a_cancellation_that_comes_with_a_connection_counts(
    database: Database, turns: int
) -> None:
    """In whichever turn of the event loop it comes after the connection was given back."""
    assert isinstance(database, postgres.PostgresDatabase)
    done: list[str] = []

    async def work() -> None:
        await database.all("SELECT 1 AS one")
        await asyncio.sleep(0.1)
        done.append("went on")

    pool = database._readers
    taken = [await pool.getconn() for _ in range(postgres.READERS)]
    task = asyncio.create_task(work())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not pool.get_stats()["requests_waiting"]:
            await asyncio.sleep(0.001)
    await pool.putconn(taken.pop())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    for raw in taken:
        await pool.putconn(raw)
    assert (task.cancelled(), done) == (True, [])
