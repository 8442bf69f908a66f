"""What a deed is handed: SQL in one dialect with `:name` parameters, on either database."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

Row = dict[str, Any]

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")
_LIST = re.compile(r"\bIN :([a-z_][a-z0-9_]*)")
_NO_LIST = re.compile(r"\bNOT IN :([a-z_][a-z0-9_]*)")


class Conn(Protocol):
    """One open transaction. `IN :names` takes a list; rows come as dicts."""

    skip_locked: str
    """`FOR UPDATE SKIP LOCKED` where several workers may claim at once, else empty."""
    memo: dict[str, Any]
    """What this transaction has looked up, so that a batch looks it up once; gone with it."""
    for_update: str
    """`FOR UPDATE` where others may be changing what is read, else empty."""

    def run(self, sql: str, **params: Any) -> int:
        """Execute a statement; the number of rows that it touched."""

    def one(self, sql: str, **params: Any) -> Row | None:
        """The first row, or None."""

    def all(self, sql: str, **params: Any) -> list[Row]:
        """Every row."""

    def many(self, sql: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Execute a statement once for each row of parameters."""

    def insert_all(self, table: str, rows: Sequence[Row], more: str = "") -> list[Row]:
        """Add rows that have the same columns, by few statements; what `more` (`ON CONFLICT …`,
        `RETURNING …`) gives back."""

    def change_all(self, table: str, key: str, rows: Sequence[Row]) -> None:
        """Write what the rows, which have the same columns, say of those that have their keys."""

    def lock(self, name: str) -> None:
        """Wait until no other transaction holds the name, and hold it until this one ends."""

    def try_lock(self, name: str) -> bool:
        """The same without waiting: False if another transaction holds the name."""

    def wake(self, channel: str) -> None:
        """Tell the workers of a channel, once the transaction has committed, to look again."""


class Reader(Protocol):
    """Reads outside any transaction of a deed; never blocks the event loop."""

    dialect: str
    """`sqlite` or `postgres`, for the few statements that only one of them knows."""

    async def one(self, sql: str, **params: Any) -> Row | None:
        """The first row, or None."""

    async def all(self, sql: str, **params: Any) -> list[Row]:
        """Every row."""


def expand(sql: str, params: dict[str, Any], spelled_max: int) -> tuple[str, dict[str, Any]]:
    """Spell `IN :names` out as one parameter an item; an empty list matches nothing. A longer list
    than `spelled_max` is handed over as JSON, so that the statement stays the same (SQLite)."""
    if "IN :" not in sql:
        return sql, params
    spread, lengths = dict(params), []
    for name in _lists(sql):
        items = list(spread.pop(name))
        if len(items) > spelled_max:
            spread[name] = json.dumps(items)
            lengths.append(AS_JSON)
            continue
        spread.update({f"{name}_{at}": item for at, item in enumerate(items)})
        lengths.append(len(items))
    return _spelled(sql, tuple(lengths)), spread


AS_JSON = -1
"""In place of a list's length."""


@lru_cache(maxsize=256)
def _lists(sql: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_LIST.findall(sql)))


@lru_cache(maxsize=1024)
def _spelled(sql: str, lengths: tuple[int, ...]) -> str:
    """Cached, since it costs more than many a statement that it is made for."""
    length = dict(zip(_lists(sql), lengths, strict=True))

    def items(found: re.Match[str]) -> str:
        name = found[1]
        if length[name] == AS_JSON:
            return f"IN (SELECT value FROM json_each(:{name}))"
        return f"IN ({', '.join(f':{name}_{at}' for at in range(length[name])) or 'NULL'})"

    return _LIST.sub(items, sql)


def arrays(sql: str, params: dict[str, Any]) -> dict[str, Any]:
    """The same parameters, with a list for each `IN :name`, whatever it was (PostgreSQL)."""
    return params | {name: list(params[name]) for name in _lists(sql)} if "IN :" in sql else params


@lru_cache(maxsize=1024)
def pyformat(sql: str) -> str:
    """`:name` written as psycopg's `%(name)s`, and a list as an array: however long it is, the
    statement is the same and need be prepared but once."""
    sql = _LIST.sub(r"= ANY(:\1)", _NO_LIST.sub(r"<> ALL(:\1)", sql))
    return _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%"))


def insert(conn: Conn, table: str, **facts: Any) -> None:
    """Add one row; a duplicate key is an error of the caller."""
    conn.run(_insert_sql(table, tuple(facts)), **facts)


def insert_new(conn: Conn, table: str, **facts: Any) -> bool:
    """Add one row unless its key is there already; True if it was added."""
    return bool(conn.run(f"{_insert_sql(table, tuple(facts))} ON CONFLICT DO NOTHING", **facts))


@lru_cache(maxsize=256)
def _insert_sql(table: str, columns: tuple[str, ...]) -> str:
    values = ", ".join(f":{column}" for column in columns)
    return f'INSERT INTO "{table}" ({", ".join(columns)}) VALUES ({values})'


ROWS_PER_INSERT_MAX = 64


def inserts(
    table: str, rows: Sequence[Row], mark: str, more: str
) -> Iterator[tuple[str, list[Any]]]:
    """Statements that add the rows, each with its values in order. Their lengths are powers of
    two, so that there are few of them to prepare. `mark` stands for a value."""
    columns, done, size = tuple(rows[0]) if rows else (), 0, ROWS_PER_INSERT_MAX
    while done < len(rows):
        while size > len(rows) - done:
            size //= 2
        values = [row[column] for row in rows[done : done + size] for column in columns]
        yield _inserts_sql(table, columns, size, mark, more), values
        done += size


@lru_cache(maxsize=256)
def _inserts_sql(table: str, columns: tuple[str, ...], size: int, mark: str, more: str) -> str:
    row = f"({', '.join([mark] * len(columns))})"
    values = ", ".join([row] * size)
    return f'INSERT INTO "{table}" ({", ".join(columns)}) VALUES {values} {more}'
