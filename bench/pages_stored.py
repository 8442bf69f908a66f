"""Databases with very many messages and calls and all that comes of them, kept where a folder is
named: to make one takes a quarter of an hour."""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from bench import pages_data
from bench.call_log_stored import ROWS_PER_DEED, Say, Told
from db import search
from db.connection import Conn, Row, pyformat
from db.ids import last_id
from db.migrate import upgrade
from db.postgres import PostgresConn
from db.searched import LISTS
from db.session import open_database
from db.sqlite_conn import SqliteConn, dict_row
from telephony.secrets import Vault
from telephony.users.mails import Post
from tests.fixtures_db import PostgresServer, _binaries
from tests.users.world import People
from tests.web.furniture import furnish

KEY = "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="
"""Seals what is made up here; a database that is used again must be read with the same one."""
PUBLIC_URL = "http://127.0.0.1:8000"
DAYS = pages_data.DAYS
MILLISECOND = 1_000_000
Sql = Callable[..., Any]


@contextmanager
def opened(database: str, rows: int, folder: Path | None, say: Say) -> Iterator[str]:
    """The URL of a database with so many rows; one that the folder has already is used as it is,
    once it is migrated."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        place = folder or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        if database == "sqlite":
            url = sqlite(place / f"pages-{rows}.db", rows, say)
            upgrade(url)
            yield url
            return
        place.chmod(0o755)  # PostgreSQL may have to be another user
        with server(place / f"postgres-{rows}") as running:
            yield postgres(running, rows, say)


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


def sqlite(path: Path, rows: int, say: Say) -> str:
    """A file with so many rows; half made it is begun again."""
    url, making = f"sqlite:///{path}", path.with_suffix(".making")
    if path.exists():
        return url
    making.unlink(missing_ok=True)
    _furnished(f"sqlite:///{making}")
    raw = sqlite3.connect(making, isolation_level=None)
    raw.row_factory = dict_row
    raw.executescript(
        "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-400000;"
        "PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=OFF;"
    )
    found = raw.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index'"
                        " AND sql IS NOT NULL").fetchall()  # fmt: skip
    indexes = {one["name"]: one["sql"] for one in found if one["tbl_name"] in pages_data.tables()}
    make(lambda sql, params=None: raw.execute(sql, params or {}), SqliteConn(raw), indexes, rows,
         Told(f"SQLite, {rows:,} rows", say))  # fmt: skip
    raw.executescript("PRAGMA journal_mode=WAL;")
    raw.close()
    making.rename(path)
    return url


def postgres(running: PostgresServer, rows: int, say: Say) -> str:
    """A database with so many rows; it has its name once it is whole."""
    made, making = running.url("pages"), running.url("making")
    with psycopg.connect(running.url(), autocommit=True) as raw:
        if raw.execute("SELECT 1 FROM pg_database WHERE datname = 'pages'").fetchone():
            upgrade(made)
            return made
        raw.execute("DROP DATABASE IF EXISTS making")
        raw.execute("CREATE DATABASE making TEMPLATE template0")
    _furnished(making)
    with psycopg.connect(making, autocommit=True, row_factory=psycopg.rows.dict_row) as filled:
        filled.execute("SET synchronous_commit = off")
        filled.execute("SET session_replication_role = replica")  # no foreign keys
        filled.execute("SET maintenance_work_mem = '512MB'")
        found = filled.execute("SELECT indexname, tablename, indexdef FROM pg_indexes"
                               " WHERE indexname LIKE 'ix!_%' ESCAPE '!'").fetchall()  # fmt: skip
        indexes = {one["indexname"]: one["indexdef"] for one in found
                   if one["tablename"] in pages_data.tables()}  # fmt: skip

        def run(sql: str, params: dict[str, Any] | None = None) -> Any:
            return filled.execute(pyformat(sql).encode(), params or {})

        make(run, PostgresConn(filled), indexes, rows, Told(f"PostgreSQL, {rows:,} rows", say))
        filled.execute("VACUUM ANALYZE")
    running.run("ALTER DATABASE making RENAME TO pages")
    return made


def people(db: Any) -> People:
    """Who knows the people of such a database."""
    return People(db, Post(Vault(KEY), PUBLIC_URL))


def _furnished(url: str) -> None:
    async def run() -> None:
        database = await open_database(url)
        await furnish(people(database))
        await database.close()

    upgrade(url)
    asyncio.run(run())


def make(run: Sql, conn: Conn, indexes: dict[str, str], rows: int, told: Told) -> None:
    """The rows, then their indexes, then the blocks by which they are searched."""
    for name in indexes:
        run(f"DROP INDEX {name}")

    def sample(table: str, like: str) -> Row:
        found = run(f'SELECT * FROM "{table}" WHERE {like} ORDER BY 1 DESC LIMIT 1').fetchone()
        assert found, f"nothing in {table} is like that: {like}"
        return dict(found)

    pages_data.fill(run, _facts(run), rows, sample, told)
    run("UPDATE audit_head SET seq = (SELECT MAX(seq) FROM audit_log)")
    for name, definition in indexes.items():
        run(definition)
        told(f"{name} is there")
    _searched(run, conn, rows, told)


def _facts(run: Sql) -> dict[str, Any]:
    """The ids of those whom nearly all rows belong to, and the instant of the last row."""

    def first(sql: str) -> str:
        return str(next(iter(run(sql).fetchone().values())))

    account = first("SELECT id FROM account WHERE name = 'Northwind Couriers'")
    pot = "SELECT id FROM ledger_account WHERE mode = 'live' AND"
    return {
        "account": account, "end": time.time_ns() // MILLISECOND,
        "wallet": first(f"{pot} kind = 'wallet' AND account_id = '{account}'"),
        "sip": first(f"{pot} kind = 'sip' AND account_id = '{account}'"),
        "revenue": first(f"{pot} kind = 'revenue'"),
        "endpoint": first("SELECT id FROM webhook_endpoint WHERE mode = 'live'"),
    }  # fmt: skip


def _searched(run: Sql, conn: Conn, rows: int, told: Told) -> None:
    for listed in LISTS:
        before, done = last_id(listed.prefix), 0
        run("BEGIN")
        while search.build(conn, listed, before, ROWS_PER_DEED):
            run("COMMIT")
            run("BEGIN")
            done += ROWS_PER_DEED
            told(f"{min(done, rows):,} of {listed.table} are in blocks")
        run("COMMIT")
