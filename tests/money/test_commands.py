"""`sms-voip account …` and `sms-voip ledger …`, beside a platform that holds the database."""

import asyncio
import re
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from db import caller_ids, ledger
from db.connection import Conn
from db.database import Database, DatabaseInUseError
from db.session import open_database
from telephony.billing import holds, verify
from telephony.clock import now
from tests.commands import cli
from tests.db.rows import add_call
from tests.factories import Customer, customer

Run = Callable[..., str]


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database, funds="10", name="Acme")


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command; what it printed. Its exit status must be `status`."""
    monkeypatch.setenv("SMS_VOIP_DATABASE_URL", database_url)

    def command(*words: str, status: int = 0) -> str:
        result = CliRunner().invoke(cli, list(words))
        assert result.exit_code == status, (result.output, result.exception)
        return re.sub(r"\s+", " ", result.output)

    return command


async def test_a_payment_and_a_correction(database: Database, who: Customer, run: Run) -> None:
    said = await asyncio.to_thread(
        run, "account", "fund", "Acme", "12.50", "--mode", "test", "--reason", "bank 17"
    )
    assert said == "The test wallet of Acme has 22.50 USD. "
    take = ("ledger", "adjust", who.account_id, "--mode", "test", "--reason", "twice")
    await asyncio.to_thread(run, *take, "--take", "2.5")
    await asyncio.to_thread(run, *take, "--add", "1", "--wallet", "sip")
    said = await asyncio.to_thread(run, *take, "--take", "99", status=1)
    assert said.startswith("Refused: ")
    pots = await ledger.balances(database, who.account_id, "test")
    assert {kind: row["balance"] for kind, row in pots.items()} == {
        "wallet": 20_000_000, "sip": 1_000_000
    }  # fmt: skip
    row = await database.one("SELECT actor, reason FROM journal WHERE reason = 'bank 17'")
    assert row is not None
    assert row["actor"].startswith("cli:")


async def test_a_refund_names_its_charge(database: Database, who: Customer, run: Run) -> None:
    def sell(conn: Conn) -> None:
        holds.place(conn, who.account_id, "test", "wallet", 500_000, reference="m", now=now())
        holds.capture(conn, "m", "test", 500_000, now())

    await database.write(sell)
    refund = ("ledger", "refund", "charge:m", "0.4", "--reason", "late")
    assert (await asyncio.to_thread(run, *refund)).startswith("txn_")
    assert "0.10 USD is left" in await asyncio.to_thread(run, *refund, status=1)
    assert "no charge" in await asyncio.to_thread(
        run, "ledger", "refund", "x", "1", "--reason", "r", status=1
    )


async def test_limits(database: Database, who: Customer, run: Run) -> None:
    limits = ("account", "limits", "Acme", "--mode", "test")
    await asyncio.to_thread(run, *limits, "--day", "5", "--month", "50", "--low-wallet", "20")
    await asyncio.to_thread(run, *limits, "--day", "none")
    await asyncio.to_thread(run, "key", "limits", who.key_id, "--day", "2")
    await asyncio.to_thread(run, "key", "limits", "key_x", "--day", "2", status=1)
    calls = ("--calls-max", "7", "--calls-per-second", "3")
    await asyncio.to_thread(run, *limits, *calls)
    await asyncio.to_thread(run, *limits, "--calls-max", "none")
    await asyncio.to_thread(run, *limits, "--calls-max", "0", status=2)
    await asyncio.to_thread(run, "key", "limits", who.key_id, *calls)
    row = await database.one("SELECT * FROM account WHERE id = :id", id=who.account_id)
    key = await database.one("SELECT spend_day_max, calls_max, calls_per_second FROM api_key")
    assert row is not None
    assert (row["calls_max"], row["calls_per_second"]) == (None, 3)
    assert (row["spend_day_max"], row["spend_month_max"], key) == (
        None, 50_000_000, {"spend_day_max": 2_000_000, "calls_max": 7, "calls_per_second": 3}
    )  # fmt: skip
    events = await database.all("SELECT type FROM event")
    assert events == [{"type": "wallet_low"}]


async def test_a_caller_id(database: Database, who: Customer, run: Run) -> None:
    verify = ("account", "verify-caller-id", "Acme")
    await asyncio.to_thread(run, *verify, "+49 30 123456")
    await asyncio.to_thread(run, *verify, "nonsense", status=1)
    assert await database.write(caller_ids.may_show, who.account_id, "+4930123456")


async def test_the_proof_and_its_failure(database: Database, who: Customer, run: Run) -> None:
    assert "holds" in await asyncio.to_thread(run, "ledger", "verify")
    await database.write(
        lambda conn: conn.run("UPDATE ledger_account SET balance = balance + 1 WHERE balance > 0")
    )
    said = await asyncio.to_thread(run, "ledger", "verify", status=1)
    assert "balance differs from its postings: id=pot_" in said
    assert who.account_id in said


async def test_a_statement_and_the_open_questions(
    database: Database, who: Customer, run: Run
) -> None:
    said = await asyncio.to_thread(run, "ledger", "statement", "Acme", "--mode", "test")
    assert "wallet fund 10.00 USD → 10.00 USD" in said
    later = ("--from", "2999-01-01", "--to", "2999-01-02")
    assert await asyncio.to_thread(run, "ledger", "statement", "Acme", *later) == ""
    assert await asyncio.to_thread(run, "ledger", "reconcile") == ""
    facts = {"status": "completed", "ended_at": now() - 1, "node": "pbx1", "billsec": 9}
    lost = await database.write(lambda conn: add_call(conn, who, cost=5_000, **facts))
    said = await asyncio.to_thread(run, "ledger", "reconcile")
    assert f"id={lost} node=pbx1 cost=0.005 USD billsec=9" in said
    said = await asyncio.to_thread(run, "ledger", "statement", "Nobody", status=1)
    assert said == "Refused: 0 accounts have the id or name Nobody "


async def test_two_writers_beside_each_other(sqlite_url: str) -> None:
    """A command writes while the platform does; every deed of both is there."""
    platform = await open_database(sqlite_url)
    with pytest.raises(DatabaseInUseError):
        await open_database(sqlite_url)
    beside = await open_database(sqlite_url, beside=True)
    who = await customer(platform, funds="1")

    def spend(conn: Conn, name: str) -> None:
        holds.place(conn, who.account_id, "test", "wallet", 10_000, reference=name, now=now())

    jobs = [
        db.write(spend, f"{at}-{name}")
        for at in range(60) for name, db in (("a", platform), ("b", beside))
    ]  # fmt: skip
    results = await asyncio.gather(*jobs, return_exceptions=True)
    assert results.count(None) == 100
    assert (await ledger.balances(platform, who.account_id, "test"))["wallet"]["held"] == 1_000_000
    found = await verify.verify(beside)
    assert set(found) == {"hold of a call or message that is not there"}
    await beside.close()
    await platform.close()


async def test_an_account_is_suspended_and_activated(
    database: Database, who: Customer, run: Run
) -> None:
    for word, status in (("suspend", "suspended"), ("activate", "active")):
        said = await asyncio.to_thread(run, "account", word, "Acme")
        assert said == f"Acme is {status}. "
        row = await database.one("SELECT status FROM account WHERE id = :id", id=who.account_id)
        assert row == {"status": status}
    assert (await asyncio.to_thread(run, "account", "suspend", "nobody", status=1)) != ""
