"""Which endpoints an event goes to, what signs it, and what ends an endpoint."""

import asyncio
import time
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from db import notices
from db.connection import Conn
from db.database import Database
from telephony import clock
from telephony.clock import SECOND
from telephony.webhooks import endpoints, replay
from telephony.webhooks.deliver import WebhookWorker
from telephony.webhooks.endpoints import DEFAULT, OVERLAP_SECONDS
from telephony.webhooks.events import emit
from telephony.webhooks.record import FAILING_MAX
from telephony.webhooks.signing import verify
from tests.webhooks.conftest import (
    Customer,
    StillClock,
    Worker,
    deliveries,
    endpoint,
    on_sqlite,
    sent,
)
from tests.webhooks.sinks import Received, Sink, eventually, stop

EVERY = (
    "delivery_report", "message_received", "call_ringing", "call_answered", "call_completed",
    "call_recording", "sip_registration", "wallet_low",
)  # fmt: skip


def genuine(one: Received, secret: str, at: int) -> bool:
    """Both schemes agree whether the secret signed what came."""
    ours = verify(secret, one.headers["X-Signature"], one.body, at / SECOND)
    try:
        Webhook(secret).verify(one.body, one.headers)
    except WebhookVerificationError:
        assert not ours
        return False
    assert ours
    return True


async def test_an_event_goes_to_every_endpoint_that_is_subscribed(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock
) -> None:
    _, all_secret = await customer.add(f"{sink.url}/all")
    _, some_secret = await customer.add(f"{sink.url}/some", "wallet_low", "sip_registration")
    for kind in EVERY:
        await customer.tell(None, kind=kind)
    await customer.tell(None, kind="wallet_low", mode="live")
    await sent(worker)
    assert [one.json["event"] for one in sink.at("/all")] == list(EVERY)
    assert sorted(one.json["event"] for one in sink.at("/some")) == [
        "sip_registration", "wallet_low",
    ]  # fmt: skip
    assert all(genuine(one, all_secret, still.at) for one in sink.at("/all"))
    assert all(genuine(one, some_secret, still.at) for one in sink.at("/some"))
    assert not genuine(sink.at("/all")[0], some_secret, still.at)
    assert not genuine(sink.at("/all")[0], customer.secret, still.at)
    assert {row["state"] for row in await deliveries(database)} == {"delivered"}


async def test_a_callback_url_gets_its_event_alone(
    customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock
) -> None:
    await customer.add(f"{sink.url}/all")
    await customer.tell(f"{sink.url}/callback")
    await sent(worker)
    (got,) = sink.received
    assert got.path == "/callback"
    assert genuine(got, customer.secret, still.at)


async def test_a_batch_looks_the_endpoints_up_once(
    database: Database, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def deed(conn: Conn) -> None:
        real = conn.all

        def counted(sql: str, **params: Any) -> list[dict[str, Any]]:
            asked.append(sql)
            return real(sql, **params)

        monkeypatch.setattr(conn, "all", counted)
        for number in range(20):
            emit(conn, account_id=customer.id, mode="test", kind="wallet_low",
                 subject=f"batch_{number}", fact="", callback_url=None, payload={},
                 now=1)  # fmt: skip

    await customer.add("https://hooks.example.com/")
    await database.write(deed)
    assert len([sql for sql in asked if "webhook_endpoint" in sql]) == 1
    assert len(await deliveries(database)) == 20


async def test_while_a_secret_rotates_both_verify(
    customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock
) -> None:
    name, first = await customer.add(f"{sink.url}/hook")
    second = await customer.rotate(name)
    still.advance(60)
    third = await customer.rotate(name)
    default = await customer.rotate(DEFAULT)
    await customer.tell(None, f"{sink.url}/callback")
    await sent(worker)
    (hook,), (callback,) = sink.at("/hook"), sink.at("/callback")
    assert all(genuine(hook, secret, still.at) for secret in (first, second, third))
    assert all(genuine(callback, secret, still.at) for secret in (customer.secret, default))
    assert callback.headers["X-Signature"].count("v1=") == 2
    assert len(callback.headers["webhook-signature"].split(" ")) == 2
    still.advance(OVERLAP_SECONDS - 1)
    still_now = still.at / SECOND
    await customer.tell(None)
    await sent(worker)
    last = sink.at("/hook")[-1]
    good = [verify(secret, last.headers["X-Signature"], last.body, still_now)
            for secret in (first, second, third)]  # fmt: skip
    assert good == [False, True, True]


async def test_410_disables_the_endpoint_and_says_so(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock
) -> None:
    name, _ = await customer.add(f"{sink.url}/gone")
    sink.answers["/gone"] = 410
    await customer.tell(None)
    await sent(worker)
    row = await endpoint(database, name)
    assert (bool(row["enabled"]), row["disabled_because"]) == (False, "gone")
    (told,) = await notices.unseen(database, customer.id, "test", 9)
    assert told["subject"] == name
    assert "410" in told["text"]
    assert f"{sink.url}/gone" in told["text"]
    await customer.tell(None)
    assert len(await deliveries(database)) == 1, "a disabled endpoint gets no new events"
    await customer.change(name, enabled=True)
    assert await notices.unseen(database, customer.id, "test", 9) == []


async def test_three_days_of_nothing_but_failures_disable(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock
) -> None:
    name, _ = await customer.add(f"{sink.url}/hook")
    sink.answers["/hook"] = 500
    await customer.tell(None)
    await sent(worker)
    first = (await endpoint(database, name))["failing_since"]
    assert first == still.at
    still.advance(FAILING_MAX / SECOND - 60)
    sink.answers["/hook"] = 200
    await customer.tell(None)
    await sent(worker)
    assert (await endpoint(database, name))["failing_since"] is None
    sink.answers["/hook"] = 500
    for day in range(3):
        await customer.tell(None)
        await sent(worker)
        assert (await endpoint(database, name))["enabled"], day
        still.advance(86_400)
    await customer.tell(None)
    await sent(worker)
    row = await endpoint(database, name)
    assert (bool(row["enabled"]), row["disabled_because"]) == (False, "failing")
    (told,) = await notices.unseen(database, customer.id, "test", 9)
    assert "3 days" in told["text"]


async def test_what_is_pending_waits_while_disabled_and_then_goes_on(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(endpoints, "RELEASED_MAX", 2)
    monkeypatch.setattr(replay, "RELEASED_MAX", 2)
    name, _ = await customer.add(f"{sink.url}/hook")
    for _ in range(5):
        await customer.tell(None)
    await customer.change(name, enabled=False)
    assert await sent(worker) == 5
    still.advance(40 * 86_400)
    assert await sent(worker) == 0
    assert sink.received == []
    assert {row["state"] for row in await deliveries(database)} == {"pending"}
    await customer.change(name, enabled=True, url=f"{sink.url}/new")
    while await database.write(replay.step, still()):
        pass
    assert await sent(worker) == 5
    assert len(sink.at("/new")) == 5
    order = [one.event_id for one in sink.received]
    assert order == sorted(order)


@on_sqlite
async def test_what_waits_for_a_deleted_endpoint_fails(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock
) -> None:
    name, _ = await customer.add(f"{sink.url}/hook")
    await customer.tell(None, None)
    await customer.change(name, enabled=False)
    await sent(worker)
    await database.write(endpoints.delete, customer.place, name, still())
    await customer.tell(None)
    while await database.write(replay.step, still()):
        pass
    await sent(worker)
    assert [row["state"] for row in await deliveries(database)] == ["failed", "failed"]
    assert sink.received == []


@on_sqlite
async def test_no_more_than_so_many_old_secrets_sign(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock
) -> None:
    name, first = await customer.add(f"{sink.url}/hook")
    for _ in range(endpoints.OLD_SECRETS_MAX + 1):
        still.advance(1)
        last = await customer.rotate(name)
    await customer.tell(None)
    await sent(worker)
    (got,) = sink.received
    assert got.headers["X-Signature"].count("v1=") == endpoints.OLD_SECRETS_MAX + 1
    assert not genuine(got, first, still.at)
    assert genuine(got, last, still.at)


@on_sqlite
async def test_a_down_endpoint_does_not_hold_up_another_of_its_account(
    customer: Customer, worker: WebhookWorker, sink: Sink
) -> None:
    sink.answers["/down"] = 503
    await customer.add(f"{sink.url}/down")
    await customer.add(f"{sink.url}/well")
    started = time.monotonic()
    for _ in range(30):
        await customer.tell(None)
    while len(sink.at("/well")) < 30:
        await sent(worker)
        assert time.monotonic() < started + 30
    assert len(sink.at("/down")) == 30


async def test_every_delivery_verifies_while_a_secret_rotates_under_load(
    database: Database, customer: Customer, sink: Sink, new_worker: Worker
) -> None:
    """Whoever still has the old secret verifies all of them, whoever has the new one all that
    happened since."""
    worker = new_worker()
    name, old = await customer.add(f"{sink.url}/hook")
    task = asyncio.create_task(worker.run())
    for _ in range(5):
        await customer.tell(*[None] * 6)
    new = await customer.rotate(name)
    before = {row["id"] for row in await database.all("SELECT id FROM event")}
    for _ in range(5):
        await customer.tell(*[None] * 6)
    await eventually(lambda: len(sink.received) == 60)
    await stop(task)
    at = clock.now()
    assert all(genuine(one, old, at) for one in sink.received)
    since = [one for one in sink.received if one.event_id not in before]
    assert len(since) == 30
    assert all(genuine(one, new, at) for one in since)
