"""Money is held, captured and returned exactly, however many race for it."""

import asyncio
from typing import Any

import pytest

from db import ledger
from db.connection import Conn, Row
from db.database import Database
from telephony.billing import holds, wallets
from telephony.errors import InsufficientFundsError
from telephony.money import MICROS
from tests.factories import Customer, customer

NOW = 1_768_000_000_000_000
PRICE = 6_000


async def pot(database: Database, who: Customer, kind: str = "wallet") -> tuple[int, int]:
    row: Row = await database.write(ledger.pot, who.account_id, who.mode, kind)
    return row["balance"], row["held"]


def place(conn: Conn, who: Customer, reference: str, amount: int = PRICE) -> None:
    holds.place(conn, who.account_id, who.mode, "wallet", amount, reference=reference, now=NOW)


def capture(conn: Conn, who: Customer, reference: str, amount: int) -> int:
    return holds.capture(conn, reference, who.mode, amount, NOW)


def top_up(conn: Conn, who: Customer, reference: str, amount: int) -> str:
    return wallets.top_up_sip(
        conn, who.account_id, who.mode, amount, reference=reference, actor="key", now=NOW
    )


@pytest.fixture
async def rich(database: Database) -> Customer:
    return await customer(database, funds="10")


async def test_a_hold_is_captured_and_its_rest_returned(database: Database, rich: Customer) -> None:
    await database.write(place, rich, "m1", 7 * MICROS)
    assert await pot(database, rich) == (10 * MICROS, 7 * MICROS)
    available = await database.write(wallets.available, rich.account_id, "test", "wallet")
    assert available == 3 * MICROS
    assert await database.write(capture, rich, "m1", 5 * MICROS + 1) == 5 * MICROS + 1
    assert await pot(database, rich) == (5 * MICROS - 1, 0)
    balance = await database.write(wallets.balance, rich.account_id, "test", "wallet")
    assert balance == 5 * MICROS - 1
    revenue = await database.one(
        "SELECT SUM(p.amount) AS total FROM posting p"
        " JOIN ledger_account l ON l.id = p.ledger_account_id WHERE l.kind = 'revenue'"
    )
    assert revenue == {"total": 5 * MICROS + 1}


async def test_a_release_returns_everything(database: Database, rich: Customer) -> None:
    await database.write(place, rich, "m1", 7 * MICROS)
    await database.write(holds.release, "m1", "test", NOW)
    await database.write(holds.release, "m1", "test", NOW)
    assert await pot(database, rich) == (10 * MICROS, 0)
    assert await database.write(capture, rich, "m1", 1) == 0
    row = await database.one("SELECT state, captured FROM hold")
    assert row == {"state": "released", "captured": 0}


async def test_a_second_capture_charges_nothing(database: Database, rich: Customer) -> None:
    await database.write(place, rich, "m1")
    first, *rest = sorted(
        await asyncio.gather(*(database.write(capture, rich, "m1", PRICE) for _ in range(20))),
        reverse=True,
    )
    assert (first, set(rest)) == (PRICE, {0})
    assert await pot(database, rich) == (10 * MICROS - PRICE, 0)
    assert await database.write(capture, rich, "unheard of", PRICE) == 0


async def test_a_capture_never_exceeds_the_hold(database: Database, rich: Customer) -> None:
    await database.write(place, rich, "m1", MICROS)
    assert await database.write(capture, rich, "m1", 9 * MICROS) == MICROS
    assert await pot(database, rich) == (9 * MICROS, 0)


async def test_a_hold_of_nothing_is_a_hold(database: Database, rich: Customer) -> None:
    await database.write(place, rich, "free", 0)
    assert await database.write(capture, rich, "free", 0) == 0
    assert await pot(database, rich) == (10 * MICROS, 0)


@pytest.mark.parametrize("amount", [-1, -MICROS])
async def test_negative_amounts_move_nothing(
    database: Database, rich: Customer, amount: int
) -> None:
    await database.write(place, rich, "m1")
    for deed in (place, capture):
        with pytest.raises(Exception, match=r"(?i)constraint"):
            await database.write(deed, rich, "m1" if deed is capture else "m2", amount)
    with pytest.raises(ValueError, match="above zero"):
        await database.write(top_up, rich, "t", amount)
    assert await pot(database, rich) == (10 * MICROS, PRICE)
    assert await pot(database, rich, "sip") == (0, 0)


@pytest.mark.parametrize("amount", [0, -1])
async def test_nothing_is_not_a_payment(database: Database, rich: Customer, amount: int) -> None:
    with pytest.raises(ValueError, match="above zero"):
        await database.write(
            wallets.fund, rich.account_id, "test", amount, reference="f", actor="a", now=NOW
        )


async def test_a_refusal_tells_what_was_needed(database: Database, rich: Customer) -> None:
    with pytest.raises(InsufficientFundsError) as refused:
        await database.write(place, rich, "m1", 10 * MICROS + 500_000)
    assert refused.value.extra == {"required": 10.5, "available": 10}
    assert "SIP" not in refused.value.detail
    assert await pot(database, rich) == (10 * MICROS, 0)
    assert await database.all("SELECT * FROM hold") == []


@pytest.mark.parametrize("racers", [50, 200])
async def test_racing_holds_take_exactly_what_is_there(database: Database, racers: int) -> None:
    who = await customer(database, funds="0.222")
    done = asyncio.Event()
    samples: list[Row] = []

    async def sample() -> None:
        while not done.is_set():
            samples.extend(await database.all("SELECT balance, held FROM ledger_account"))
            await asyncio.sleep(0)

    sampler = asyncio.create_task(sample())
    results: list[Any] = await asyncio.gather(
        *(database.write(place, who, f"m{at}") for at in range(racers)), return_exceptions=True
    )
    passed = [at for at in range(racers) if results[at] is None]
    refused = [result for result in results if isinstance(result, InsufficientFundsError)]
    assert (len(passed), len(refused)) == (37, racers - 37)
    assert await pot(database, who) == (37 * PRICE, 37 * PRICE)
    charged = await asyncio.gather(
        *(database.write(capture, who, f"m{at}", PRICE if at % 2 else 0) for at in passed)
    )
    done.set()
    await sampler
    assert await pot(database, who) == (37 * PRICE - sum(charged), 0)
    assert samples
    assert all(0 <= row["held"] <= row["balance"] for row in samples)


async def test_racing_top_ups_move_exactly_what_is_there(database: Database) -> None:
    who = await customer(database, funds="37")
    results: list[Any] = await asyncio.gather(
        *(database.write(top_up, who, f"t{at}", MICROS) for at in range(50)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, str) for result in results) == 37
    assert sum(isinstance(result, InsufficientFundsError) for result in results) == 13
    assert (await pot(database, who), await pot(database, who, "sip")) == ((0, 0), (37 * MICROS, 0))


async def test_holds_and_top_ups_race_for_the_same_money(database: Database) -> None:
    who = await customer(database, funds="20")
    jobs: list[Any] = []
    for at in range(30):
        jobs += [database.write(top_up, who, f"t{at}", MICROS),
                 database.write(place, who, f"m{at}", MICROS)]  # fmt: skip
    results = await asyncio.gather(*jobs, return_exceptions=True)
    assert sum(not isinstance(result, Exception) for result in results) == 20
    balance, held = await pot(database, who)
    moved, _ = await pot(database, who, "sip")
    assert balance == held
    assert held + moved == 20 * MICROS


async def test_a_reference_counts_once(database: Database, rich: Customer) -> None:
    """The second use leaves no trace, also of the part that had succeeded."""
    for deed in (top_up, place):
        await database.write(deed, rich, "same", MICROS)
        with pytest.raises(Exception, match=r"(?i)unique"):
            await database.write(deed, rich, "same", MICROS)
    assert await pot(database, rich) == (9 * MICROS, MICROS)
    assert await pot(database, rich, "sip") == (MICROS, 0)


async def test_modes_and_customers_do_not_touch_each_other(
    database: Database, rich: Customer
) -> None:
    other = await customer(database, funds="1", mode="live", name="Other")
    await database.write(place, rich, "m1")
    await database.write(capture, rich, "m1", PRICE)
    assert await pot(database, other) == (MICROS, 0)
    live = await ledger.balances(database, rich.account_id, "live")
    assert {row["balance"] for row in live.values()} == {0}
    rows = await database.all("SELECT mode, SUM(amount) AS total FROM posting p JOIN journal j"
                              " ON j.id = p.journal_id GROUP BY mode ORDER BY mode")  # fmt: skip
    assert rows == [{"mode": "live", "total": 0}, {"mode": "test", "total": 0}]
    kinds = await database.write(lambda conn: conn.all("SELECT kind, actor FROM journal"))
    assert {row["kind"] for row in kinds} == {"fund", "charge"}


async def test_a_journal_must_sum_to_zero(database: Database, rich: Customer) -> None:
    def unbalanced(conn: Conn) -> None:
        row = ledger.pot(conn, rich.account_id, "test", "wallet")
        ledger.write_journal(conn, reference="x", mode="test", kind="x", actor="x", now=NOW,
                             postings={row["id"]: 5})  # fmt: skip

    with pytest.raises(AssertionError):
        await database.write(unbalanced)
