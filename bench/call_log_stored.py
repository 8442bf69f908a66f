"""Databases with very many calls in them: made once, since that takes an hour, and kept where a
folder is named."""

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from bench.call_log_data import accounts, fill
from db import search
from db.connection import Conn, pyformat
from db.ids import last_id
from db.migrate import upgrade
from db.postgres import PostgresConn
from db.searched import CALLS
from db.sqlite_conn import SqliteConn, dict_row
from tests.fixtures_db import PostgresServer, _binaries

Say = Callable[[str], None]
ROWS_PER_DEED = 4_000 * search.ROWS_PER_BLOCK
SAY_SECONDS = 15
ACCOUNT = (
    "INSERT INTO account (id, name, currency, country, status, webhook_secret_sealed, record,"
    " created_at) VALUES (:id, :name, 'USD', '', 'active', '', '', 0)"
)


@contextmanager
def opened(
    database: str, sizes: tuple[int, ...], folder: Path | None, say: Say
) -> Iterator[dict[int, str]]:
    """The URL of a database of each size; one that the folder has already is used as it is."""
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary)
        if database == "sqlite":
            yield {rows: sqlite(place / f"calls-{rows}.db", rows, say) for rows in sizes}
            return
        with server() as running:
            yield {rows: postgres(running, rows, say) for rows in sizes}


@contextmanager
def server() -> Iterator[PostgresServer]:
    """PostgreSQL in a folder of its own."""
    running = PostgresServer(_binaries(), Path(tempfile.mkdtemp(prefix="bench-")))
    running.start()
    try:
        yield running
    finally:
        running.stop()


def sqlite(path: Path, rows: int, say: Say) -> str:
    """A file with so many calls; half made it is begun again."""
    url, making = f"sqlite:///{path}", path.with_suffix(".making")
    if path.exists():
        return url
    making.unlink(missing_ok=True)
    upgrade(f"sqlite:///{making}")
    raw = sqlite3.connect(making, isolation_level=None)
    raw.row_factory = dict_row
    raw.executescript(
        "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-400000;"
        "PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=OFF;"
    )
    found = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index'"
                        " AND tbl_name = 'call' AND sql IS NOT NULL").fetchall()  # fmt: skip
    indexes = {one["name"]: str(one["sql"]) for one in found}
    make(raw.execute, SqliteConn(raw), indexes, rows, Told(f"SQLite, {rows:,} calls", say))
    raw.executescript("PRAGMA journal_mode=WAL;")
    raw.close()
    making.rename(path)
    return url


def postgres(running: PostgresServer, rows: int, say: Say) -> str:
    """A database with so many calls."""
    url = running.new_database()
    upgrade(url)
    with psycopg.connect(url, autocommit=True, row_factory=psycopg.rows.dict_row) as raw:
        raw.execute("SET synchronous_commit = off")
        raw.execute("SET session_replication_role = replica")  # no foreign keys
        raw.execute("SET maintenance_work_mem = '512MB'")
        found = raw.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'call'"
                            " AND indexdef NOT LIKE '%UNIQUE%'").fetchall()  # fmt: skip
        indexes = {one["indexname"]: one["indexdef"] for one in found}

        def run(sql: str, params: dict[str, Any] | None = None) -> object:
            return raw.execute(pyformat(sql).encode(), params or {})

        make(run, PostgresConn(raw), indexes, rows, Told(f"PostgreSQL, {rows:,} calls", say))
        raw.execute("VACUUM ANALYZE")
    return url


class Told:
    """Says how far it is, not too often."""

    def __init__(self, what: str, say: Say) -> None:
        self._what, self._say = what, say
        self._at = time.monotonic()

    def __call__(self, doing: str) -> None:
        if time.monotonic() > self._at + SAY_SECONDS:
            self._at = time.monotonic()
            self._say(f"{self._what}: {doing}")


def make(
    run: Callable[..., object], conn: Conn, indexes: dict[str, str], rows: int, told: Told
) -> None:
    """The rows, then their indexes, then the blocks by which they are searched."""
    for name in indexes:
        run(f"DROP INDEX {name}")
    for account in accounts():
        run(ACCOUNT, account)
    fill(run, rows, lambda done: told(f"{done:,} are there"))
    for name, definition in indexes.items():
        run(definition)
        told(f"{name} is there")
    before, done = last_id("call"), 0
    run("BEGIN")
    while search.build(conn, CALLS, before, ROWS_PER_DEED):
        run("COMMIT")
        run("BEGIN")
        done += ROWS_PER_DEED
        told(f"{min(done, rows):,} are in blocks")
    run("COMMIT")
