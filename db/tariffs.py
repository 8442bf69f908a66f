"""Prices by number prefix: price lists with versions, and what one account pays instead."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from db.base import Table
from db.columns import instant, money
from db.connection import Conn, Row, insert
from db.ids import new_id

PUBLIC = "standard"
"""The name of the price list that is shown to everybody."""
PRICES = ("sms_per_segment", "voice_per_minute", "voice_connect_fee")
SECONDS = ("voice_initial_seconds", "voice_increment_seconds", "voice_free_seconds")
COLUMNS = ("prefix", "country", "iso", "route", *PRICES, *SECONDS)
VISIBLE = "importing_until IS NULL"


class Tariff(Table, table=True):
    """A named price list in one currency."""

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    currency: str
    created_at: int = instant()


class TariffVersion(Table, table=True):
    """What a price list says from an instant on, until a later version begins.

    `importing_until` is NULL once the version counts; before, it is the lease of the import that
    writes its rates, and 0 where they are to be swept away."""

    __tablename__ = "tariff_version"
    __table_args__ = (
        Index(
            "ix_tariff_version_visible", "tariff_id", "valid_from", unique=True,
            sqlite_where=sa.text(VISIBLE), postgresql_where=sa.text(VISIBLE),
        ),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    tariff_id: str = Field(foreign_key="tariff.id")
    valid_from: int = instant()
    importing_until: int | None = instant(default=None)
    rates: int = 0
    created_at: int = instant()


class Prices(Table):
    """The columns of a rate: what numbers that start with its prefix (digits, no +) cost."""

    country: str
    iso: str
    route: str
    sms_per_segment: int = money()
    voice_per_minute: int = money()
    voice_connect_fee: int = money()
    voice_initial_seconds: int
    voice_increment_seconds: int
    voice_free_seconds: int = 0


def _checks() -> tuple[CheckConstraint, ...]:
    return (
        CheckConstraint(
            "sms_per_segment >= 0 AND voice_per_minute >= 0 AND voice_connect_fee >= 0",
            name="never_negative",
        ),
        CheckConstraint(
            "voice_initial_seconds >= 0 AND voice_increment_seconds > 0"
            " AND voice_free_seconds >= 0",
            name="billing_steps",
        ),
    )


class Rate(Prices, table=True):
    """A rate of one version. Without a rowid the primary key is the table: one tree to search."""

    __table_args__ = (
        *_checks(),
        Index("ix_rate_country", "version_id", "country", "prefix"),
        Index("ix_rate_iso", "version_id", "iso", "country", "prefix"),
        {"sqlite_with_rowid": False},
    )

    version_id: str = Field(primary_key=True, foreign_key="tariff_version.id")
    prefix: str = Field(primary_key=True)


class AccountRate(Prices, table=True):
    """What one account pays instead, in the account's currency."""

    __tablename__ = "account_rate"
    __table_args__ = (*_checks(), {"sqlite_with_rowid": False})

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    prefix: str = Field(primary_key=True)


IN_FORCE = (
    "(SELECT id FROM tariff_version WHERE tariff_id = {tariff} AND importing_until IS NULL"
    " AND valid_from <= :now ORDER BY valid_from DESC LIMIT 1)"
)
NUMBERS = ", ".join(f"r.{column}" for column in COLUMNS)
# A price list in another currency than the account's wallets has no price for it.
_LISTED_PRICES = (
    f"SELECT {NUMBERS}, a.currency, r.version_id FROM account a"
    " JOIN tariff t ON t.id = a.tariff_id AND t.currency = a.currency"
    f" JOIN rate r ON r.version_id = {IN_FORCE.format(tariff='a.tariff_id')}"
    " WHERE a.id = :account_id AND r.prefix IN :prefixes"
)
_OWN_PRICES = (
    f"SELECT {NUMBERS}, a.currency, '' AS version_id"
    " FROM account_rate r JOIN account a ON a.id = r.account_id"
    " WHERE r.account_id = :account_id AND r.prefix IN :prefixes"
)
# Among prefixes of one number the last in order is the longest, and both halves read them from
# there on: sorting the two rows that they find would cost more than finding them.
PRICE = (
    f"SELECT * FROM ({_LISTED_PRICES} ORDER BY r.prefix DESC LIMIT 1) AS listed"
    f" UNION ALL SELECT * FROM ({_OWN_PRICES} ORDER BY r.prefix DESC LIMIT 1) AS owned"
)
_PRICES = f"{_LISTED_PRICES} UNION ALL {_OWN_PRICES}"


def price(conn: Conn, account_id: str, prefixes: Sequence[str], now: int) -> Row | None:
    """What the account pays at an instant: the longest of the prefixes, on a tie the account's
    own. Equality on every prefix uses the primary keys; LIKE would read the whole deck."""
    found = conn.all(PRICE, account_id=account_id, prefixes=prefixes, now=now)
    return max(found, key=precedence, default=None)


def prices(conn: Conn, account_id: str, prefixes: Collection[str], now: int) -> dict[str, Row]:
    """The same for each of the prefixes that has a price."""
    found = conn.all(_PRICES, account_id=account_id, prefixes=prefixes, now=now)
    return {rate["prefix"]: rate for rate in sorted(found, key=precedence)}


def precedence(rate: Row) -> tuple[int, bool]:
    """Orders rates that fit one number: the longer prefix counts, on a tie the account's own."""
    return len(rate["prefix"]), not rate["version_id"]


def tariff_named(conn: Conn, name: str) -> Row | None:
    """The price list of that name."""
    return conn.one("SELECT * FROM tariff WHERE name = :name", name=name)


def new_tariff(conn: Conn, name: str, currency: str, now: int) -> str:
    """Insert a price list that has no version yet; its id."""
    tariff_id = new_id("trf")
    insert(conn, "tariff", id=tariff_id, name=name, currency=currency, created_at=now)
    return tariff_id


def new_version(
    conn: Conn, tariff_id: str, valid_from: int, lease: int | None, rates: int, now: int
) -> str:
    """Insert a version that its rates are written to next; its id."""
    version_id = new_id("trv")
    insert(
        conn, "tariff_version", id=version_id, tariff_id=tariff_id, valid_from=valid_from,
        importing_until=lease, rates=rates, created_at=now,
    )  # fmt: skip
    return version_id


def add_tariff(conn: Conn, name: str, currency: str, rates: list[dict[str, Any]], now: int) -> str:
    """Insert a small price list whose rates were always valid; its id."""
    tariff_id = new_tariff(conn, name, currency, now)
    add_rates(conn, new_version(conn, tariff_id, 0, None, len(rates), now), rates)
    return tariff_id


def add_rates(conn: Conn, version_id: str, rates: list[dict[str, Any]]) -> None:
    """Insert rates of a version; a prefix that it has already is an error."""
    _insert(conn, "rate", "version_id", version_id, rates)


def override(conn: Conn, account_id: str, rates: list[dict[str, Any]]) -> None:
    """Make these rates the account's own, in place of those it had."""
    conn.run("DELETE FROM account_rate WHERE account_id = :id", id=account_id)
    conn.run("UPDATE account SET own_rates = :set WHERE id = :id", set=new_id("own"), id=account_id)
    _insert(conn, "account_rate", "account_id", account_id, rates)


def _insert(
    conn: Conn, table: str, owner: str, owner_id: str, rates: list[dict[str, Any]]
) -> None:  # fmt: skip
    columns = (owner, *COLUMNS)
    conn.many(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES (:{', :'.join(columns)})",
        [{owner: owner_id, **rate} for rate in rates],
    )


def buyers(conn: Conn, named: str) -> list[Row]:
    """The accounts of that id or name."""
    return conn.all("SELECT id, currency FROM account WHERE id = :x OR name = :x", x=named)


def assign(conn: Conn, account_id: str, tariff_id: str) -> None:
    """Let an account buy by a price list from now on."""
    conn.run("UPDATE account SET tariff_id = :t WHERE id = :id", t=tariff_id, id=account_id)
