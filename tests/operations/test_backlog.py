"""A full queue refuses with 503, keeps nothing of what it refused, and later takes more."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet

import telephony.queue
from api.app import create_app
from api.background import Background
from db import message_queue
from db.database import Database
from telephony import backlog
from telephony.backlog import Backlog
from telephony.errors import QueueFullError
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.api.client import Api, good, problem
from tests.api.world import Counting, client_of, count, pots
from tests.factories import Customer, customer
from tests.patience import PATIENCE_SECONDS
from tests.sms.sending import queue
from tests.voice.calling import add_phone

TO = {"to": "+15551239999", "text": "Hi!"}
CALL = {"to": "+15559876543"}
SETTINGS = Settings(
    public_url="http://127.0.0.1:8000", messages_queued_max=4, messages_queued_account_max=3,
    calls_queued_max=2, calls_queued_account_max=2,
)  # fmt: skip


@asynccontextmanager
async def door(database: Any) -> AsyncIterator[tuple[Api, Backlog]]:
    """One API process; nothing is sent from it, and it counts when it is told to."""
    beside = Background(database, SETTINGS)
    vault = Vault(Fernet.generate_key().decode())
    async with client_of(create_app(SETTINGS, database, vault, background=beside)) as client:
        yield Api(client), beside.backlog


async def empty_queue(database: Database) -> None:
    await database.write(lambda conn: conn.run("UPDATE message SET status = 'sent'"))


def full(response: httpx.Response, of: str) -> None:
    assert problem(response, 503, "queue_full")["of"] == of
    assert int(response.headers["retry-after"]) > 0


async def test_an_account_that_fills_its_share_is_refused_and_pays_nothing(
    database: Database,
) -> None:
    who = await customer(database)
    async with door(database) as (api, counted):
        await counted.look()
        mine = api.using(who)
        for _ in range(3):
            good(await mine.post("/sms/send", TO), 202)
        before = await pots(database, who)
        full(await mine.post("/sms/send", TO, idempotency_key="again"), "account")
        full(await mine.post("/sms/batch", {"messages": [TO]}), "account")
        assert await pots(database, who) == before
        assert await count(database, "message") == 3
        assert await count(database, "idempotency_key") == 0
        await counted.look()
        full(await mine.post("/sms/send", TO), "account")
        await empty_queue(database)
        await counted.look()
        again = await mine.post("/sms/send", TO, idempotency_key="again")
        assert "idempotent-replayed" not in again.headers
        message_id = good(again, 202)["message_id"]
        replayed = await mine.post("/sms/send", TO, idempotency_key="again")
        assert good(replayed, 202)["message_id"] == message_id


async def test_what_was_answered_is_replayed_even_where_the_queue_is_full(
    database: Database,
) -> None:
    who = await customer(database)
    async with door(database) as (api, counted):
        await counted.look()
        mine = api.using(who)
        first = await mine.post("/sms/send", TO, idempotency_key="one")
        good(await mine.post("/sms/batch", {"messages": [TO, TO]}), 202)
        full(await mine.post("/sms/send", TO), "account")
        replayed = await mine.post("/sms/send", TO, idempotency_key="one")
        assert good(replayed, 202) == first.json()


async def test_what_another_process_took_counts(database: Database) -> None:
    """And the platform as a whole has a limit, too, whoever fills it."""
    one, other = await customer(database), await customer(database)
    async with door(database) as (first, _), door(database) as (second, counted):
        for _ in range(3):
            good(await first.using(one).post("/sms/send", TO), 202)
        await counted.look()
        full(await second.using(one).post("/sms/send", TO), "account")
        full(await second.using(other).post("/sms/batch", {"messages": [TO, TO]}), "platform")
        good(await second.using(other).post("/sms/send", TO), 202)
        full(await second.using(other).post("/sms/send", TO), "platform")


async def test_calls_wait_within_limits_too(database: Database) -> None:
    who = await customer(database, sip_funds="50")
    await add_phone(database, who)
    async with door(database) as (api, counted):
        await counted.look()
        mine = api.using(who)
        for _ in range(2):
            good(await mine.post("/voice/call", CALL), 202)
        before = await pots(database, who)
        full(await mine.post("/voice/call", CALL), "account")
        assert await pots(database, who) == before
        await counted.look()
        full(await mine.post("/voice/call", CALL), "account")
        await database.write(lambda conn: conn.run("UPDATE call SET status = 'failed'"))
        await counted.look()
        good(await mine.post("/voice/call", CALL), 202)


async def test_no_request_counts_anything(database: Database) -> None:
    who = await customer(database)
    counting = Counting(database)
    async with door(counting) as (api, _):
        await api.using(who).post("/sms/send", TO)
        counting.calls = 0
        good(await api.using(who).post("/sms/send", TO), 202)
        assert counting.calls <= 2, "who it is, if that is not known, and the transaction"


async def test_a_longer_queue_than_may_be_is_counted_no_further(database: Database) -> None:
    who, other = await customer(database, mode="live"), await customer(database, mode="live")
    for one in (who, who, who, other):
        await queue(database, one)
    assert await message_queue.waiting(database, 9) == {who.account_id: 3, other.account_id: 1}
    assert sum((await message_queue.waiting(database, 2)).values()) == 2


async def test_it_counts_by_itself_and_goes_on_after_a_failure(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(telephony.queue, "FAILURE_PAUSE_SECONDS", 0.01)
    who = await customer(database, mode="live")
    for _ in range(3):
        await queue(database, who)
    counted = Backlog(database, SETTINGS)
    monkeypatch.setattr(counted, "look", fails_once(counted.look))
    running = asyncio.create_task(counted.run())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while takes(counted, who):
            await asyncio.sleep(0.01)
    running.cancel()


def fails_once(look: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    times = 0

    async def failing() -> None:
        nonlocal times
        times += 1
        if times == 1:
            raise OSError
        await look()

    return failing


def takes(counted: Backlog, who: Customer) -> bool:
    try:
        counted.take("messages", who.account_id)
    except QueueFullError:
        return False
    return True
