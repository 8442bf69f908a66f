"""A slow receiver holds up itself and nobody else."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from db.database import Database
from telephony.webhooks import deliver, lanes
from telephony.webhooks.deliver import WebhookWorker
from telephony.webhooks.events import CHANNEL
from tests.webhooks.conftest import (
    Customer,
    StillClock,
    all_delivered,
    attempts,
    deliveries,
    on_sqlite,
)
from tests.webhooks.sinks import Sink, eventually, stop


class Gate:
    """Replies that wait until the gate opens; `most` is how many waited at once."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.waiting = 0
        self.most = 0

    async def __call__(self) -> web.Response:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await self.opened.wait()
        self.waiting -= 1
        return web.Response(text="late")


@asynccontextmanager
async def running(worker: WebhookWorker) -> AsyncIterator[None]:
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        await stop(task)


async def test_a_slow_url_does_not_delay_another_of_the_same_account(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink
) -> None:
    gate = Gate()
    sink.answers["/slow"] = gate
    await customer.tell(*[f"{sink.url}/slow"] * 100)
    await customer.tell(*[f"{sink.url}/quick"] * 10)
    async with running(worker):
        await eventually(lambda: len(sink.at("/quick")) == 10)
        assert 0 < gate.most <= lanes.ROOM_START
        gate.opened.set()
        await all_delivered(database)
    assert {row["state"] for row in await deliveries(database)} == {"delivered"}
    assert len(await attempts(database)) == 110
    assert max(Counter(one.event_id for one in sink.received).values()) == 1


@on_sqlite
async def test_an_account_with_a_slow_url_for_every_message_does_not_delay_another(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink, vault: object,
    still: StillClock, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(deliver, "IN_FLIGHT_MAX", 40)
    monkeypatch.setattr(deliver, "IN_FLIGHT_FULL_PER_ACCOUNT", 10)
    gate = Gate()
    for number in range(60):
        sink.answers[f"/slow/{number}"] = gate
    await customer.tell(*(f"{sink.url}/slow/{number}" for number in range(60)))
    other = await Customer(database, vault, "other", still).open()  # type: ignore[arg-type]
    await other.tell(f"{sink.url}/other")
    async with running(worker):
        await eventually(lambda: bool(sink.at("/other")))
        assert gate.most <= 20
        gate.opened.set()
        await eventually(lambda: len(sink.received) == 61)


@on_sqlite
async def test_never_more_in_flight_than_the_limit_and_all_arrive(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(deliver, "IN_FLIGHT_MAX", 12)
    waiting, most = 0, 0

    async def counted() -> web.Response:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        await asyncio.sleep(0.005)
        waiting -= 1
        return web.Response()

    paths = [f"/{number}" for number in range(90)]
    sink.answers.update(dict.fromkeys(paths, counted))
    await customer.tell(*(sink.url + path for path in paths))
    async with running(worker):
        await all_delivered(database)
    assert 2 < most <= 12
    assert len(await attempts(database)) == 90


@on_sqlite
async def test_a_step_waits_for_room_and_not_for_replies(
    customer: Customer, worker: WebhookWorker, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "IN_FLIGHT_MAX", 2)
    gate = Gate()
    sink.answers["/slow"] = gate
    await customer.tell(*[f"{sink.url}/slow"] * 3)
    assert await asyncio.wait_for(worker.step(), 3) == 2
    next_step = asyncio.create_task(worker.step())
    await eventually(lambda: gate.waiting == 2)
    await asyncio.sleep(0.05)
    assert not next_step.done()
    gate.opened.set()
    assert await asyncio.wait_for(next_step, 3) == 1
    await worker.settled()
    assert len(sink.received) == 3


@on_sqlite
async def test_events_of_one_url_start_in_the_order_of_their_creation(
    customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock
) -> None:
    for number in range(5):
        await customer.tell(f"{sink.url}/hook", number=number)
        still.advance(0.001)
        await worker.step()
        await worker.settled()
    assert [one.json["number"] for one in sink.received] == list(range(5))


async def test_a_long_queue_of_a_slow_receiver_hides_no_other(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """However long it is, a look reads a bounded piece: at the front, at the end, and in turn."""
    monkeypatch.setattr(deliver, "LOOK_MAX", 10)

    def all_hidden_came() -> bool:
        database.wakeups.signal(CHANNEL)  # next piece now: slow requests must not end before
        return len(sink.at("/hidden")) == 30

    gate = Gate()
    sink.answers["/slow"] = gate
    slow = f"{sink.url}/slow"
    await customer.tell(*[slow] * 50)
    await customer.tell(*[f"{sink.url}/hidden"] * 30)
    await customer.tell(*[slow] * 50)
    await customer.tell(f"{sink.url}/new")
    async with running(worker):
        await eventually(lambda: len(sink.at("/new")) == 1)
        await eventually(all_hidden_came)
        assert gate.most <= lanes.ROOM_START
        gate.opened.set()
        await eventually(lambda: len(sink.received) == 131)
    assert max(Counter(one.event_id for one in sink.received).values()) == 1
