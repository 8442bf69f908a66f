"""A hold is lengthened while funds last, closed once, and never charges more than it has."""

import asyncio

import pytest

from db import ledger
from db.connection import Conn
from db.database import Database
from telephony.billing import holds
from telephony.money import MICROS
from tests.factories import Customer, customer

NOW = 1_768_000_000_000_000
LATER = NOW + 1_000_000


@pytest.fixture
async def rich(database: Database) -> Customer:
    return await customer(database, sip_funds="10", funds="0")


def place(
    conn: Conn, who: Customer, reference: str = "c1", amount: int = MICROS,
    expires_at: int | None = None,
) -> None:  # fmt: skip
    holds.place(conn, who.account_id, who.mode, "sip", amount, reference=reference, now=NOW,
                key_id=who.key_id, expires_at=expires_at)  # fmt: skip


async def pot(database: Database, who: Customer) -> tuple[int, int]:
    row = await database.write(ledger.pot, who.account_id, who.mode, "sip")
    return row["balance"], row["held"]


async def hold(database: Database, reference: str = "c1") -> dict[str, object]:
    row = await database.one(
        "SELECT state, amount, captured, expires_at FROM hold WHERE reference = :r", r=reference
    )
    assert row is not None
    return row


async def journals(database: Database) -> dict[str, dict[str, int]]:
    """Amount by pot of every journal but the funding ones, by reference."""
    rows = await database.all(
        "SELECT j.reference, l.kind, p.amount FROM posting p JOIN journal j ON j.id = p.journal_id"
        " JOIN ledger_account l ON l.id = p.ledger_account_id"
        " WHERE j.kind IN ('charge', 'surplus')"
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["reference"], {})[row["kind"]] = row["amount"]
    return found


async def test_a_hold_grows_slice_by_slice(database: Database, rich: Customer) -> None:
    await database.write(place, rich, expires_at=NOW)
    for _ in range(3):
        assert await database.write(holds.extend, "c1", 2 * MICROS, NOW, LATER)
    assert await pot(database, rich) == (10 * MICROS, 7 * MICROS)
    found = await hold(database)
    assert (found["amount"], found["expires_at"]) == (7 * MICROS, LATER)
    assert await database.write(holds.extend, "c1", MICROS, NOW)
    assert (await hold(database))["expires_at"] == LATER
    assert await database.write(holds.capture, "c1", "test", 6 * MICROS, NOW) == 6 * MICROS
    assert await pot(database, rich) == (4 * MICROS, 0)


async def test_what_the_funds_do_not_cover_changes_nothing(
    database: Database, rich: Customer
) -> None:
    await database.write(place, rich, expires_at=NOW)
    before = await hold(database)
    assert not await database.write(holds.extend, "c1", 9 * MICROS + 1, NOW, LATER)
    assert await hold(database) == before
    assert await pot(database, rich) == (10 * MICROS, MICROS)
    assert await database.write(holds.extend, "c1", 9 * MICROS, NOW)
    assert await pot(database, rich) == (10 * MICROS, 10 * MICROS)


async def test_a_closed_hold_does_not_grow(database: Database, rich: Customer) -> None:
    await database.write(place, rich)
    await database.write(holds.release, "c1", "test", NOW)
    assert not await database.write(holds.extend, "c1", 1, NOW)
    assert not await database.write(holds.extend, "unheard of", 1, NOW)
    assert await pot(database, rich) == (10 * MICROS, 0)
    with pytest.raises(ValueError, match="extended"):
        await database.write(holds.extend, "c1", -1, NOW)


async def test_racing_slices_share_one_balance(database: Database, rich: Customer) -> None:
    for at in range(5):
        await database.write(place, rich, f"c{at}", MICROS)
    grown = await asyncio.gather(
        *(database.write(holds.extend, f"c{at % 5}", 300_000, NOW) for at in range(60))
    )
    assert sum(grown) == 16  # 5 of 10 are free: 16 × 0.3
    assert await pot(database, rich) == (10 * MICROS, 9_800_000)


async def test_a_slice_that_races_the_end_is_lost_or_charged_whole(
    database: Database, rich: Customer
) -> None:
    for at in range(20):
        await database.write(place, rich, f"c{at}", 1_000)
    jobs = [
        job
        for at in range(20)
        for job in (
            database.write(holds.extend, f"c{at}", 1_000, NOW),
            database.write(holds.capture, f"c{at}", "test", 2_000, NOW),
        )
    ]
    results = await asyncio.gather(*jobs)
    for grown, charged in zip(results[::2], results[1::2], strict=True):
        assert charged == (2_000 if grown else 1_000)
    assert await pot(database, rich) == (10 * MICROS - sum(results[1::2]), 0)


async def test_a_surplus_is_named_and_borne_by_the_platform(
    database: Database, rich: Customer
) -> None:
    await database.write(place, rich)
    assert await database.write(holds.capture, "c1", "test", MICROS + 7, NOW) == MICROS
    assert await database.write(holds.capture, "c1", "test", MICROS + 7, NOW) == 0
    assert await pot(database, rich) == (9 * MICROS, 0)
    assert await journals(database) == {
        "charge:c1": {"sip": -MICROS, "revenue": MICROS},
        "surplus:c1": {"adjustment": -7, "revenue": 7},
    }


async def test_a_hold_past_its_time_is_returned_once(database: Database, rich: Customer) -> None:
    for reference, expires_at in (("c1", NOW), ("c2", NOW + 1), ("c3", LATER), ("c4", None)):
        await database.write(place, rich, reference, MICROS, expires_at)
    assert await database.write(holds.expire_due, NOW, 10) == 0
    assert await database.write(holds.expire_due, NOW + 2, 1) == 1
    assert (await hold(database))["state"] == "expired"
    assert await database.write(holds.expire_due, NOW + 2, 10) == 1
    assert await database.write(holds.expire_due, NOW + 2, 10) == 0
    assert await pot(database, rich) == (10 * MICROS, 2 * MICROS)
    assert await journals(database) == {}


async def test_reapers_that_race_return_each_hold_once(database: Database, rich: Customer) -> None:
    for at in range(40):
        await database.write(place, rich, f"c{at}", 1_000, NOW)
    reaped = await asyncio.gather(
        *(database.write(holds.expire_due, LATER, 7) for _ in range(20)),
        *(database.write(holds.release, f"c{at}", "test", NOW) for at in range(0, 40, 2)),
    )
    states = [row["state"] for row in await database.all("SELECT state FROM hold")]
    assert states.count("expired") == sum(count for count in reaped if count)
    assert await database.write(holds.expire_due, LATER, 100) == states.count("open")
    assert await pot(database, rich) == (10 * MICROS, 0)


async def test_a_charge_that_comes_after_the_expiry_is_visible(
    database: Database, rich: Customer
) -> None:
    await database.write(place, rich, expires_at=NOW)
    await database.write(holds.expire_due, LATER, 10)
    await database.write(holds.capture, "c1", "test", 0, LATER)
    assert (await hold(database))["state"] == "expired"
    for _ in range(2):
        assert await database.write(holds.capture, "c1", "test", 5, LATER) == 0
    assert (await hold(database))["state"] == "late"
    assert await journals(database) == {"surplus:c1": {"adjustment": -5, "revenue": 5}}
    assert await pot(database, rich) == (10 * MICROS, 0)
