"""The commands do what the administrators' pages do: the same deeds, checks and audit entries."""

import asyncio
import json

import pytest
from cryptography.fernet import Fernet

from db import audit_log, ledger
from db.connection import Row
from db.database import Database
from telephony.secrets import Vault
from tests.factories import Customer, customer
from tests.money.test_commands import Run, run
from tests.users.world import People, of

__all__ = ["run"]


@pytest.fixture
async def acme(database: Database) -> Customer:
    return await customer(database, funds="10", name="Acme")


async def last_act(database: Database, who: Customer) -> Row:
    (entry,) = await audit_log.of_account(database, who.account_id, 2**62, 1)
    return entry


async def test_money_by_command_is_in_the_audit_log(
    database: Database, acme: Customer, run: Run
) -> None:
    test = ("--mode", "test", "--reason", "bank 17")
    await asyncio.to_thread(run, "account", "fund", "Acme", "2.5", *test)
    entry = await last_act(database, acme)
    assert entry["action"] == "wallet.paid_in"
    assert entry["actor"].startswith("cli:")
    assert json.loads(entry["after"]) == {
        "amount_micros": 2_500_000, "mode": "test", "reason": "bank 17",
    }  # fmt: skip
    await asyncio.to_thread(run, "ledger", "adjust", "Acme", "--take", "1", *test)
    entry = await last_act(database, acme)
    assert (entry["action"], json.loads(entry["after"])["amount_micros"]) == (
        "wallet.corrected", -1_000_000,
    )  # fmt: skip
    pots = await ledger.balances(database, acme.account_id, "test")
    assert pots["wallet"]["balance"] == 11_500_000


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("account", "fund", "Acme", "0", "--reason", "r"), "above 0"),
        (("account", "fund", "Acme", "1", "--reason", " "), "Give a reason"),
        (("account", "fund", "Acme", "1000001", "--reason", "r"), "above 0"),
        (("account", "fund", "platform", "1", "--reason", "r"), "no account acc_platform"),
        (("ledger", "adjust", "Acme", "--reason", "r"), "Write an amount"),
        (("ledger", "refund", "charge:none", "1", "--reason", "r"), "there is no charge"),
        (("ledger", "refund", "charge:none", "0", "--reason", "r"), "above 0"),
        (("account", "suspend", "platform"), "no account acc_platform"),
        (("account", "suspend", "Acme", "--reason", ""), "Give a reason"),
    ],
)
async def test_a_refusal_is_the_pages_sentence(
    database: Database, acme: Customer, run: Run, words: tuple[str, ...], told: str
) -> None:
    before = await database.all("SELECT id FROM journal")
    assert told in await asyncio.to_thread(run, *words, status=1)
    assert await database.all("SELECT id FROM journal") == before
    assert await audit_log.of_account(database, acme.account_id, 2**62, 1) == []


async def test_a_suspension_by_command_has_a_reason(
    database: Database, acme: Customer, run: Run
) -> None:
    await asyncio.to_thread(run, "account", "suspend", "Acme", "--reason", "chargeback 4711")
    entry = await last_act(database, acme)
    assert (entry["action"], json.loads(entry["after"])["reason"]) == (
        "account.suspended", "chargeback 4711",
    )  # fmt: skip
    await asyncio.to_thread(run, "account", "activate", "Acme")
    entry = await last_act(database, acme)
    assert (entry["action"], json.loads(entry["after"])["reason"]) == (
        "account.lifted", "by command",
    )  # fmt: skip


async def test_an_approval_by_command_mails_the_owners(database: Database, run: Run) -> None:
    people = People(database, of(Vault(Fernet.generate_key().decode())))
    owner = await people.owner("ada@example.com", "Engines")
    await people.colleague(owner, "owner", "bob@example.com")
    await people.colleague(owner, "billing", "eve@example.com")
    before = len(await database.all("SELECT id FROM mail"))
    for _ in range(2):
        said = await asyncio.to_thread(run, "account", "approve", "Engines")
        assert said == "Engines is approved. "
    rows = await database.all("SELECT recipient FROM mail ORDER BY id")
    assert sorted(row["recipient"] for row in rows[before:]) == [
        "ada@example.com", "bob@example.com",
    ]  # fmt: skip
    (entry,) = await audit_log.of_account(database, owner.account_id, 2**62, 1)
    assert entry["action"] == "account.approved"


async def test_sender_ids_by_command_are_in_the_audit_log(
    database: Database, acme: Customer, run: Run
) -> None:
    await asyncio.to_thread(run, "sender", "request", "Acme", "ENGINES")
    for words, action in (
        (("approve", "Acme", "ENGINES"), "sender.approved"),
        (("refuse", "Acme", "ENGINES", "--note", "complaints"), "sender.refused"),
    ):
        await asyncio.to_thread(run, "sender", *words)
        entry = await last_act(database, acme)
        assert (entry["action"], entry["subject"]) == (action, "ENGINES")
    assert json.loads(entry["after"])["reason"] == "complaints"
    assert json.loads(entry["before"]) == {"status": "approved"}
    told = await asyncio.to_thread(run, "sender", "approve", "Acme", "OTHER", status=1)
    assert "OTHER was never asked for" in told


async def test_limits_by_command_are_in_the_audit_log(
    database: Database, acme: Customer, run: Run
) -> None:
    await asyncio.to_thread(run, "account", "limits", "Acme", "--day", "5", "--calls-max", "7")
    entry = await last_act(database, acme)
    assert entry["action"] == "account.limited"
    assert json.loads(entry["before"]) == {"calls_max": None, "spend_day_max": None}
    assert json.loads(entry["after"]) == {"calls_max": 7, "spend_day_max": 5_000_000}
    await asyncio.to_thread(run, "account", "limits", "Acme", "--low-wallet", "3")
    assert (await last_act(database, acme))["id"] == entry["id"]
