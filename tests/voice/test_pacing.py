"""Calls are placed no faster than is allowed, and nobody waits for what another has queued."""

import asyncio
from typing import Any

import pytest

from db import accounts, call_queue
from db.connection import Conn
from db.database import Database
from telephony.clock import SECOND, Instant
from telephony.voice.authorize import decide
from tests.db.rows import add_call
from tests.factories import Customer, customer
from tests.voice.calling import LIVE, add_phone, call, placed

START = 1_768_176_000 * SECOND


async def caller(database: Database, name: str, **facts: Any) -> Customer:
    owner = await customer(database, sip_funds="50", **facts)
    await add_phone(database, owner, name)
    return owner


async def due(database: Database, who: Customer, at: Instant = START, **wish: Any) -> float:
    """Place a call at an instant; how many seconds after START it has its turn."""
    call_id = (await placed(database, who, at=at, **wish)).call_id
    return float((await call(database, call_id))["due_at"] - START) / SECOND


async def test_an_accounts_calls_have_their_turns_one_after_the_other(database: Database) -> None:
    who = await caller(database, "alice", calls_per_second=4)
    assert [await due(database, who) for _ in range(4)] == [0, 0.25, 0.5, 0.75]
    assert await due(database, who, START + SECOND // 2) == 1
    await database.write(call_queue.claim, "pbx1", START + SECOND, 9)
    assert await due(database, who, START + 9 * SECOND) == 9
    usual = await caller(database, "bob")
    turns = [await due(database, usual, START + 9 * SECOND) for _ in range(3)]
    assert turns[1] - turns[0] == pytest.approx(1 / LIVE.calls_per_second)


async def test_a_key_has_a_pace_of_its_own(database: Database) -> None:
    who = await caller(database, "alice", calls_per_second=10)
    await database.write(accounts.change_key, who.key_id, calls_per_second=2)
    assert [await due(database, who) for _ in range(3)] == [0, 0.5, 1]
    await database.write(accounts.change_key, who.key_id, calls_per_second=None)
    assert await due(database, who) == pytest.approx(0.3)


async def test_racing_calls_get_different_turns(database: Database) -> None:
    who = await caller(database, "alice", calls_per_second=10)
    turns = sorted(await asyncio.gather(*(due(database, who) for _ in range(20))))
    assert turns == [at / 10 for at in range(20)]


async def test_a_thousand_queued_calls_delay_nobody_else(database: Database) -> None:
    """The node has been away for 10 s, and all of the other's calls are overdue."""
    many = await caller(database, "alice", calls_per_second=100, calls_max=2000)

    def queue(conn: Conn) -> None:
        for at in range(1000):
            add_call(conn, many, created_at=START, due_at=START + at * SECOND // 100)

    await database.write(queue)
    one = await caller(database, "bob")
    first = (await placed(database, one, at=START + 10 * SECOND)).call_id
    later = START + 10 * SECOND
    taken = await database.write(call_queue.claim, "pbx1", later, 2)
    assert first in [row["id"] for row in taken]


async def test_only_calls_whose_turn_has_come_are_claimed(database: Database) -> None:
    who = await caller(database, "alice", calls_per_second=4)
    ids = [(await placed(database, who, at=START)).call_id for _ in range(3)]
    until = START + SECOND // 4
    taken = await database.write(call_queue.claim, "pbx1", until, 9)
    assert [row["id"] for row in taken] == ids[:2]
    assert await call_queue.head(database) == START + SECOND // 2


async def test_a_phone_is_refused_a_call_too_many(database: Database) -> None:
    who = await caller(database, "alice", calls_max=1)
    verdicts = [
        await database.write(
            decide, LIVE, endpoint="alice", dialled="+15559876543", uniqueid=f"9.{at}"
        )
        for at in range(2)
    ]
    assert [one.granted for one in verdicts] == [True, False]
    rows = await database.all("SELECT status, hangup_cause FROM call ORDER BY id")
    assert rows == [
        {"status": "dialing", "hangup_cause": None},
        {"status": "failed", "hangup_cause": "concurrency_limit"},
    ]
    assert verdicts[1].variables == {"SV_CAUSE": "42"}
    assert await database.write(call_queue.open_calls, who.account_id, "test", None) == (1, 0)
