"""No more calls at once than an account and a key may have, however many ask at an instant."""

import asyncio
from collections import Counter
from typing import Any

from db import accounts
from db.database import Database
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.api.client import Api, good, problem
from tests.api.world import add_phone, assert_books_balance, pots
from tests.factories import Customer, customer

CALL = {"to": "+15559876543"}
SLICE = 12_000


async def caller(database: Database, vault: Vault, name: str = "alice", **facts: Any) -> Customer:
    owner = await customer(database, sip_funds="50", **facts)
    await add_phone(database, vault, owner, name)
    return owner


async def test_two_hundred_at_an_instant_are_seven_calls(
    api: Api, database: Database, vault: Vault
) -> None:
    who = await caller(database, vault, calls_max=7)
    door = api.using(who)
    answers = await asyncio.gather(*(door.post("/voice/call", CALL) for _ in range(200)))
    assert Counter(one.status_code for one in answers) == {202: 7, 429: 193}
    refused = next(one for one in answers if one.status_code == 429)
    body = problem(refused, 429, "concurrency_limit")
    assert (body["of"], body["limit"]) == ("account", 7)
    assert refused.headers["retry-after"] == "5"
    assert (await pots(database, who))["sip"] == (50_000_000, 7 * SLICE)
    await assert_books_balance(database)
    ended = next(one.json()["call_id"] for one in answers if one.status_code == 202)
    good(await door.post(f"/voice/calls/{ended}/hangup"), 202)
    good(await door.post("/voice/call", CALL), 202)
    problem(await door.post("/voice/call", CALL), 429, "concurrency_limit")


async def test_a_key_has_a_limit_of_its_own(api: Api, database: Database, vault: Vault) -> None:
    who = await caller(database, vault)
    door = api.using(who)
    await database.write(accounts.change_key, who.key_id, calls_max=2)
    for _ in range(2):
        good(await door.post("/voice/call", CALL), 202)
    body = problem(await door.post("/voice/call", CALL), 429, "concurrency_limit")
    assert (body["of"], body["limit"]) == ("key", 2)
    await database.write(accounts.change_key, who.key_id, calls_max=None)
    good(await door.post("/voice/call", CALL), 202)


async def test_others_and_the_other_mode_do_not_count(
    api: Api, database: Database, vault: Vault
) -> None:
    mine = await caller(database, vault, calls_max=1)
    other = await caller(database, vault, "bob", calls_max=1)
    for who in (mine, other):
        good(await api.using(who).post("/voice/call", CALL), 202)
        problem(await api.using(who).post("/voice/call", CALL), 429, "concurrency_limit")
    sql = "UPDATE call SET mode = 'live' WHERE account_id = :id"
    await database.write(lambda conn: conn.run(sql, id=mine.account_id))
    good(await api.using(mine).post("/voice/call", CALL), 202)


async def test_without_a_limit_of_its_own_the_settings_count(
    plain: Api, sqlite: Database, vault: Vault
) -> None:
    who = await caller(sqlite, vault)
    most = Settings().calls_max
    answers = [await plain.using(who).post("/voice/call", CALL) for _ in range(most + 1)]
    assert [one.status_code for one in answers] == [202] * most + [429]


async def test_a_refused_call_takes_no_turn(api: Api, database: Database, vault: Vault) -> None:
    who = await caller(database, vault, calls_max=1, calls_per_second=1)
    door = api.using(who)
    poor = {**CALL, "max_price_per_minute": 0.000001}
    for _ in range(3):
        problem(await door.post("/voice/call", poor), 400, "validation_error")
    good(await door.post("/voice/call", CALL), 202)
    row = await database.one("SELECT due_at, created_at FROM call")
    assert row is not None
    assert row["due_at"] == row["created_at"]
