"""What is special about SQLite: one file, one writing thread, one commit for many."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from db.connection import Conn, Row
from db.database import Database, DatabaseBusyError, DatabaseError, DatabaseInUseError
from db.session import open_database
from tests.db.test_writer import keep, names


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


def first(conn: Conn, sql: str) -> Row | None:
    return conn.one(sql)


@pytest.fixture
def file(sqlite_url: str) -> Path:
    return Path(sqlite_url.removeprefix("sqlite:///"))


async def test_deeds_run_in_the_order_of_their_writes(database: Database) -> None:
    order: list[int] = []

    def run(_: Conn, at: int) -> None:
        order.append(at)

    await asyncio.gather(*(database.write(run, at) for at in range(600)))
    assert order == list(range(600))


async def test_a_deed_sees_what_the_one_before_it_wrote(database: Database) -> None:
    def total(conn: Conn) -> int:
        keep(conn, f"{len(conn.all('SELECT * FROM component'))}")
        return len(conn.all("SELECT * FROM component"))

    assert await asyncio.gather(*(database.write(total) for _ in range(50))) == list(range(1, 51))


async def test_many_deeds_share_one_commit(database: Database, file: Path) -> None:
    """Each commit adds frames to the log; 256 deeds of one page each fit a few pages."""
    await database.write(keep, "first")
    log = file.with_name(file.name + "-wal")
    before = log.stat().st_size
    go = threading.Event()
    blocked = asyncio.create_task(database.write(lambda _: go.wait(5)))
    jobs = [asyncio.create_task(database.write(keep, f"{at:03}")) for at in range(256)]
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(blocked, *jobs)
    assert log.stat().st_size - before < 40 * 4096


async def test_the_file_is_durable_and_checked(database: Database) -> None:
    pragmas = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1}
    for name, value in pragmas.items():
        assert await database.write(first, f"PRAGMA {name}") == {name: value}


async def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await database.all("DELETE FROM component")


async def test_a_second_process_is_told_what_to_do(database: Database, sqlite_url: str) -> None:
    code = (
        "import asyncio, sys; from db.session import open_database\n"
        "asyncio.run(open_database(sys.argv[1]))"
    )
    refused = subprocess.run(
        [sys.executable, "-c", code, sqlite_url], capture_output=True, text=True, timeout=20,
        check=False,
    )  # fmt: skip
    assert refused.returncode == 1
    sentence = refused.stderr.strip().splitlines()[-1]
    assert "is in use by another sms-voip process: stop it first" in sentence
    with pytest.raises(DatabaseInUseError, match="in use by another"):
        await open_database(sqlite_url)
    await database.write(keep, "unharmed")


async def test_a_process_that_never_closes_still_ends(sqlite_url: str) -> None:
    code = (
        "import asyncio, os, sys; from db.session import open_database\n"
        "async def main():\n"
        "    database = await open_database(sys.argv[1])\n"
        "    await database.write(lambda conn: conn.run('DELETE FROM component'))\n"
        "    raise SystemExit(3)\n"
        "asyncio.run(main())"
    )
    ended = subprocess.run([sys.executable, "-c", code, sqlite_url], timeout=20, check=False)
    assert ended.returncode == 3


async def test_the_file_is_free_again_after_close(sqlite_url: str) -> None:
    for name in ("one", "two"):
        database = await open_database(sqlite_url)
        await database.write(keep, name)
        await database.close()
    threads = {thread.name for thread in threading.enumerate()}
    assert "sqlite-writer" not in threads


async def test_a_full_disk_fails_the_deed_and_later_writes_work(database: Database) -> None:
    def fill(conn: Conn, name: str) -> None:
        keep(conn, name)
        conn.run("UPDATE component SET detail = :big WHERE name = :name", big="x" * 9**6, name=name)

    pages = await database.write(lambda conn: conn.one("PRAGMA page_count"))
    assert pages is not None
    await database.write(lambda conn: conn.one(f"PRAGMA max_page_count={pages['page_count'] + 4}"))
    jobs = [database.write(fill if at == 3 else keep, f"{at}") for at in range(6)]
    results = await asyncio.gather(*jobs, return_exceptions=True)
    failed = [at for at in range(6) if isinstance(results[at], BaseException)]
    assert 3 in failed
    assert all(isinstance(results[at], DatabaseError) for at in failed)
    kept = [f"{at}" for at in range(6) if at not in failed]
    assert await names(database) == kept
    await database.write(lambda conn: conn.one("PRAGMA max_page_count=100000"))
    await database.write(fill, "fits")
    assert await names(database) == [*kept, "fits"]


async def test_a_transaction_that_is_lost_fails_everyone_in_it(database: Database) -> None:
    """As after an I/O error, SQLite has rolled back on its own; also the deed that had raised
    something else is told so, since it may have seen what now never happened."""

    def lose(conn: Conn) -> None:
        keep(conn, "lost")
        conn.run("ROLLBACK")
        raise sqlite3.OperationalError("disk I/O error")

    def refuse(conn: Conn) -> None:
        raise KeyError("seen in a transaction that was lost")

    go, entered = threading.Event(), threading.Event()

    def block(_: Conn) -> bool:
        entered.set()
        return go.wait(5)

    blocked = asyncio.create_task(database.write(block))
    await asyncio.to_thread(entered.wait, 5)
    jobs: list[asyncio.Task[object]] = [
        asyncio.create_task(database.write(keep, "a")),
        asyncio.create_task(database.write(refuse)),
        asyncio.create_task(database.write(lose)),
        asyncio.create_task(database.write(keep, "b")),
    ]
    await asyncio.sleep(0)
    go.set()
    assert await blocked
    results = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(result) for result in results] == [DatabaseError] * 4
    assert {str(result) for result in results} == {"disk I/O error"}
    assert await names(database) == []
    await database.write(keep, "after")
    assert await names(database) == ["after"]


async def test_a_commit_that_fails_wakes_nobody(database: Database) -> None:
    def lose(conn: Conn) -> None:
        conn.wake("parts")
        conn.run("ROLLBACK")

    ear = database.wakeups.subscribe("parts")
    with pytest.raises(DatabaseError):
        await database.write(lose)
    assert not await ear.wait(0.05)


async def test_a_lock_held_by_another_tool_is_busy(
    sqlite_url: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.sqlite.PRAGMAS", "PRAGMA journal_mode=WAL; PRAGMA busy_timeout=50;")
    database = await open_database(sqlite_url)
    tool = sqlite3.connect(file, isolation_level=None)
    tool.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseBusyError, match="locked"):
        await database.write(keep, "x")
    tool.execute("ROLLBACK")
    tool.close()
    await database.write(keep, "y")
    assert await names(database) == ["y"]
    await database.close()


async def test_what_is_not_a_database_is_refused_and_let_go(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_text("Dear database,\n" * 1000)
    for _ in range(2):
        with pytest.raises(DatabaseError, match="cannot be opened") as raised:
            await open_database(f"sqlite:///{path}")
        assert not isinstance(raised.value, DatabaseInUseError)
    assert path.read_text().startswith("Dear")
