"""Versions of price lists: written in small steps that nobody sees until the last one."""

from typing import Any

from db import tariffs
from db.connection import Conn, Reader, Row
from db.lists import like
from db.tariffs import COLUMNS, IN_FORCE

SWEEP = "decks"
PAGE_ROWS = 5_000


def stage(conn: Conn, name: str, currency: str, valid_from: int, lease: int, now: int) -> str:
    """Begin a version that nobody sees yet, of a price list that is made if need be; its id."""
    conn.lock(SWEEP)
    tariff = tariffs.tariff_named(conn, name)
    tariff_id = tariff["id"] if tariff else tariffs.new_tariff(conn, name, currency, now)
    return tariffs.new_version(conn, tariff_id, valid_from, lease, 0, now)


def fill(conn: Conn, version_id: str, rates: list[dict[str, Any]], lease: int) -> bool:
    """Write some rates of a staged version; False if it was swept away meanwhile."""
    alive = conn.run(
        "UPDATE tariff_version SET importing_until = :lease, rates = rates + :count"
        " WHERE id = :id AND importing_until > 0",
        id=version_id, lease=lease, count=len(rates),
    )  # fmt: skip
    if alive:
        tariffs.add_rates(conn, version_id, rates)
    return bool(alive)


def publish(conn: Conn, version_id: str, rates: int, now: int) -> bool:
    """Let a staged version of that many rates count, in place of one that begins at the same
    instant but has not begun; False if it was swept away or is not whole."""
    conn.lock(SWEEP)
    conn.run(
        "UPDATE tariff_version SET importing_until = 0 WHERE importing_until IS NULL"
        " AND valid_from > :now AND (tariff_id, valid_from) ="
        " (SELECT tariff_id, valid_from FROM tariff_version WHERE id = :id)",
        id=version_id, now=now,
    )  # fmt: skip
    return bool(
        conn.run(
            "UPDATE tariff_version SET importing_until = NULL"
            " WHERE id = :id AND importing_until > 0 AND rates = :rates",
            id=version_id, rates=rates,
        )
    )  # fmt: skip


def abandon(conn: Conn, version_id: str) -> None:
    """Leave a staged version to the sweeper."""
    conn.run(
        "UPDATE tariff_version SET importing_until = 0"
        " WHERE id = :id AND importing_until IS NOT NULL",
        id=version_id,
    )


def sweep(conn: Conn, now: int, rows_max: int) -> bool:
    """Delete some rows of versions whose import died or that were replaced; True while more may
    be left."""
    conn.lock(SWEEP)
    conn.run("UPDATE tariff_version SET importing_until = 0 WHERE importing_until < :now", now=now)
    dead = conn.one("SELECT id, tariff_id FROM tariff_version WHERE importing_until = 0 LIMIT 1")
    if dead is None:
        return False
    if not conn.run(
        "DELETE FROM rate WHERE version_id = :id AND prefix IN"
        " (SELECT prefix FROM rate WHERE version_id = :id LIMIT :rows)",
        id=dead["id"], rows=rows_max,
    ):  # fmt: skip
        conn.run("DELETE FROM tariff_version WHERE id = :id", id=dead["id"])
        _remove_empty(conn, dead["tariff_id"])
    return True


def _remove_empty(conn: Conn, tariff_id: str) -> None:
    """A price list that only a dead import wanted."""
    conn.run(
        "DELETE FROM tariff WHERE id = :id"
        " AND NOT EXISTS (SELECT 1 FROM tariff_version WHERE tariff_id = :id)"
        " AND NOT EXISTS (SELECT 1 FROM account WHERE tariff_id = :id)",
        id=tariff_id,
    )


async def currency_of(reader: Reader, name: str) -> str | None:
    """The currency of a price list; None if there is none of that name."""
    found = await reader.one("SELECT currency FROM tariff WHERE name = :name", name=name)
    return str(found["currency"]) if found else None


async def version_at(reader: Reader, name: str, now: int) -> Row | None:
    """The version of a price list that is in force at an instant."""
    return await reader.one(
        "SELECT v.* FROM tariff t JOIN tariff_version v"
        f" ON v.id = {IN_FORCE.format(tariff='t.id')} WHERE t.name = :name",
        name=name, now=now,
    )  # fmt: skip


async def page(reader: Reader, version_id: str, after: str) -> list[Row]:
    """The next rates of a version, in the order of their prefixes."""
    return await reader.all(
        f"SELECT {', '.join(COLUMNS)} FROM rate WHERE version_id = :id AND prefix > :after"
        " ORDER BY prefix LIMIT :rows",
        id=version_id, after=after, rows=PAGE_ROWS,
    )  # fmt: skip


async def names(reader: Reader, currency: str) -> list[str]:
    """The price lists in a currency."""
    rows = await reader.all(
        "SELECT name FROM tariff WHERE currency = :currency ORDER BY name", currency=currency
    )
    return [row["name"] for row in rows]


async def own_rates(reader: Reader, account_id: str, after: str, limit: int) -> list[Row]:
    """What an account pays instead, in the order of the prefixes."""
    return await reader.all(
        f"SELECT {', '.join(COLUMNS)} FROM account_rate WHERE account_id = :account_id"
        " AND prefix > :after ORDER BY prefix LIMIT :limit",
        account_id=account_id, after=after, limit=limit,
    )  # fmt: skip


async def versions(reader: Reader) -> list[Row]:
    """Every version that counts, by price list and age; those to come as well."""
    return await reader.all(
        "SELECT t.name, t.currency, v.id, v.valid_from, v.rates FROM tariff t"
        " JOIN tariff_version v ON v.tariff_id = t.id WHERE v.importing_until IS NULL"
        " ORDER BY t.name, v.valid_from"
    )


async def page_of_versions(
    reader: Reader, *, limit: int, search: str = "", after: tuple[str, int] | None = None
) -> list[Row]:
    """The same, the newest of each price list first, of lists whose name has a part, behind a
    version (by name and `valid_from`)."""
    behind = ""
    if after:
        behind = " AND (t.name > :name OR (t.name = :name AND v.valid_from < :valid_from))"
    name, valid_from = after or ("", 0)
    return await reader.all(
        "SELECT t.name, t.currency, v.id, v.valid_from, v.rates FROM tariff t"
        " JOIN tariff_version v ON v.tariff_id = t.id WHERE v.importing_until IS NULL"
        f" AND LOWER(t.name) LIKE :part ESCAPE '\\'{behind}"
        " ORDER BY t.name, v.valid_from DESC LIMIT :limit",
        part=like(search), name=name, valid_from=valid_from, limit=limit,
    )  # fmt: skip
