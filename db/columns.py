"""Column kinds that every table shares."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, CheckConstraint, Index, Text
from sqlmodel import Field

MODES = ("live", "test")


def instant(**kwargs: Any) -> Any:
    """Microseconds since the epoch, UTC."""
    return Field(sa_type=BigInteger, **kwargs)


def money(**kwargs: Any) -> Any:
    """Millionths of the currency's unit."""
    return Field(sa_type=BigInteger, **kwargs)


def text(**kwargs: Any) -> Any:
    """Text of any length."""
    return Field(sa_type=Text, **kwargs)


def one_of(column: str, values: Iterable[str] | type[StrEnum]) -> CheckConstraint:
    """A CHECK that the column holds one of the values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def valid_mode() -> CheckConstraint:
    """A CHECK that `mode` is live or test."""
    return one_of("mode", MODES)


def partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of only the rows that a worker still has to look at."""
    condition = sa.text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
