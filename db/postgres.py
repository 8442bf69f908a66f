"""PostgreSQL: the same deeds on a pool of threads, each with a connection of its own."""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Concatenate

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout

from db import failpoints, metrics
from db.connection import Conn, Row, arrays, inserts, pyformat
from db.database import CLOSED, JOBS_WAITING_MAX, DatabaseBusyError, DatabaseError, P, T
from db.wakeups import Wakeups

WRITERS = 16
READERS = 8
POOL_TIMEOUT_SECONDS = 5.0
TRIES = 5
CHANNEL = "sms_voip"
LISTEN_RETRY_SECONDS = 1.0

_Raw = psycopg.Connection[Row]
_AsyncRaw = psycopg.AsyncConnection[Row]


class _LostError(psycopg.OperationalError):
    """The connection broke before the commit was asked for, so nothing of the deed is stored."""


_RETRY = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure, _LostError)


class PostgresConn:
    """`Conn` on a psycopg connection inside a transaction."""

    skip_locked = "FOR UPDATE SKIP LOCKED"
    for_update = "FOR UPDATE"

    def __init__(self, raw: _Raw) -> None:
        self._raw = raw
        self.woken: set[str] = set()
        self.memo: dict[str, Any] = {}

    def _execute(self, sql: str, params: dict[str, Any]) -> psycopg.Cursor[Row]:
        return self._raw.execute(pyformat(sql).encode(), arrays(sql, params))

    def run(self, sql: str, **params: Any) -> int:
        """Execute a statement; the number of rows that it touched."""
        return self._execute(sql, params).rowcount

    def one(self, sql: str, **params: Any) -> Row | None:
        """The first row, or None."""
        return self._execute(sql, params).fetchone()

    def all(self, sql: str, **params: Any) -> list[Row]:
        """Every row."""
        return self._execute(sql, params).fetchall()

    def many(self, sql: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Execute a statement once for each row of parameters."""
        with self._raw.cursor() as cursor:
            cursor.executemany(pyformat(sql).encode(), list(rows))

    def insert_all(self, table: str, rows: Sequence[Row], more: str = "") -> list[Row]:
        """By one statement for many rows."""
        found: list[Row] = []
        for sql, values in inserts(table, rows, "%s", more):
            cursor = self._raw.execute(sql.encode(), values)
            found += cursor.fetchall() if cursor.description else []
        return found

    def change_all(self, table: str, key: str, rows: Sequence[Row]) -> None:
        """By one statement; the table's row type tells the types of what comes as JSON."""
        if rows:
            sets = ", ".join(f"{name} = new.{name}" for name in rows[0] if name != key)
            self.run(
                f'UPDATE "{table}" AS old SET {sets}'
                f' FROM json_populate_recordset(CAST(NULL AS "{table}"), CAST(:rows AS json))'
                f" AS new WHERE old.{key} = new.{key}",
                rows=json.dumps(rows),
            )

    def lock(self, name: str) -> None:
        """An advisory lock; what is read after it has seen every holder before."""
        self.run("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))", name=name)

    def try_lock(self, name: str) -> bool:
        """The same lock, if nobody holds it."""
        sql = "SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0)) AS got"
        found = self.one(sql, name=name)
        return found is not None and bool(found["got"])

    def wake(self, channel: str) -> None:
        """Remember a channel to ring with the commit."""
        self.woken.add(channel)

    def ring(self) -> None:
        """NOTIFY, once for all channels: delivered to every process with the commit."""
        if self.woken:
            self.run(
                "SELECT pg_notify(:name, channel) FROM unnest(CAST(:woken AS text[])) AS channel",
                name=CHANNEL, woken=sorted(self.woken),
            )  # fmt: skip


PLANS_OF_READERS = (
    "SET plan_cache_mode = force_custom_plan; SET enable_seqscan = off; SET jit = off"
)
"""Lists stand and fall by what is asked for: a plan for any status walks through a million rows for
one that few of them have, and a walk through the table itself meets no row for a long time where
those that match stand together. To plan each time costs less than that by far; to compile does
not."""


async def _plan_lists(reader: _AsyncRaw) -> None:
    await reader.execute(PLANS_OF_READERS)


class PostgresDatabase:
    """Any number of processes may open one."""

    dialect = "postgres"

    def __init__(self, url: str) -> None:
        self.wakeups = Wakeups()
        self._url = url
        self._threads = ThreadPoolExecutor(WRITERS, thread_name_prefix="postgres-writer")
        self._writers: ConnectionPool[_Raw] = ConnectionPool(
            url, min_size=1, max_size=WRITERS, open=False, timeout=POOL_TIMEOUT_SECONDS,
            kwargs={"row_factory": dict_row},
        )  # fmt: skip
        self._readers: AsyncConnectionPool[_AsyncRaw] = AsyncConnectionPool(
            url, min_size=1, max_size=READERS, open=False, timeout=POOL_TIMEOUT_SECONDS,
            kwargs={"row_factory": dict_row, "autocommit": True}, configure=_plan_lists,
        )  # fmt: skip
        self._listener: asyncio.Task[None] | None = None
        self._waiting = 0
        self._closed = False

    @classmethod
    async def open(cls, url: str) -> "PostgresDatabase":
        """Connect; raises DatabaseError if the server does not answer."""
        database = cls(url)
        try:
            await asyncio.to_thread(database._writers.open, wait=True, timeout=POOL_TIMEOUT_SECONDS)
            await database._readers.open(wait=True, timeout=POOL_TIMEOUT_SECONDS)
        except PoolTimeout as error:
            await database.close()
            raise DatabaseError(f"PostgreSQL does not answer: {error}") from error
        database._listener = asyncio.create_task(database._listen())
        return database

    async def write(
        self, deed: Callable[Concatenate[Conn, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a deed in one transaction; returns after the commit, raises what the deed raised."""
        if self._closed:
            raise DatabaseError(CLOSED)
        if self._waiting >= JOBS_WAITING_MAX:
            raise DatabaseBusyError(f"{JOBS_WAITING_MAX} transactions are waiting already")
        self._waiting += 1
        try:
            with metrics.WRITE_SECONDS.time():
                return await asyncio.get_running_loop().run_in_executor(
                    self._threads, self._transact, failpoints.name_of(deed),
                    lambda conn: deed(conn, *args, **kwargs),
                )  # fmt: skip
        finally:
            self._waiting -= 1

    def _transact(self, name: str, deed: Callable[[Conn], T]) -> T:
        for attempt in range(1, TRIES + 1):
            try:
                with self._writers.connection() as raw:
                    result = _run(raw, deed)
                    failpoints.reached("before-commit", [name])
                failpoints.reached("after-commit", [name])
                return result
            except PoolTimeout as error:
                raise DatabaseBusyError(str(error)) from error
            except _RETRY as error:
                if attempt == TRIES:
                    raise DatabaseBusyError(str(error)) from error
                if isinstance(error, _LostError):
                    self._writers.check()  # a restart of the server broke the idle ones, too
            except psycopg.OperationalError as error:
                raise DatabaseError(str(error)) from error
        raise AssertionError("the loop above returns or raises")

    async def one(self, sql: str, **params: Any) -> Row | None:
        """The first row, or None."""
        found = await self.all(sql, **params)
        return found[0] if found else None

    async def all(self, sql: str, **params: Any) -> list[Row]:
        """Every row."""
        if self._closed:
            raise DatabaseError(CLOSED)
        statement, params = pyformat(sql).encode(), arrays(sql, params)
        try:
            return await self._fetch(statement, params)
        except PoolTimeout as error:
            raise DatabaseBusyError(str(error)) from error
        except psycopg.OperationalError:
            await self._readers.check()  # the server was restarted: a read may simply run again
        try:
            return await self._fetch(statement, params)
        except psycopg.OperationalError as error:
            raise DatabaseError(str(error)) from error

    async def _fetch(self, statement: bytes, params: dict[str, Any]) -> list[Row]:
        before = _cancellations()
        async with self._readers.connection() as raw:
            if _cancellations() > before:
                raise asyncio.CancelledError
            cursor = await raw.execute(statement, params)
            return await cursor.fetchall()

    async def close(self) -> None:
        """Finish what is queued, then close every connection."""
        if self._closed:
            return
        self._closed = True
        if self._listener:
            self._listener.cancel()
            with suppress(asyncio.CancelledError):
                await self._listener
        await asyncio.to_thread(self._threads.shutdown)
        await asyncio.to_thread(self._writers.close)
        await self._readers.close()

    async def _listen(self) -> None:
        while True:
            with suppress(psycopg.OperationalError):
                async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as raw:
                    await raw.execute(f"LISTEN {CHANNEL}".encode())
                    async for notice in raw.notifies():
                        self.wakeups.signal(notice.payload)
            await asyncio.sleep(LISTEN_RETRY_SECONDS)


def _cancellations() -> int:
    """How often the task was cancelled. The pool waits by `asyncio.wait_for`, which loses on Python
    3.11 a cancellation that comes together with the connection: its task would never end."""
    task = asyncio.current_task()
    return task.cancelling() if task else 0


def _run(raw: _Raw, deed: Callable[[Conn], T]) -> T:
    conn = PostgresConn(raw)
    try:
        result = deed(conn)
        conn.ring()
        return result
    except psycopg.OperationalError as error:
        if raw.broken:
            raise _LostError(str(error)) from error
        raise
