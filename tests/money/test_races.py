"""Two hundred requests at once on funds for thirty-seven, watched while they run."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from db import accounts
from db.connection import Row
from db.database import Database
from telephony.billing import verify
from telephony.money import MICROS
from telephony.secrets import Vault
from tests.api.client import Api
from tests.api.world import add_phone, pots
from tests.factories import Customer, customer
from tests.money.connections import Bare

PRICE = 7_000
MINUTE = 12_000
TO = "+15551234567"
RACERS = 200
POTS = "SELECT balance, held FROM ledger_account WHERE kind IN ('wallet', 'sip')"


@asynccontextmanager
async def watched(url: str) -> AsyncIterator[None]:
    """Another connection looks at the pots all the while; nothing may be below zero."""
    over = threading.Event()
    sampling = asyncio.create_task(asyncio.to_thread(_sample, url, over))
    yield
    over.set()
    samples = await sampling
    assert len(samples) > RACERS
    assert all(0 <= row["held"] <= row["balance"] for row in samples)


def _sample(url: str, over: threading.Event) -> list[Row]:
    bare, samples = Bare(url), []
    while not over.is_set():
        samples += bare.read(lambda conn: conn.all(POTS))
    bare.close()
    return samples


async def race(jobs: list[Any]) -> Counter[int]:
    """How often each status was answered."""
    return Counter(response.status_code for response in await asyncio.gather(*jobs))


async def test_two_hundred_messages_on_funds_for_thirty_seven(
    api: Api, database: Database, database_url: str
) -> None:
    who = await customer(database, funds="0.259")
    door = api.using(who)
    async with watched(database_url):
        answers = await race(
            [door.post("/sms/send", {"to": TO, "text": f"{at}"}) for at in range(RACERS)]
        )
    assert answers == {202: 37, 402: 163}
    assert (await pots(database, who))["wallet"] == (37 * PRICE, 37 * PRICE)
    assert await verify.verify(database) == {}


async def test_the_same_with_a_key_for_each(
    api: Api, database: Database, database_url: str
) -> None:
    """Every request twice under its idempotency key: the second is the first's answer."""
    who = await customer(database, funds="0.259")
    door = api.using(who)
    jobs = [
        door.post("/sms/send", {"to": TO, "text": f"{at}"}, idempotency_key=f"k{at}")
        for at in range(RACERS // 2) for _ in "ab"
    ]  # fmt: skip
    async with watched(database_url):
        answers = await race(jobs)
    assert answers == {202: 74, 402: 126}
    assert (await pots(database, who))["wallet"] == (37 * PRICE, 37 * PRICE)
    assert await verify.verify(database) == {}


async def test_messages_and_top_ups_race_for_one_wallet(
    api: Api, database: Database, database_url: str
) -> None:
    who = await customer(database, funds="0.259")
    door = api.using(who)
    jobs = []
    for at in range(RACERS // 2):
        jobs.append(door.post("/sms/send", {"to": TO, "text": f"{at}"}))
        jobs.append(door.post("/voip/topup", {"amount": 0.007}))
    async with watched(database_url):
        answers = await race(jobs)
    assert answers[202] + answers[200] == 37
    assert answers[402] == RACERS - 37
    balance, held = (await pots(database, who))["wallet"]
    assert (balance, held) == (answers[202] * PRICE,) * 2
    assert (await pots(database, who))["sip"] == (answers[200] * PRICE, 0)
    assert await verify.verify(database) == {}


async def test_two_hundred_calls_share_one_balance(
    api: Api, database: Database, database_url: str, vault: Vault
) -> None:
    who = await customer(database, funds="0", sip_funds="0.444")
    await add_phone(database, vault, who)
    door = api.using(who)
    body = {"to": TO, "time_limit_seconds": 60}
    async with watched(database_url):
        answers = await race([door.post("/voice/call", body) for _ in range(RACERS)])
    assert answers == {202: 37, 402: 163}
    assert (await pots(database, who))["sip"] == (37 * MINUTE, 37 * MINUTE)
    assert await verify.verify(database) == {}


@pytest.mark.parametrize("of", ["account", "key"])
async def test_two_hundred_messages_below_a_cap_for_thirty_seven(
    api: Api, database: Database, database_url: str, of: str
) -> None:
    who: Customer = await customer(database, funds="100")
    cap = 37 * PRICE + PRICE - 1
    if of == "account":
        await database.write(lambda conn: accounts.change(conn, who.account_id, spend_day_max=cap))
    else:
        await database.write(accounts.change_key, who.key_id, spend_day_max=cap)
    door = api.using(who)
    async with watched(database_url):
        answers = await race(
            [door.post("/sms/send", {"to": TO, "text": f"{at}"}) for at in range(RACERS)]
        )
    assert answers == {202: 37, 402: 163}
    refused = await door.post("/sms/send", {"to": TO, "text": "one more"})
    assert refused.json()["code"] == "spend_cap_reached"
    assert (await pots(database, who))["wallet"] == (100 * MICROS, 37 * PRICE)
