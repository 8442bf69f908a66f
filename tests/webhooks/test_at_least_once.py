"""Workers that are killed, that lose their lease, and that work side by side."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from cryptography.fernet import Fernet

from db.database import Database
from db.session import open_database
from telephony.secrets import Vault
from telephony.webhooks.deliver import LEASE_SECONDS, WebhookWorker
from tests.webhooks.conftest import (
    LOOPBACK,
    Customer,
    StillClock,
    Worker,
    all_delivered,
    attempts,
    deliveries,
)
from tests.webhooks.sinks import Sink, eventually, stop


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = await open_database(url)
    try:
        yield database
    finally:
        await database.close()


async def never() -> web.Response:
    await asyncio.sleep(60)
    return web.Response()


async def test_a_process_killed_between_send_and_record_sends_again(
    database_url: str, sink: Sink, still: StillClock
) -> None:
    key = Fernet.generate_key().decode()
    vault = Vault(key)
    async with opened(database_url) as database:
        customer = await Customer(database, vault, "killed", still).open()
        await customer.tell(f"{sink.url}/hook", message_id="msg_1")
    sink.answers["/hook"] = never
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.webhooks.one_worker", database_url, key
    )
    try:
        await eventually(lambda: len(sink.received) == 1)
    finally:
        process.kill()
        await process.wait()
    sink.answers["/hook"] = 200
    async with opened(database_url) as database:
        assert [row["state"] for row in await deliveries(database)] == ["pending"]
        assert await attempts(database) == []
        worker = WebhookWorker(database, vault, LOOPBACK, clock=still)
        still.advance(1)
        assert await worker.step() == 0, "the lease of the killed worker still runs"
        still.advance(LEASE_SECONDS + 10)
        assert await worker.step() == 1
        await worker.settled()
        await worker.close()
        first, second = sink.received
        assert first.event_id == second.event_id
        assert first.body == second.body
        assert [row["state"] for row in await deliveries(database)] == ["delivered"]


async def test_a_worker_that_lost_its_lease_changes_nothing(
    database: Database, customer: Customer, new_worker: Worker, sink: Sink, still: StillClock
) -> None:
    late = asyncio.Event()

    async def fails_late() -> web.Response:
        sink.answers["/hook"] = 200
        await late.wait()
        return web.Response(status=410)

    sink.answers["/hook"] = fails_late
    await customer.tell(f"{sink.url}/hook")
    slow, second = new_worker(), new_worker()
    await slow.step()
    await eventually(lambda: len(sink.received) == 1)
    still.advance(LEASE_SECONDS)
    assert await second.step() == 1
    await second.settled()
    late.set()
    await slow.settled()
    (delivery,) = await deliveries(database)
    assert (delivery["state"], delivery["attempts"]) == ("delivered", 1)
    assert [row["status_code"] for row in await attempts(database)] == [200]


async def test_workers_side_by_side_never_send_one_lease_twice(
    postgres_url: str, sink: Sink, vault: Vault, still: StillClock
) -> None:
    async with opened(postgres_url) as one, opened(postgres_url) as two:
        customer = await Customer(one, vault, "busy", still).open()
        await customer.tell(*(f"{sink.url}/{number % 40}" for number in range(400)))
        workers = [WebhookWorker(database, vault, LOOPBACK) for database in (one, two, one)]
        tasks = [asyncio.create_task(worker.run()) for worker in workers]
        await all_delivered(one)
        await asyncio.gather(*(stop(task) for task in tasks))
        counts = Counter(one.event_id for one in sink.received)
        assert len(counts) == 400
        assert set(counts.values()) == {1}
        assert {row["state"] for row in await deliveries(one)} == {"delivered"}
        assert {row["number"] for row in await attempts(one)} == {1}


async def test_steps_at_one_instant_share_the_work(
    database: Database, customer: Customer, new_worker: Worker, sink: Sink
) -> None:
    await customer.tell(*(f"{sink.url}/{number}" for number in range(30)))
    workers = [new_worker() for _ in range(4)]
    await asyncio.gather(*(worker.step() for worker in workers))
    for worker in workers:
        await worker.settled()
    assert max(Counter(one.event_id for one in sink.received).values()) == 1
    assert len(sink.received) == 30


async def test_a_worker_closed_in_the_middle_leaves_the_delivery_to_the_next(
    database: Database, customer: Customer, new_worker: Worker, sink: Sink, still: StillClock
) -> None:
    sink.answers["/hook"] = never
    await customer.tell(f"{sink.url}/hook")
    first = new_worker()
    await first.step()
    await eventually(lambda: bool(sink.received))
    await asyncio.wait_for(first.close(), 2)
    assert await attempts(database) == []
    sink.answers["/hook"] = 200
    still.advance(LEASE_SECONDS)
    second = new_worker()
    assert await second.step() == 1
    await second.settled()
    assert [row["state"] for row in await deliveries(database)] == ["delivered"]


async def test_what_is_cut_off_is_free_though_the_stop_is_hurried(
    database: Database, customer: Customer, new_worker: Worker, sink: Sink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Whoever fails beside it while it stops cancels it once more."""
    monkeypatch.setattr("telephony.webhooks.deliver.CLOSE_SECONDS_MAX", 0.3)

    async def never() -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    sink.answers["/hook"] = never
    await customer.tell(f"{sink.url}/hook")
    running = asyncio.create_task(new_worker().run())
    await eventually(lambda: len(sink.received) == 1)
    for _ in range(2):
        running.cancel()
        await asyncio.sleep(0.05)
    await asyncio.gather(running, return_exceptions=True)
    (row,) = await deliveries(database)
    assert (row["state"], row["lease_token"], row["attempts"]) == ("pending", None, 0)
