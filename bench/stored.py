"""Databases with very many rows: filled once, since that takes a quarter of an hour, and kept where
a folder is named."""

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from db import search
from db.connection import Conn, pyformat
from db.ids import last_id
from db.migrate import upgrade
from db.postgres import PostgresConn
from db.search import Listed
from db.sqlite_conn import SqliteConn, dict_row
from tests.fixtures_db import PostgresServer, _binaries

Say = Callable[[str], None]
Sql = Callable[..., Any]
ROWS_PER_DEED = 4_000 * search.ROWS_PER_BLOCK
SAY_SECONDS = 15
FAST_SQLITE = (
    "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-400000;"
    "PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=OFF;"
)
# Without foreign keys, too.
FAST_POSTGRES = (
    "SET synchronous_commit = off; SET session_replication_role = replica;"
    " SET maintenance_work_mem = '512MB'"
)
INDEXES_OF_SQLITE = (
    "SELECT name, tbl_name AS table_name, sql AS definition FROM sqlite_master"
    " WHERE type = 'index' AND sql IS NOT NULL"
)
INDEXES_OF_POSTGRES = (
    "SELECT indexname AS name, tablename AS table_name, indexdef AS definition FROM pg_indexes"
    " WHERE indexname LIKE 'ix!_%' ESCAPE '!'"
)


class Told:
    """Says how far it is, not too often."""

    def __init__(self, what: str, say: Say) -> None:
        self._what, self._say = what, say
        self._at = time.monotonic()

    def __call__(self, doing: str) -> None:
        if time.monotonic() > self._at + SAY_SECONDS:
            self._at = time.monotonic()
            self._say(f"{self._what}: {doing}")


@dataclass(frozen=True)
class Filling:
    """What goes into a database of that name: what `prepare` makes at its URL, then the rows of
    `tables`, by `fill`, and the blocks by which the lists are searched."""

    name: str
    rows: int
    prepare: Callable[[str], None]
    tables: frozenset[str]
    fill: Callable[[Sql, int, Told], None]
    lists: tuple[Listed, ...]


@contextmanager
def opened(
    database: str, fillings: list[Filling], folder: Path | None, say: Say
) -> Iterator[list[str]]:
    """The URL of each; one that the folder has already is used as it is, once it is migrated."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        place = folder or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        if database == "sqlite":
            yield [sqlite(place / f"{one.name}.db", one, say) for one in fillings]
            return
        place.chmod(0o755)  # PostgreSQL may have to be another user
        with server(place / "postgres") as running:
            yield [postgres(running, one, say) for one in fillings]


@contextmanager
def server(folder: Path) -> Iterator[PostgresServer]:
    """PostgreSQL in that folder."""
    folder.mkdir(exist_ok=True)
    running = PostgresServer(_binaries(), folder)
    running.start()
    try:
        yield running
        running.run("CHECKPOINT")  # it is stopped at once, and would have to do this later
    finally:
        running.stop()


def sqlite(path: Path, filling: Filling, say: Say) -> str:
    """A file; half made it is begun again."""
    url, making = f"sqlite:///{path}", path.with_suffix(".making")
    if not path.exists():
        making.unlink(missing_ok=True)
        filling.prepare(f"sqlite:///{making}")
        raw = sqlite3.connect(making, isolation_level=None)
        raw.row_factory = dict_row
        raw.executescript(FAST_SQLITE)
        make(lambda sql, params=None: raw.execute(sql, params or {}), SqliteConn(raw),
             INDEXES_OF_SQLITE, filling, Told(f"SQLite, {filling.rows:,} rows", say))  # fmt: skip
        raw.executescript("PRAGMA journal_mode=WAL;")
        raw.close()
        making.rename(path)
    upgrade(url)
    return url


def postgres(running: PostgresServer, filling: Filling, say: Say) -> str:
    """A database of the server; it has its name once it is whole."""
    url = running.url(filling.name)
    with psycopg.connect(running.url(), autocommit=True) as raw:
        known = raw.execute("SELECT 1 FROM pg_database WHERE datname = %s", [filling.name])
        if known.fetchone():
            upgrade(url)
            return url
        raw.execute("DROP DATABASE IF EXISTS making")
        raw.execute("CREATE DATABASE making TEMPLATE template0")
    making = running.url("making")
    filling.prepare(making)
    with psycopg.connect(making, autocommit=True, row_factory=psycopg.rows.dict_row) as filled:
        filled.execute(FAST_POSTGRES)

        def run(sql: str, params: dict[str, Any] | None = None) -> Any:
            return filled.execute(pyformat(sql).encode(), params or {})

        make(run, PostgresConn(filled), INDEXES_OF_POSTGRES, filling,
             Told(f"PostgreSQL, {filling.rows:,} rows", say))  # fmt: skip
        filled.execute("VACUUM ANALYZE")
    running.run(f'ALTER DATABASE making RENAME TO "{filling.name}"')
    return url


def make(run: Sql, conn: Conn, indexes: str, filling: Filling, told: Told) -> None:
    """The rows, then their indexes, then the blocks."""
    found = [one for one in run(indexes).fetchall() if one["table_name"] in filling.tables]
    for one in found:
        run(f"DROP INDEX {one['name']}")
    filling.fill(run, filling.rows, told)
    for one in found:
        run(one["definition"])
        told(f"{one['name']} is there")
    for listed in filling.lists:
        _in_blocks(run, conn, listed, filling.rows, told)


def _in_blocks(run: Sql, conn: Conn, listed: Listed, rows: int, told: Told) -> None:
    before, done = last_id(listed.prefix), 0
    run("BEGIN")
    while search.build(conn, listed, before, ROWS_PER_DEED):
        run("COMMIT")
        run("BEGIN")
        done += ROWS_PER_DEED
        told(f"{min(done, rows):,} of {listed.table} are in blocks")
    run("COMMIT")
