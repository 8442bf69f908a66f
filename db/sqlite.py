"""SQLite: one thread owns the only writing connection and commits for many callers at once."""

import asyncio
import fcntl
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, TextIO

import aiosqlite

from db import failpoints, metrics
from db.connection import Conn, Row, expand
from db.database import (
    CLOSED,
    JOBS_WAITING_MAX,
    DatabaseBusyError,
    DatabaseError,
    DatabaseInUseError,
    P,
    T,
)
from db.sqlite_conn import LIST_SPELLED_MAX, SqliteConn, dict_row
from db.wakeups import Wakeups

JOBS_PER_COMMIT_MAX = 256
BUSY_TIMEOUT_MS = 5_000
READERS = 4

# recursive_triggers: without them INSERT OR REPLACE deletes a row of the ledger unseen.
PRAGMAS = f"""
PRAGMA busy_timeout={BUSY_TIMEOUT_MS}; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
PRAGMA foreign_keys=ON; PRAGMA recursive_triggers=ON; PRAGMA wal_autocheckpoint=4000;
"""

# The writer looks prices up; at the default of 2 MB it would read pages of a large list anew.
# Its temporary store is not in memory: SQLite would keep the journal of a savepoint as a list of
# kilobytes there, and walk through all of it after each statement of a large deed.
WRITER_CACHE = "PRAGMA cache_size=-65536;"
IN_MEMORY = "PRAGMA temp_store=MEMORY;"


@dataclass(slots=True)
class _Job:
    deed: Callable[[Conn], Any]
    future: asyncio.Future[Any]
    name: str = ""
    result: Any = None
    error: BaseException | None = None
    woken: set[str] = field(default_factory=set)
    began: float = field(default_factory=time.perf_counter)

    def settle(self) -> None:
        metrics.WRITE_SECONDS.observe(time.perf_counter() - self.began)
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class SqliteDatabase:
    """One per process, and one platform per file: an OS lock refuses the second. A short command
    may write `beside` it; each then waits until the other has committed."""

    def __init__(self, path: Path, beside: bool = False) -> None:
        self.wakeups, self.dialect = Wakeups(), "sqlite"
        self._path = path
        self._lock = None if beside else _lock_file(path)
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self._readers: asyncio.Queue[aiosqlite.Connection] = asyncio.Queue()
        self._thread: threading.Thread | None = None
        self._opened = 0
        self._closed = False

    @classmethod
    async def open(cls, path: Path, beside: bool = False) -> "SqliteDatabase":
        """Take the file; raises DatabaseInUseError if another platform has it."""
        database = cls(path, beside)
        try:
            raw = await asyncio.to_thread(_connect, path)
            database._start(raw)
            for _ in range(READERS):
                await database._add_reader()
        except sqlite3.Error as error:
            await database.close()
            raise DatabaseError(f"{path} cannot be opened: {error}") from error
        return database

    async def write(
        self, deed: Callable[Concatenate[Conn, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a deed in one transaction; returns after the commit, raises what the deed raised."""
        if self._closed:
            raise DatabaseError(CLOSED)
        if self._jobs.qsize() >= JOBS_WAITING_MAX:
            raise DatabaseBusyError(f"{JOBS_WAITING_MAX} transactions are waiting already")
        future: asyncio.Future[T] = self._loop.create_future()
        name = failpoints.name_of(deed)
        self._jobs.put(_Job(lambda conn: deed(conn, *args, **kwargs), future, name))
        return await future

    async def one(self, sql: str, **params: Any) -> Row | None:
        """The first row, or None."""
        found = await self.all(sql, **params)
        return found[0] if found else None

    async def all(self, sql: str, **params: Any) -> list[Row]:
        """Every row."""
        if self._closed:
            raise DatabaseError(CLOSED)
        sql, params = expand(sql, params, LIST_SPELLED_MAX)
        reader = await self._readers.get()
        try:
            return list(await reader.execute_fetchall(sql, params))  # type: ignore[arg-type]
        finally:
            self._readers.put_nowait(reader)

    async def close(self) -> None:
        """Finish what is queued, then close every connection."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        if self._thread:
            await asyncio.to_thread(self._thread.join)
        for _ in range(self._opened):
            await (await self._readers.get()).close()
        if self._lock:
            self._lock.close()

    def _start(self, raw: sqlite3.Connection) -> None:
        # Daemons, as the readers: a process that fails before close() must still be able to end.
        self._thread = threading.Thread(
            target=self._write_forever, args=(raw,), name="sqlite-writer", daemon=True
        )
        self._thread.start()

    async def _add_reader(self) -> None:
        reader = aiosqlite.connect(self._path, isolation_level=None)
        reader._thread.daemon = True
        await reader
        self._readers.put_nowait(reader)
        self._opened += 1
        reader.row_factory = dict_row  # type: ignore[assignment]
        await reader.executescript(f"{PRAGMAS} {IN_MEMORY} PRAGMA query_only=ON;")

    def _write_forever(self, raw: sqlite3.Connection) -> None:
        while (job := self._jobs.get()) is not None:
            self._commit_together(raw, self._drain(job))
        raw.close()

    def _drain(self, first: _Job) -> list[_Job]:
        jobs = [first]
        while len(jobs) < JOBS_PER_COMMIT_MAX:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                self._jobs.put(None)  # close() waits until these are committed, too
                break
            jobs.append(job)
        return jobs

    def _commit_together(self, raw: sqlite3.Connection, jobs: list[_Job]) -> None:
        try:
            raw.execute("BEGIN IMMEDIATE")
            if len(jobs) == 1:
                _run_alone(raw, jobs[0])
            else:
                for job in jobs:
                    _run_in_savepoint(raw, job)
            failpoints.reached("before-commit", (job.name for job in jobs))
            raw.execute("COMMIT")
            failpoints.reached("after-commit", (job.name for job in jobs))
        except sqlite3.Error as error:
            _fail_all(raw, jobs, error)
        self._loop.call_soon_threadsafe(self._answer, jobs)

    def _answer(self, jobs: list[_Job]) -> None:
        metrics.DEEDS_PER_COMMIT.observe(len(jobs))
        for job in jobs:
            job.settle()
        for channel in set().union(*(job.woken for job in jobs if job.error is None)):
            self.wakeups.signal(channel)


def _run_alone(raw: sqlite3.Connection, job: _Job) -> None:
    """Without a savepoint, for which SQLite would keep a copy of every page that it touches."""
    if not _done(raw, job):
        raw.execute("ROLLBACK")
        raw.execute("BEGIN")


def _run_in_savepoint(raw: sqlite3.Connection, job: _Job) -> None:
    raw.execute("SAVEPOINT deed")
    if not _done(raw, job):
        raw.execute("ROLLBACK TO deed")
    raw.execute("RELEASE deed")


def _done(raw: sqlite3.Connection, job: _Job) -> bool:
    conn = SqliteConn(raw)
    try:
        job.result = job.deed(conn)
        job.woken = conn.woken
    except Exception as error:
        job.error = _database_error(error) if _is_outage(error) else error
        if isinstance(error, sqlite3.Error) and not raw.in_transaction:
            raise  # an I/O error or a full disk undid the transaction: everyone in it fails
        return False
    return True


def _fail_all(raw: sqlite3.Connection, jobs: list[_Job], error: sqlite3.Error) -> None:
    """Also those whose deed had raised: it may have seen what now never happened."""
    if raw.in_transaction:
        raw.execute("ROLLBACK")
    for job in jobs:
        job.error = _database_error(error)


def _is_outage(error: Exception) -> bool:
    """A full disk, an I/O error, a lock; not a statement that is wrong."""
    name = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
    return isinstance(error, sqlite3.OperationalError) and name != "SQLITE_ERROR"


def _database_error(error: Exception) -> DatabaseError:
    busy = getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY")
    named = (DatabaseBusyError if busy else DatabaseError)(str(error))
    named.__cause__ = error
    return named


def _connect(path: Path) -> sqlite3.Connection:
    raw = sqlite3.connect(
        path, isolation_level=None, cached_statements=512, check_same_thread=False
    )
    try:
        raw.executescript(f"{PRAGMAS} {WRITER_CACHE}")
    except sqlite3.Error:
        raw.close()
        raise
    return raw


def _lock_file(path: Path) -> TextIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.with_name(path.name + ".lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise DatabaseInUseError(
            f"{path} is in use by another sms-voip process: stop it first, "
            "or choose another SMS_VOIP_VAR_DIR"
        ) from error
    return file
