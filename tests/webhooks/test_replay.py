"""Sending once more: one event, a range, a sample; always with the same id."""

import json

import pytest

from db.connection import Row
from db.database import Database
from telephony.errors import NotFoundError
from telephony.webhooks import endpoints, replay
from telephony.webhooks.deliver import WebhookWorker
from telephony.webhooks.errors import EndpointDisabledError, ReplayLimitError
from telephony.webhooks.housekeeping import sweep
from telephony.webhooks.retries import RETRY_SECONDS
from telephony.webhooks.samples import SAMPLES
from tests.webhooks.conftest import (
    Customer,
    StillClock,
    attempts,
    deliveries,
    on_sqlite,
    sent,
)
from tests.webhooks.sinks import Sink


async def again(
    database: Database, customer: Customer, event_id: str, still: StillClock,
    endpoint_id: str | None = None,
) -> int:  # fmt: skip
    return await database.write(replay.replay_event, customer.place, event_id, endpoint_id, still())


async def in_range(
    database: Database, customer: Customer, name: str, which: str, still: StillClock,
    since: int | None = None,
) -> None:  # fmt: skip
    """A replay of everything so far, worked off."""
    still.advance(1)
    await database.write(replay.replay_range, customer.place, name, which, since, still())
    while await database.write(replay.step, still()):
        pass


async def events(database: Database) -> list[Row]:
    return await database.all("SELECT * FROM event ORDER BY id")


async def test_a_failed_event_begins_its_schedule_anew(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock
) -> None:
    sink.answers["/hook"] = 500
    await customer.add(f"{sink.url}/hook")
    await customer.tell(None)
    for wait in (*RETRY_SECONDS, 0):
        await sent(worker)
        still.advance(wait + 1)
    (delivery,) = await deliveries(database)
    assert (delivery["state"], delivery["attempts"]) == ("failed", 9)
    (event,) = await events(database)
    assert await again(database, customer, event["id"], still) == 1
    await sent(worker)
    (delivery,) = await deliveries(database)
    assert (delivery["state"], delivery["attempts"]) == ("pending", 10)
    sink.answers["/hook"] = 200
    still.advance(RETRY_SECONDS[0] + 1)
    await sent(worker)
    (delivery,) = await deliveries(database)
    assert (delivery["state"], delivery["attempts"]) == ("delivered", 11)
    assert [row["number"] for row in await attempts(database)] == list(range(1, 12))
    assert {one.event_id for one in sink.received} == {event["id"]}
    assert len({one.body for one in sink.received}) == 1


async def test_a_delivered_event_goes_where_it_went(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock
) -> None:
    await customer.tell(f"{sink.url}/callback")
    await sent(worker)
    await customer.add(f"{sink.url}/later")
    (event,) = await events(database)
    assert await again(database, customer, event["id"], still) == 1
    await sent(worker)
    assert [one.path for one in sink.received] == ["/callback"] * 2


async def test_one_endpoint_gets_what_it_had_missed(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock
) -> None:
    await customer.tell(None)
    (event,) = await events(database)
    assert await again(database, customer, event["id"], still) == 0
    name, _ = await customer.add(f"{sink.url}/hook")
    other, _ = await customer.add(f"{sink.url}/other", "wallet_low")
    assert await again(database, customer, event["id"], still) == 1
    assert await again(database, customer, event["id"], still, other) == 1
    await sent(worker)
    assert sorted(one.path for one in sink.received) == ["/hook", "/other"]
    assert len({one.event_id for one in sink.received}) == 1
    await customer.change(name, enabled=False)
    with pytest.raises(EndpointDisabledError):
        await again(database, customer, event["id"], still, name)
    with pytest.raises(NotFoundError):
        await again(database, customer, "evt_nothing", still)


async def test_a_range_is_replayed_by_state_in_batches(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(replay, "BATCH", 2)
    await customer.tell(*[None] * 3, kind="wallet_low")
    name, _ = await customer.add(f"{sink.url}/hook", "delivery_report")
    await customer.tell(*[None] * 5)
    await customer.tell(None, kind="wallet_low")
    await sent(worker)
    assert len(sink.received) == 5
    await in_range(database, customer, name, "failed", still)
    assert await sent(worker) == 0
    await in_range(database, customer, name, "delivered", still)
    assert await sent(worker) == 5
    await customer.change(name, events=[])
    await in_range(database, customer, name, "missing", still)
    assert await sent(worker) == 4
    assert len({one.event_id for one in sink.received}) == 9
    await in_range(database, customer, name, "all", still)
    assert await sent(worker) == 9
    await in_range(database, customer, name, "all", still, since=still.at)
    assert await sent(worker) == 0
    assert await database.all("SELECT * FROM webhook_replay") == []


async def test_a_range_has_nothing_of_others(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock
) -> None:
    """What went to a callback_url, and samples for another endpoint."""
    other, _ = await customer.add(f"{sink.url}/other", "wallet_low")
    await customer.tell(f"{sink.url}/callback", None)
    await database.write(replay.sample, customer.place, other, None, still())
    name, _ = await customer.add(f"{sink.url}/hook")
    await sent(worker)
    for which in ("missing", "all"):
        await in_range(database, customer, name, which, still)
        await sent(worker)
    assert len({one.event_id for one in sink.at("/hook")}) == 1
    assert len(sink.at("/hook")) == 2
    assert [len(sink.at(path)) for path in ("/callback", "/other")] == [1, 1]


@on_sqlite
async def test_replays_of_an_endpoint_are_bounded(
    database: Database, customer: Customer, still: StillClock
) -> None:
    name, _ = await customer.add("https://hooks.example.com/")
    for _ in range(replay.REPLAYS_MAX):
        await database.write(replay.replay_range, customer.place, name, "all", None, still())
    with pytest.raises(ReplayLimitError):
        await database.write(replay.replay_range, customer.place, name, "all", None, still())


async def test_a_sample_of_every_type_arrives(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock
) -> None:
    name, _ = await customer.add(f"{sink.url}/hook")
    for kind in SAMPLES:
        await database.write(replay.sample, customer.place, name, kind, still())
    await sent(worker)
    assert sorted(one.json["event"] for one in sink.received) == sorted(SAMPLES)
    assert all(one.json["sample"] is True for one in sink.received)


async def test_old_events_are_swept_with_their_deliveries(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock
) -> None:
    await customer.add(f"{sink.url}/hook")
    await customer.tell(None, None)
    await sent(worker)
    day = 86_400 * 1_000_000
    assert await database.write(sweep, 0, still.at + 400 * day) == 0
    assert await database.write(sweep, 30, still.at + 29 * day) == 0
    assert len(await events(database)) == 2
    assert await database.write(sweep, 30, still.at + 31 * day) == 2
    assert await events(database) == await deliveries(database) == await attempts(database) == []


async def test_deleted_endpoints_and_old_notices_are_swept_with_their_log(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock
) -> None:
    sink.answers["/hook"] = 410
    kept, _ = await customer.add(f"{sink.url}/other")
    name, _ = await customer.add(f"{sink.url}/hook")
    await customer.tell(None)
    await sent(worker)
    await customer.rotate(name)
    await database.write(endpoints.delete, customer.place, name, still())
    while await database.write(replay.step, still()):
        pass
    day = 86_400 * 1_000_000

    async def left() -> list[int]:
        tables = ("webhook_endpoint", "account_notice", "webhook_old_secret", "delivery")
        return [len(await database.all(f"SELECT * FROM {table}")) for table in tables]

    assert await database.write(sweep, 30, still.at + 2 * day) == 0
    assert await left() == [2, 1, 0, 2]
    later = still.at + 31 * day
    assert await database.write(sweep, 30, later) == 1
    assert await left() == [2, 1, 0, 0]
    assert await database.write(sweep, 30, later) == 0
    assert await left() == [1, 0, 0, 0]
    assert [row["id"] for row in await database.all("SELECT * FROM webhook_endpoint")] == [kept]


def test_samples_have_the_fields_of_the_contract() -> None:
    assert json.dumps(SAMPLES)
    assert SAMPLES["sip_registration"].keys() == {
        "sip_account", "registered", "user_agent", "address",
    }  # fmt: skip
