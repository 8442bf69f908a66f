"""Accounts, SIP accounts, events, idempotency keys and the ledger's tables."""

import asyncio
import threading

import pytest

from db import accounts, audit, caller_ids, components, holds, idempotency, ledger
from db.connection import Conn
from db.database import Database
from db.session import open_database
from tests.db.rows import START, add_event
from tests.factories import Customer, customer

SCOPE = {"account_id": "acc_1", "mode": "test", "endpoint": "POST /sms/send", "key": "k"}


@pytest.fixture
async def someone(database: Database) -> Customer:
    return await customer(database, country="DE")


async def test_a_key_is_found_by_its_hash(database: Database, someone: Customer) -> None:
    stored = await database.one("SELECT sha256, last4 FROM api_key")
    assert stored is not None
    assert stored["last4"] == someone.key[-4:]
    assert someone.key not in str(await database.all("SELECT * FROM api_key"))
    row = await accounts.key_by_hash(database, stored["sha256"])
    assert row is not None
    assert (row["key_id"], row["account_id"], row["mode"], row["country"], row["status"]) == (
        someone.key_id, someone.account_id, "test", "DE", "active",
    )  # fmt: skip
    assert await accounts.key_by_hash(database, "nothing") is None


async def test_the_use_of_a_key_is_noted(database: Database, someone: Customer) -> None:
    stored = await database.one("SELECT sha256 FROM api_key")
    assert stored is not None
    for now in (None, START):
        if now:
            await database.write(accounts.touch_key, someone.key_id, now, now - 1)
        row = await accounts.key_by_hash(database, stored["sha256"])
        assert row is not None
        assert row["last_used_at"] == now


async def test_a_caller_id_counts_once_verified(database: Database, someone: Customer) -> None:
    who = someone.account_id

    def claim(conn: Conn) -> None:
        conn.run("INSERT INTO caller_id (account_id, number, verified_by)"
                 " VALUES (:who, '+1555', '')", who=who)  # fmt: skip

    await database.write(claim)
    assert not await database.write(caller_ids.may_show, who, "+1555")
    assert await database.write(caller_ids.first, who) is None
    await database.write(caller_ids.verify, who, "+1555", "code", START)
    await database.write(caller_ids.verify, who, "+1555", "admin", START + 1)
    await database.write(caller_ids.verify, who, "+1444", "admin", START + 2)
    assert await database.write(caller_ids.may_show, who, "+1555")
    assert not await database.write(caller_ids.may_show, "acc_platform", "+1555")
    assert await database.write(caller_ids.first, who) == "+1555"
    rows = await database.all("SELECT verified_at, verified_by FROM caller_id ORDER BY number")
    assert rows[1] == {"verified_at": START, "verified_by": "code"}


async def test_accounts(database: Database, someone: Customer) -> None:
    row = await database.write(accounts.account, someone.account_id)
    assert await database.write(accounts.account_named, "Customer") == row
    assert await database.write(accounts.account_named, "nobody") is None
    with pytest.raises(AssertionError):
        await database.write(accounts.account, "acc_nobody")


async def test_the_newest_report_of_a_part_counts(database: Database) -> None:
    await database.write(components.report, "smpp", "sms", "ok", "", START)
    await database.write(components.report, "smpp", "sms", "down", "no bind", START + 1)
    (row,) = await components.every(database)
    assert (row["status"], row["detail"], row["checked_at"]) == ("down", "no bind", START + 1)


async def test_a_fact_is_told_once(database: Database, someone: Customer) -> None:
    def tell(conn: Conn) -> list[bool]:
        return [add_event(conn, someone), add_event(conn, someone),
                add_event(conn, someone, fact="failed")]  # fmt: skip

    assert await database.write(tell) == [True, False, True]


OWNER = {part: value for part, value in SCOPE.items() if part != "key"}
KEY = SCOPE["key"]


def store(conn: Conn, /, status: int = 202, at: int = START) -> None:
    row = {**SCOPE, "request_hmac": "hmac", "status": status, "body_sealed": "reply",
           "created_at": at}  # fmt: skip
    idempotency.keep_all(conn, [row])


async def test_an_idempotency_key_is_kept_and_swept(database: Database) -> None:
    assert await database.write(idempotency.kept, OWNER, [KEY], START) == {}
    await database.write(store)
    found = await database.write(idempotency.kept, OWNER, [KEY, "other"], START)
    assert [(row["key"], row["status"]) for row in found.values()] == [(KEY, 202)]
    for part in OWNER:
        assert await database.write(idempotency.kept, {**OWNER, part: "x"}, [KEY], START) == {}
    assert await database.write(idempotency.kept, OWNER, [KEY], START + 1) == {}  # too old: gone
    await database.write(store, at=START + 5)
    assert await database.write(idempotency.sweep, START + 5) == 0
    assert await database.write(idempotency.sweep, START + 6) == 1
    await database.write(idempotency.keep_all, [])


async def test_what_is_answered_first_is_what_is_kept(database: Database) -> None:
    await database.write(store, status=0)
    assert await database.write(idempotency.finish, SCOPE, 202, "first") is None
    row = await database.write(idempotency.finish, SCOPE, 200, "second")
    assert row is not None
    assert (row["status"], row["body_sealed"]) == (202, "first")
    await database.write(idempotency.forget, SCOPE)
    assert await database.write(idempotency.kept, OWNER, [KEY], START) == {}


async def test_a_key_that_another_transaction_has(postgres_url: str) -> None:
    """It is told at once, so that nobody holds a connection who only waits."""
    database = await open_database(postgres_url)
    taken, told = threading.Event(), threading.Event()

    def first(conn: Conn) -> set[str]:
        busy = idempotency.take(conn, OWNER, [KEY])
        busy |= idempotency.take(conn, OWNER, [KEY])  # what it has itself is not in its way
        taken.set()
        told.wait(10)
        return busy

    one = asyncio.create_task(database.write(first))
    await asyncio.to_thread(taken.wait, 10)
    assert await database.write(idempotency.take, OWNER, [KEY, "other"]) == {KEY}
    told.set()
    assert await one == set()
    assert await database.write(idempotency.take, OWNER, [KEY, "other"]) == set()
    await database.close()


async def test_the_ledger_tells_its_own_drift(database: Database, someone: Customer) -> None:
    """Each promise is broken by hand, and only that one is told."""
    assert not any((await database.write(audit.drift)).values())
    for sql, told in (
        ("UPDATE ledger_account SET balance = balance + 1 WHERE balance > 0", "balance differs"),
        ("UPDATE ledger_account SET held = held + 1 WHERE balance > 0", "held differs"),
        ("INSERT INTO posting (journal_id, ledger_account_id, amount)"
         " SELECT journal_id, (SELECT MIN(id) FROM ledger_account"
         " WHERE kind = 'revenue' AND mode = 'test'), 5 FROM posting LIMIT 1", "sum to zero"),
    ):  # fmt: skip
        before = await _drifting(database)
        await database.write(lambda conn, sql: conn.run(sql), sql)
        (new,) = (await _drifting(database)) - before
        assert told in new


async def test_a_hold_closes_once(database: Database, someone: Customer) -> None:
    pot = await database.write(ledger.pot, someone.account_id, "test", "wallet")
    await database.write(ledger.set_aside, pot["id"], 5)
    await database.write(holds.add, "h", pot["id"], 5, START, mode="test")
    closed = await database.write(holds.close, "h", 7, START)
    assert closed is not None
    assert (closed["state"], closed["amount"], closed["captured"]) == ("captured", 5, 5)
    assert await database.write(holds.close, "h", 0, START) is None
    assert await database.write(holds.lengthen, "h", 1, None) is None


async def _drifting(database: Database) -> set[str]:
    return {name for name, rows in (await database.write(audit.drift)).items() if rows}


async def test_pots_are_opened_once(database: Database, someone: Customer) -> None:
    await database.write(ledger.open_pot, someone.account_id, "test", "wallet", "USD")
    rows = await ledger.balances(database, someone.account_id, "test")
    assert {kind: (row["balance"], row["held"]) for kind, row in rows.items()} == {
        "wallet": (100_000_000, 0),
        "sip": (0, 0),
    }
    with pytest.raises(AssertionError):
        await database.write(ledger.pot, someone.account_id, "test", "gold")
