"""What a deed works with on SQLite: one transaction of the only writing connection."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from db.connection import Row, expand, inserts

LIST_SPELLED_MAX = 16


def dict_row(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> Row:
    """A row as a dict by column name."""
    return dict(zip([column[0] for column in cursor.description], row, strict=True))


def dict_rows(cursor: sqlite3.Cursor) -> list[Row]:
    """Every row as a dict, with the names looked up but once; none of a statement without rows."""
    if cursor.description is None:
        return []
    cursor.row_factory = None
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


class SqliteConn:
    """`Conn` on a raw sqlite3 connection, which costs a fifth of an ORM statement."""

    skip_locked = for_update = ""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw
        self.woken: set[str] = set()
        self.memo: dict[str, Any] = {}

    def _execute(self, sql: str, params: dict[str, Any]) -> sqlite3.Cursor:
        sql, params = expand(sql, params, LIST_SPELLED_MAX)
        return self._raw.execute(sql, params)

    def run(self, sql: str, **params: Any) -> int:
        """Execute a statement; the number of rows that it touched."""
        return self._execute(sql, params).rowcount

    def one(self, sql: str, **params: Any) -> Row | None:
        """The first row, or None."""
        found = dict_rows(self._execute(sql, params))  # all: a RETURNING runs to its end
        return found[0] if found else None

    def all(self, sql: str, **params: Any) -> list[Row]:
        """Every row."""
        return dict_rows(self._execute(sql, params))

    def many(self, sql: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Execute a statement once for each row of parameters."""
        self._raw.executemany(sql, rows)

    def insert_all(self, table: str, rows: Sequence[Row], more: str = "") -> list[Row]:
        """By one statement for many rows: each costs a hand-over of Python's lock, twice."""
        found: list[Row] = []
        for sql, values in inserts(table, rows, "?", more):
            found += dict_rows(self._raw.execute(sql, values))
        return found

    def change_all(self, table: str, key: str, rows: Sequence[Row]) -> None:
        """One after the other: a statement costs little here."""
        if rows:
            sets = ", ".join(f"{name} = :{name}" for name in rows[0] if name != key)
            self.many(f'UPDATE "{table}" SET {sets} WHERE {key} = :{key}', rows)

    def lock(self, name: str) -> None:
        """Nothing to wait for: there is one writer."""

    def try_lock(self, name: str) -> bool:
        """Always True, for the same reason."""
        return True

    def wake(self, channel: str) -> None:
        """Remember a channel to ring after the commit."""
        self.woken.add(channel)
