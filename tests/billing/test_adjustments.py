"""What a person does to money: with a reason, and never more than there is."""

import asyncio

import pytest

from db import ledger
from db.connection import Conn
from db.database import Database
from telephony.billing import adjustments, holds, wallets
from telephony.billing.adjustments import RefundError
from telephony.errors import InsufficientFundsError
from telephony.money import MICROS
from tests.factories import Customer, customer

NOW = 1_768_000_000_000_000


@pytest.fixture
async def rich(database: Database) -> Customer:
    return await customer(database, funds="10")


def charged(conn: Conn, who: Customer, reference: str, amount: int) -> None:
    holds.place(conn, who.account_id, "test", "wallet", amount, reference=reference, now=NOW)
    holds.capture(conn, reference, "test", amount, NOW)


def refund(conn: Conn, charge: str, amount: int, reference: str = "r1") -> str:
    return adjustments.refund(conn, charge, amount, reason="not delivered", reference=reference,
                              actor="ann", now=NOW)  # fmt: skip


def adjust(conn: Conn, who: Customer, amount: int, reference: str = "a1", reason: str = "x") -> str:
    return adjustments.adjust(conn, who.account_id, "test", "wallet", amount, reason=reason,
                              reference=reference, actor="ann", now=NOW)  # fmt: skip


async def balance(database: Database, who: Customer) -> int:
    row = await database.write(ledger.pot, who.account_id, "test", "wallet")
    return int(row["balance"])


async def test_a_correction_is_kept_with_actor_and_reason(
    database: Database, rich: Customer
) -> None:
    await database.write(adjust, rich, -MICROS, reason="paid twice")
    await database.write(adjust, rich, 5, "a2")
    assert await balance(database, rich) == 9 * MICROS + 5
    row = await database.write(ledger.journal, "a1")
    assert row is not None
    assert (row["kind"], row["actor"], row["reason"]) == ("adjust", "ann", "paid twice")
    amounts = sorted((await database.write(ledger.postings, row["id"])).values())
    assert amounts == [-MICROS, MICROS]


async def test_a_payment_is_kept_with_its_reason(database: Database, rich: Customer) -> None:
    await database.write(
        wallets.fund, rich.account_id, "test", 5, reference="f", actor="ann", now=NOW,
        reason="bank 17",
    )  # fmt: skip
    row = await database.write(ledger.journal, "f")
    assert row is not None
    assert (row["actor"], row["reason"], row["kind"]) == ("ann", "bank 17", "fund")


async def test_what_is_held_cannot_be_taken_away(database: Database, rich: Customer) -> None:
    await database.write(lambda conn: holds.place(
        conn, rich.account_id, "test", "wallet", 4 * MICROS, reference="m", now=NOW))  # fmt: skip
    with pytest.raises(InsufficientFundsError) as refused:
        await database.write(adjust, rich, -6 * MICROS - 1)
    assert refused.value.extra == {"required": 6.000001, "available": 6}
    await database.write(adjust, rich, -6 * MICROS)
    assert await balance(database, rich) == 4 * MICROS


@pytest.mark.parametrize(("amount", "reason"), [(0, "x"), (5, "")])
async def test_nothing_happens_without_amount_or_reason(
    database: Database, rich: Customer, amount: int, reason: str
) -> None:
    with pytest.raises(ValueError, match="amount and a reason"):
        await database.write(adjust, rich, amount, "a1", reason)
    with pytest.raises(ValueError, match="above zero and a reason"):
        await database.write(refund, "charge:m1", -amount)


async def test_refunds_give_back_what_was_charged_and_no_more(
    database: Database, rich: Customer
) -> None:
    await database.write(charged, rich, "m1", 3 * MICROS)
    await database.write(refund, "charge:m1", MICROS)
    assert await balance(database, rich) == 8 * MICROS
    charge = await database.write(ledger.journal, "charge:m1")
    assert charge is not None
    with pytest.raises(RefundError, match=r"2\.00 USD is left"):
        await database.write(refund, charge["id"], 2 * MICROS + 1, "r2")
    await database.write(refund, charge["id"], 2 * MICROS, "r2")
    with pytest.raises(RefundError, match=r", 0\.00 USD is left"):
        await database.write(refund, "charge:m1", 1, "r3")
    assert await balance(database, rich) == 10 * MICROS
    row = await database.write(ledger.journal, "r1")
    assert row is not None
    assert (row["refers_to"], row["reason"]) == (charge["id"], "not delivered")


@pytest.mark.parametrize("name", ["charge:unheard", "r1", "fund"])
async def test_only_a_charge_can_be_refunded(database: Database, rich: Customer, name: str) -> None:
    await database.write(charged, rich, "m1", MICROS)
    await database.write(refund, "charge:m1", 5)
    reference = f"fund:{rich.account_id}" if name == "fund" else name
    with pytest.raises(RefundError, match="there is no charge"):
        await database.write(refund, reference, 1, "r2")


async def test_racing_refunds_share_one_charge(database: Database, rich: Customer) -> None:
    await database.write(charged, rich, "m1", 10)
    results = await asyncio.gather(
        *(database.write(refund, "charge:m1", 3, f"r{at}") for at in range(20)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, str) for result in results) == 3
    assert sum(isinstance(result, RefundError) for result in results) == 17
    assert await balance(database, rich) == 10 * MICROS - 1
