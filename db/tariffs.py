"""Prices by number prefix."""

from typing import Any

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from db.base import Table
from db.columns import instant, money
from db.connection import Conn, Reader, Row, insert
from db.ids import new_id


class Tariff(Table, table=True):
    """A named price list in one currency."""

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    currency: str
    created_at: int = instant()


class Rate(Table, table=True):
    """Prices of every number that starts with the prefix (digits without +)."""

    __table_args__ = (
        CheckConstraint(
            "sms_per_segment >= 0 AND voice_per_minute >= 0 AND voice_connect_fee >= 0",
            name="never_negative",
        ),
        CheckConstraint(
            "voice_initial_seconds >= 0 AND voice_increment_seconds > 0", name="billing_steps"
        ),
    )

    tariff_id: str = Field(primary_key=True, foreign_key="tariff.id")
    prefix: str = Field(primary_key=True)
    country: str
    iso: str
    route: str
    sms_per_segment: int = money()
    voice_per_minute: int = money()
    voice_connect_fee: int = money()
    voice_initial_seconds: int
    voice_increment_seconds: int


def add_tariff(conn: Conn, name: str, currency: str, rates: list[dict[str, Any]], now: int) -> str:
    """Insert a price list with its rates; its id."""
    tariff_id = new_id("trf")
    insert(conn, "tariff", id=tariff_id, name=name, currency=currency, created_at=now)
    conn.many(
        "INSERT INTO rate (tariff_id, prefix, country, iso, route, sms_per_segment,"
        " voice_per_minute, voice_connect_fee, voice_initial_seconds, voice_increment_seconds)"
        " VALUES (:tariff_id, :prefix, :country, :iso, :route, :sms_per_segment,"
        " :voice_per_minute, :voice_connect_fee, :voice_initial_seconds, :voice_increment_seconds)",
        [{"tariff_id": tariff_id, **rate} for rate in rates],
    )
    return tariff_id


def tariff_named(conn: Conn, name: str) -> Row | None:
    """The price list of that name."""
    return conn.one("SELECT * FROM tariff WHERE name = :name", name=name)


def longest_match(conn: Conn, tariff_id: str, prefixes: list[str]) -> Row | None:
    """The rate of the longest of the prefixes, and the tariff's currency. Equality on every
    prefix uses the primary key; LIKE would read the whole deck."""
    return conn.one(
        "SELECT r.*, t.currency FROM rate r JOIN tariff t ON t.id = r.tariff_id"
        " WHERE r.tariff_id = :tariff_id AND r.prefix IN :prefixes"
        " ORDER BY LENGTH(r.prefix) DESC LIMIT 1",
        tariff_id=tariff_id, prefixes=prefixes,
    )  # fmt: skip


async def deck(reader: Reader, tariff_id: str) -> list[Row]:
    """Every rate of a price list, by country."""
    return await reader.all(
        "SELECT r.country, r.iso, r.prefix, r.sms_per_segment, r.voice_per_minute, r.route,"
        " t.currency FROM rate r JOIN tariff t ON t.id = r.tariff_id"
        " WHERE r.tariff_id = :tariff_id ORDER BY r.country, r.prefix",
        tariff_id=tariff_id,
    )


async def tariff_of(reader: Reader, account_id: str) -> str | None:
    """The price list that an account buys by."""
    found = await reader.one("SELECT tariff_id FROM account WHERE id = :id", id=account_id)
    return str(found["tariff_id"]) if found and found["tariff_id"] else None


PUBLIC = "standard"


async def public_tariff(reader: Reader) -> str | None:
    """The price list that is shown to everybody."""
    found = await reader.one("SELECT id FROM tariff WHERE name = :name", name=PUBLIC)
    return str(found["id"]) if found else None
