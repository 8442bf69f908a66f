"""Whatever is broken behind the platform's back is named."""

import asyncio

import pytest

from db import audit, chain, ledger
from db.connection import Conn
from db.database import Database
from telephony.billing import adjustments, holds, verify, wallets
from telephony.billing.verify import CHAIN, Verifier, open_questions
from telephony.clock import now
from tests.db.rows import START, add_call, add_cdr, add_message
from tests.factories import Customer, customer

ALL = 10**18
JOURNALS = "SELECT id FROM journal WHERE seq"


async def sold(database: Database, messages: int = 5) -> Customer:
    """A customer with messages and a call, each settled."""
    who = await customer(database, funds="10", sip_funds="5")

    def deed(conn: Conn) -> None:
        for at in range(messages):
            name = add_message(conn, who, status="sent", cost=6_000)
            holds.place(conn, who.account_id, "test", "wallet", 9_000, reference=name, now=START)
            holds.capture(conn, name, "test", 6_000, START + at)
        call = add_call(conn, who, status="completed", cost=12_000, ended_at=START, node="pbx1")
        holds.place(conn, who.account_id, "test", "sip", 12_000, reference=call, now=START)
        holds.capture(conn, call, "test", 12_000, START)
        add_cdr(conn, call_id=call)
        adjustments.refund(conn, f"charge:{call}", 2_000, reason="r", reference=f"r:{call}",
                           actor="a", now=START)  # fmt: skip

    await database.write(deed)
    return who


async def run(database: Database, *statements: str) -> None:
    """Change what must not be changed: without the triggers, as who has the file could."""

    def deed(conn: Conn) -> None:
        if conn.skip_locked:
            conn.run("SET LOCAL session_replication_role = replica")
        else:
            for row in conn.all("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
                conn.run(f"DROP TRIGGER {row['name']}")
        for sql in statements:
            conn.run(sql)

    await database.write(deed)


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("UPDATE posting SET amount = amount + 1 WHERE amount = 6000", "sum to zero"),
        ("DELETE FROM posting WHERE amount = 6000", "sum to zero"),
        ("UPDATE journal SET mode = 'live' WHERE kind = 'refund'", "another mode"),
        ("UPDATE ledger_account SET balance = balance + 1 WHERE kind = 'sip'", "balance differs"),
        ("UPDATE ledger_account SET held = held + 1 WHERE balance > 0", "held differs"),
        ("UPDATE hold SET captured = captured - 1 WHERE captured = 6000", "from its hold"),
        ("DELETE FROM hold WHERE captured = 12000", "from its hold"),
        ("UPDATE message SET cost = 5999", "cost of its message"),
        ('UPDATE "call" SET cost = 0', "cost of its call"),
        (
            "UPDATE journal SET reference = 'x' || reference WHERE kind = 'charge'",
            "without its charge",
        ),
        ("UPDATE message SET status = 'queued'", "message not settled"),
        ("UPDATE message SET cost = cost + 1", "message not settled"),
        ("UPDATE hold SET state = 'open' WHERE captured = 12000", "call not settled"),
        ("UPDATE hold SET state = 'open', reference = 'x' WHERE captured = 12000", "not there"),
    ],
)
async def test_every_break_is_named(database: Database, sql: str, named: str) -> None:
    await sold(database)
    assert await verify.verify(database) == {}
    await run(database, sql)
    found = await verify.verify(database)
    assert [name for name in found if named in name], found
    assert all(rows for rows in found.values())


async def test_refunds_beyond_the_charge_are_named(database: Database) -> None:
    await sold(database)
    await run(database, "UPDATE posting SET amount = amount * 7 WHERE journal_id IN"
              " (SELECT id FROM journal WHERE kind = 'refund')")  # fmt: skip
    assert "refunds exceed their charge" in await verify.verify(database)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE journal SET reason = 'forged' WHERE seq = 3",
        "UPDATE journal SET actor = 'forged' WHERE seq = 3",
        f"UPDATE posting SET amount = amount * 2 WHERE journal_id IN ({JOURNALS} = 3)",
        f"DELETE FROM posting WHERE journal_id IN ({JOURNALS} = 3);"
        "DELETE FROM journal WHERE seq = 3",
        f"DELETE FROM posting WHERE journal_id IN ({JOURNALS} > 5);"
        "DELETE FROM journal WHERE seq > 5",
        "UPDATE journal_head SET seq = seq - 1 WHERE mode = 'test'",
        "UPDATE journal SET seq = NULL WHERE seq = 8",
    ],
)
async def test_the_chain_shows_what_was_forged(database: Database, sql: str) -> None:
    await database.write(wallets.chain_journals, True)
    await sold(database)
    heads = await chain.heads(database)
    assert (heads["test"][0], heads["live"]) == (9, (0, ""))
    assert await verify.verify(database) == {}
    await run(database, *sql.split(";"))
    found = await verify.verify(database)
    assert len(found[CHAIN]) == 1, found


async def test_a_chain_that_was_switched_on_late_and_off_again(database: Database) -> None:
    await sold(database)
    await database.write(wallets.chain_journals, True)
    await sold(database, 1)
    await database.write(wallets.chain_journals, False)
    await sold(database, 1)
    rows = await database.all("SELECT seq FROM journal WHERE seq IS NOT NULL ORDER BY seq")
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert await verify.verify(database) == {}


async def test_racing_deeds_make_one_chain(database: Database) -> None:
    await database.write(wallets.chain_journals, True)
    who = await customer(database, funds="1")
    jobs = [
        database.write(
            wallets.top_up_sip, who.account_id, "test", 5, reference=f"t{at}", actor="a", now=START
        )
        for at in range(60)
    ]
    await asyncio.gather(*jobs)
    assert await verify.verify(database) == {}
    assert (await chain.heads(database))["test"][0] == 61


async def test_batches_of_many_accounts_make_one_chain(database: Database) -> None:
    """Each takes the same pots in another order: they wait for the chain before, not after."""
    await database.write(wallets.chain_journals, True)
    buyers = [await customer(database, funds="1") for _ in range(5)]

    def sell(conn: Conn, at: int) -> None:
        for step in range(5):
            name = add_message(conn, who := buyers[(at * 3 + step * (1 + at % 4)) % 5],
                               status="sent", cost=5)  # fmt: skip
            holds.place(conn, who.account_id, "test", "wallet", 5, reference=name, now=START)

    def charge(conn: Conn, at: int) -> None:
        names = [row["id"] for row in conn.all("SELECT id FROM message ORDER BY id")]
        for name in names[at * 5 : at * 5 + 5]:
            holds.capture(conn, name, "test", 5, START)

    for at in range(40):
        await database.write(sell, at)
    await asyncio.gather(*(database.write(charge, at) for at in range(40)))
    assert await verify.verify(database) == {}
    assert (await chain.heads(database))["test"][0] == 205


async def test_the_background_looks_at_what_changed(database: Database) -> None:
    await database.write(wallets.chain_journals, True)
    await sold(database)
    verifier = Verifier(database)
    assert verifier.look() == (True, "the first verification is running")
    await verifier.step()
    assert verifier.look() == (True, "every promise of the ledger holds")
    who = await sold(database, 1)
    await verifier.step()
    assert verifier.look()[0]
    pot = f"kind = 'wallet' AND mode = 'test' AND account_id = '{who.account_id}'"
    await run(database, f"UPDATE ledger_account SET balance = balance + 1 WHERE {pot}")
    await verifier.step()
    up, sentence = verifier.look()
    assert not up
    assert sentence == "balance differs from its postings: 1; run `sms-voip ledger verify`"
    await run(database, f"UPDATE ledger_account SET balance = balance - 1 WHERE {pot}")
    await verifier.step()
    assert verifier.look()[0]


async def test_the_background_leaves_old_journals_to_the_daily_look(database: Database) -> None:
    """A forged old posting is not among what changed; the whole look finds it."""
    await sold(database)
    verifier = Verifier(database)
    await verifier.step()
    verifier._since = "txn_z"
    await run(database, "UPDATE posting SET amount = amount + 1 WHERE amount = 6000")
    await verifier.step()
    assert verifier.look()[0]
    verifier._whole_at = 0
    await verifier.step()
    assert not verifier.look()[0]


async def test_questions_for_a_person(database: Database) -> None:
    who = await sold(database)
    assert await open_questions(database, 0, ALL) == {}

    def odd(conn: Conn) -> None:
        add_cdr(conn, uniqueid="9.9")
        call = add_call(conn, who, status="completed", ended_at=START)
        place = (conn, who.account_id, "test", "sip", 5)
        holds.place(*place, reference=call, now=START)
        holds.place(*place, reference="dear", now=START)
        holds.capture(conn, "dear", "test", 7, START)
        holds.place(*place, reference="slow", now=START, expires_at=START)
        holds.expire_due(conn, START + 1, 10)
        holds.capture(conn, "slow", "test", 3, START + 2)

    await database.write(odd)
    found = await open_questions(database, 0, ALL)
    assert {name: len(rows) for name, rows in found.items()} == {
        "record of no call": 1,
        "completed call without a record": 1,
        "hold open longer than its call or message": 1,
        "surplus that the platform bears": 2,
        "charge after its hold had expired": 1,
    }
    assert await open_questions(database, START + 10, ALL) == {}


async def test_a_statement_ends_at_the_balance(database: Database) -> None:
    who = await sold(database)
    lines = await audit.statement(database, who.account_id, "test", 0, now() + 1)
    kinds = [line["kind"] for line in lines]
    assert (kinds.count("charge"), kinds.count("refund"), kinds.count("sip_topup")) == (6, 1, 2)
    pots = await ledger.balances(database, who.account_id, "test")
    for kind in ("wallet", "sip"):
        own = [line for line in lines if line["pot"] == kind]
        assert sum(line["amount"] for line in own) == pots[kind]["balance"]
        assert own[-1]["balance"] == pots[kind]["balance"]
    later = await audit.statement(database, who.account_id, "test", START + 1, now() + 1)
    assert later == [line for line in lines if line["at"] >= START + 1]
