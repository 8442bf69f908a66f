"""Spend caps of accounts and keys, and the warning of a low wallet."""

import asyncio
import json

import pytest

from db import accounts
from db.connection import Conn
from db.database import Database
from telephony.billing import adjustments, holds, limits, wallets
from telephony.clock import SECOND
from telephony.errors import SpendCapReachedError
from telephony.money import MICROS
from tests.factories import Customer, customer

NOON = 1_768_219_200_000_000  # 2026-01-12T12:00:00Z
DAY = 86_400 * SECOND
PRICE = 6_000


@pytest.fixture
async def rich(database: Database) -> Customer:
    return await customer(database, funds="100", sip_funds="100")


async def cap(database: Database, who: Customer, **caps: int) -> None:
    await database.write(lambda conn: accounts.change(conn, who.account_id, **caps))


def place(
    conn: Conn, who: Customer, reference: str, amount: int = PRICE, at: int = NOON,
    kind: str = "wallet", with_key: bool = True,
) -> None:  # fmt: skip
    holds.place(conn, who.account_id, who.mode, kind, amount, reference=reference, now=at,
                key_id=who.key_id if with_key else None)  # fmt: skip


async def spent(database: Database) -> dict[tuple[str, str], int]:
    rows = await database.all("SELECT * FROM spend")
    return {(row["subject"], row["period"]): row["amount"] for row in rows}


async def held(database: Database) -> int:
    row = await database.one("SELECT SUM(held) AS total FROM ledger_account")
    assert row is not None
    return int(row["total"])


async def test_what_is_held_counts_and_what_is_returned_does_not(
    database: Database, rich: Customer
) -> None:
    for name in ("a", "b", "c"):
        await database.write(place, rich, name, 100)
    await database.write(holds.capture, "a", "test", 60, NOON + DAY)
    await database.write(holds.release, "b", "test", NOON)
    assert set((await spent(database)).values()) == {160}
    assert await spent(database) == {
        (rich.account_id, "2026-01-12"): 160,
        (rich.account_id, "2026-01"): 160,
        (rich.key_id, "2026-01-12"): 160,
    }


@pytest.mark.parametrize(
    ("caps", "period", "of"),
    [
        ({"spend_day_max": 10 * PRICE}, "day", "account"),
        ({"spend_month_max": 10 * PRICE}, "month", "account"),
    ],
)
async def test_a_cap_lets_through_exactly_what_it_says(
    database: Database, rich: Customer, caps: dict[str, int], period: str, of: str
) -> None:
    await cap(database, rich, **caps)
    results = await asyncio.gather(
        *(database.write(place, rich, f"m{at}") for at in range(40)), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, SpendCapReachedError)]
    assert (results.count(None), len(refused)) == (10, 30)
    assert await held(database) == 10 * PRICE
    assert refused[0].extra == {"of": of, "period": period, "cap": 0.06, "spent": 0.06}
    assert refused[0].status == 402
    first = next(at for at, result in enumerate(results) if result is None)
    await database.write(holds.release, f"m{first}", "test", NOON)
    await database.write(place, rich, "again")


async def test_a_key_has_a_cap_of_its_own(database: Database, rich: Customer) -> None:
    assert await database.write(accounts.change_key, rich.key_id, spend_day_max=2 * PRICE)
    await database.write(place, rich, "m1", 2 * PRICE)
    with pytest.raises(SpendCapReachedError, match="key may spend"):
        await database.write(place, rich, "m2", 1)
    await database.write(place, rich, "by a phone", PRICE, with_key=False)
    assert not await database.write(accounts.change_key, "key_x", spend_day_max=1)


async def test_a_new_day_and_a_new_month_begin_at_zero(database: Database, rich: Customer) -> None:
    await cap(database, rich, spend_day_max=PRICE, spend_month_max=2 * PRICE)
    midnight = NOON + DAY // 2
    await database.write(place, rich, "m1", at=midnight - 1)
    with pytest.raises(SpendCapReachedError, match="a day"):
        await database.write(place, rich, "m2", at=midnight - 1)
    await database.write(place, rich, "m2", at=midnight)
    with pytest.raises(SpendCapReachedError, match="a month"):
        await database.write(place, rich, "m3", at=midnight + DAY)
    await database.write(place, rich, "m3", at=midnight + 30 * DAY)


async def test_the_modes_and_both_wallets(database: Database, rich: Customer) -> None:
    """Messages and calls share a cap; play money does not use up the real one's."""
    await cap(database, rich, spend_day_max=2 * PRICE)
    await database.write(place, rich, "m1")
    await database.write(place, rich, "c1", kind="sip")
    with pytest.raises(SpendCapReachedError):
        await database.write(place, rich, "c2", kind="sip")
    await database.write(
        wallets.fund, rich.account_id, "live", PRICE, reference="f", actor="a", now=NOON
    )
    live = Customer(rich.account_id, "live", "", rich.key_id)
    await database.write(place, live, "m2")


async def test_a_slice_beyond_the_cap_changes_nothing(database: Database, rich: Customer) -> None:
    await cap(database, rich, spend_day_max=10)
    await database.write(place, rich, "c1", 6, kind="sip")
    before = await spent(database)
    assert not await database.write(holds.extend, "c1", 5, NOON)
    assert (await spent(database), await held(database)) == (before, 6)
    assert await database.write(holds.extend, "c1", 4, NOON + DAY)  # counts on the call's day
    assert set((await spent(database)).values()) == {10}
    assert not await database.write(holds.extend, "c1", 1, NOON)


async def test_a_cap_that_is_lifted(database: Database, rich: Customer) -> None:
    await cap(database, rich, spend_day_max=0)
    with pytest.raises(SpendCapReachedError):
        await database.write(place, rich, "m1", 1)
    await database.write(place, rich, "free", 0)
    await database.write(lambda conn: accounts.change(conn, rich.account_id, spend_day_max=None))
    await database.write(place, rich, "m1", 1)


async def warnings(database: Database) -> list[dict[str, object]]:
    rows = await database.all("SELECT payload FROM event WHERE type = 'wallet_low' ORDER BY id")
    return [json.loads(row["payload"]) for row in rows]


async def test_one_warning_a_crossing(database: Database, rich: Customer) -> None:
    who = (rich.account_id, "test")
    await database.write(limits.set_threshold, *who, "wallet", 50 * MICROS, NOON)
    for at in range(7):
        await database.write(place, rich, f"m{at}", 10 * MICROS)
        await database.write(holds.capture, f"m{at}", "test", 10 * MICROS, NOON)
    assert await warnings(database) == [{"wallet": "wallet", "balance": 40, "threshold": 50}]
    await database.write(wallets.fund, *who, 20 * MICROS, reference="f", actor="a", now=NOON)
    assert len(await warnings(database)) == 1
    for name in ("t1", "t2"):
        await database.write(wallets.top_up_sip, *who, MICROS, reference=name, actor="a", now=NOON)
    assert len(await warnings(database)) == 2
    assert (await warnings(database))[-1]["balance"] == 49


async def test_a_threshold_that_is_set_below_or_above(database: Database, rich: Customer) -> None:
    who = (rich.account_id, "test", "sip")
    await database.write(limits.set_threshold, *who, 100 * MICROS, NOON)
    assert await warnings(database) == []
    await database.write(limits.set_threshold, *who, 100 * MICROS + 1, NOON)
    assert [warning["wallet"] for warning in await warnings(database)] == ["sip"]
    await database.write(limits.set_threshold, *who, None, NOON)
    await database.write(
        adjustments.adjust, *who, -100 * MICROS, reason="r", reference="x", actor="a", now=NOON
    )
    assert len(await warnings(database)) == 1
