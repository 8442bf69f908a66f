"""The one door to what is stored: deeds run in transactions, reads beside them."""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from db.connection import Conn, Row
from db.wakeups import Wakeups

P = ParamSpec("P")
T = TypeVar("T")

JOBS_WAITING_MAX = 10_000
"""Transactions that may wait for the writer; one more is refused at once."""
CLOSED = "the database is closed"


class DatabaseError(Exception):
    """The transaction did not commit; nothing of it is stored."""


class DatabaseBusyError(DatabaseError):
    """Too much is waiting for the writer, or it did not get its lock in time."""


class DatabaseInUseError(DatabaseError):
    """Another process writes to this SQLite file."""


class Database(Protocol):
    """SQLite or PostgreSQL. A deed is a plain function `deed(conn, …)` without side effects
    outside the database, since it may run twice after a deadlock."""

    wakeups: Wakeups
    dialect: str

    async def write(
        self, deed: Callable[Concatenate[Conn, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a deed in one transaction; returns after the commit, raises what the deed raised."""

    async def one(self, sql: str, **params: Any) -> Row | None:
        """The first row, or None."""

    async def all(self, sql: str, **params: Any) -> list[Row]:
        """Every row."""

    async def close(self) -> None:
        """Finish what is queued, then close every connection."""
