"""The deeds on a bare connection, so that a model test makes thousands of steps a second."""

import sqlite3
import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from psycopg.rows import dict_row as postgres_row

from db.connection import Conn
from db.postgres import PostgresConn
from db.sqlite_conn import SqliteConn

T = TypeVar("T")


class Bare:
    """One connection that commits each deed, or dies with it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._raw: Any = None
        self.open()

    def open(self) -> None:
        """Connect, as a process that starts anew."""
        if self._url.startswith("sqlite"):
            path = self._url.removeprefix("sqlite:///")
            self._raw = sqlite3.connect(path, isolation_level=None, cached_statements=512)
            for pragma in ("foreign_keys=ON", "journal_mode=WAL", "synchronous=OFF"):
                self._raw.execute(f"PRAGMA {pragma}")
        else:
            self._raw = psycopg.connect(self._url, row_factory=postgres_row, autocommit=True)
            self._raw.execute("SET synchronous_commit = off")

    def write(self, deed: Callable[[Conn], T]) -> T:
        """Run a deed and commit it; nothing of it stays if it raises."""
        self._raw.execute("BEGIN")
        try:
            result = deed(self._conn())
        except Exception:
            self._raw.execute("ROLLBACK")
            raise
        self._raw.execute("COMMIT")
        return result

    def read(self, question: Callable[[Conn], T]) -> T:
        """Run what only reads, without a transaction."""
        return question(self._conn())

    def crash(self, deed: Callable[[Conn], object]) -> None:
        """Run a deed and die before its commit; then start anew."""
        self._raw.execute("BEGIN")
        try:
            deed(self._conn())
        finally:
            dead = None if self._url.startswith("sqlite") else self._raw.info.backend_pid
            self._raw.close()
            self.open()
            if dead is not None:
                self._wait_for_the_end(dead)

    def _wait_for_the_end(self, pid: int) -> None:
        """Until then what it had locked stays so, and is passed over by who takes what is free."""
        sql, until = "SELECT 1 AS found FROM pg_stat_activity WHERE pid = %s", time.monotonic() + 60
        while self._raw.execute(sql, (pid,)).fetchone():
            assert time.monotonic() < until, "a server process outlives its connection"
            time.sleep(0.001)

    def close(self) -> None:
        """Disconnect."""
        self._raw.close()

    def _conn(self) -> Conn:
        return SqliteConn(self._raw) if self._url.startswith("sqlite") else PostgresConn(self._raw)
