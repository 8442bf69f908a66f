"""From an event's row to the customer's URL and back, on both databases."""

import asyncio
import json
import socket
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from db.database import Database
from telephony.clock import SECOND, rfc3339
from telephony.queue import drain
from telephony.settings import Settings
from telephony.webhooks.deliver import WebhookWorker
from telephony.webhooks.events import body_of
from telephony.webhooks.retries import RETRY_SECONDS
from telephony.webhooks.signing import verify
from tests.webhooks.conftest import (
    Customer,
    StillClock,
    Worker,
    attempts,
    deliveries,
    event,
    on_sqlite,
    sent,
)
from tests.webhooks.sinks import Sink, eventually, raw_server, stop


async def test_an_event_arrives_signed(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock
) -> None:
    await customer.tell(f"{sink.url}/hook?a=1", message_id="msg_1", status="delivered", cost="0.01")
    assert await sent(worker) == 1
    (got,) = sink.received
    told = await event(database)
    assert got.json == {
        "event": "delivery_report", "id": told["id"], "created_at": rfc3339(told["created_at"]),
        "mode": "test", "message_id": "msg_1", "status": "delivered", "cost": "0.01",
    }  # fmt: skip
    assert got.headers["Content-Type"] == "application/json"
    assert verify(customer.secret, got.headers["X-Signature"], got.body, still.at / SECOND)
    assert Webhook(customer.secret).verify(got.body, got.headers) == got.json
    assert got.event_id == told["id"]


async def test_what_was_delivered_is_kept_and_never_sent_again(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock
) -> None:
    await customer.tell(f"{sink.url}/hook")
    await sent(worker)
    (delivery,) = await deliveries(database)
    assert (delivery["state"], delivery["attempts"]) == ("delivered", 1)
    assert delivery["lease_token"] is None
    (attempt,) = await attempts(database)
    assert attempt["latency_us"] > 0
    assert {name: attempt[name] for name in ("number", "at", "status_code", "error", "reply")} == {
        "number": 1, "at": still.at, "status_code": 200, "error": "", "reply": "noted",
    }  # fmt: skip
    still.advance(7 * 86_400)
    assert await sent(worker) == 0
    assert len(sink.received) == 1


async def test_a_failing_url_is_tried_by_the_schedule_and_then_given_up(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock
) -> None:
    await customer.tell(f"{sink.url}/hook", message_id="msg_1")
    sink.answers["/hook"] = 500
    for number, wait in enumerate(RETRY_SECONDS, 1):
        assert await sent(worker) == 1
        (delivery,) = await deliveries(database)
        assert (delivery["state"], delivery["attempts"]) == ("pending", number)
        latency = (await attempts(database))[-1]["latency_us"]
        assert delivery["next_attempt_at"] == still.at + latency + wait * SECOND
        still.at = delivery["next_attempt_at"] - 1
        assert await sent(worker) == 0, "it was sent before its time"
        still.at += 1
    await sent(worker)
    (delivery,) = await deliveries(database)
    assert (delivery["state"], delivery["attempts"]) == ("failed", 9)
    still.advance(30 * 86_400)
    assert await sent(worker) == 0
    assert [row["number"] for row in await attempts(database)] == list(range(1, 10))
    assert len({one.body for one in sink.received}) == 1, "every attempt sends the same bytes"
    assert len({one.headers["webhook-timestamp"] for one in sink.received}) == 9


async def test_a_url_that_recovers_gets_its_event(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock
) -> None:
    sink.answers["/hook"] = 503
    await customer.tell(f"{sink.url}/hook")
    await sent(worker)
    sink.answers["/hook"] = 204
    still.advance(6)
    await sent(worker)
    assert [row["state"] for row in await deliveries(database)] == ["delivered"]
    assert [row["status_code"] for row in await attempts(database)] == [503, 204]
    assert len({one.event_id for one in sink.received}) == 1


@on_sqlite
async def test_gone_ends_it_at_once(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink
) -> None:
    sink.answers["/hook"] = 410
    await customer.tell(f"{sink.url}/hook")
    await sent(worker)
    (delivery,) = await deliveries(database)
    assert (delivery["state"], delivery["attempts"]) == ("failed", 1)


@on_sqlite
async def test_retry_after_puts_the_next_attempt_off(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink, still: StillClock
) -> None:
    sink.answers["/hook"] = 429
    sink.headers = {"Retry-After": "900"}
    await customer.tell(f"{sink.url}/hook")
    await sent(worker)
    (delivery,) = await deliveries(database)
    assert 900 * SECOND <= delivery["next_attempt_at"] - still.at < 901 * SECOND


async def test_a_reply_with_any_bytes_is_stored(
    database: Database, customer: Customer, worker: WebhookWorker
) -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\na\0\xff\xfeb"
    async with raw_server(answer) as server:
        await customer.tell(f"http://127.0.0.1:{server.port}/")
        await sent(worker)
    (attempt,) = await attempts(database)
    assert (attempt["status_code"], attempt["reply"]) == (200, "a\ufffd\ufffd\ufffdb")


@on_sqlite
async def test_a_refused_connection_is_an_attempt_that_says_so(
    database: Database, customer: Customer, worker: WebhookWorker
) -> None:
    async with raw_server() as server:
        port = server.port
    await customer.tell(f"http://127.0.0.1:{port}/")
    await sent(worker)
    (attempt,) = await attempts(database)
    assert attempt["status_code"] is None
    assert attempt["error"].startswith("No connection: ")
    assert [row["state"] for row in await deliveries(database)] == ["pending"]


@on_sqlite
async def test_a_stored_url_that_leads_home_is_not_called(
    database: Database, customer: Customer, new_worker: Worker
) -> None:
    worker = new_worker(settings=Settings(bind_host="0.0.0.0", webhook_allow_cidrs=["10.9.0.0/16"]))
    async with raw_server(hosts=("127.0.0.1", "::1")) as listener:
        for host in ("127.0.0.1", "localhost", "0x7f.1", "[::1]", "[::ffff:7f00:1]", "2130706433"):
            await customer.tell(*(f"{way}://{host}:{listener.port}/" for way in ("http", "https")))
        await sent(worker)
        await asyncio.sleep(0.01)
        assert listener.connections == 0
    assert [row["error"] for row in await attempts(database)] == [
        "The URL's host is missing, private or reserved."
    ] * 12
    assert {row["state"] for row in await deliveries(database)} == {"pending"}


@on_sqlite
async def test_a_name_that_leads_home_is_not_called(
    database: Database, customer: Customer, new_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = new_worker(settings=Settings(bind_host="0.0.0.0", webhook_allow_cidrs=["10.9.0.0/16"]))
    async with raw_server() as listener:
        home = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", listener.port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [home])
        await customer.tell(f"http://hooks.customer.example:{listener.port}/")
        await sent(worker)
        await asyncio.sleep(0.01)
        assert listener.connections == 0
    (attempt,) = await attempts(database)
    assert attempt["error"] == "Not sent: the host's address is private or reserved."


@on_sqlite
async def test_an_account_without_a_readable_secret_gets_nothing_unsigned(
    database: Database, customer: Customer, still: StillClock, worker: WebhookWorker, sink: Sink,
    vault: Any,
) -> None:  # fmt: skip
    for name, sealed in (("empty", ""), ("foreign", "gAAAAAnonsense"), ("bad", vault.seal("x"))):
        other = await Customer(database, vault, name, still).open(sealed)
        await other.tell(f"{sink.url}/{name}")
    await customer.tell(f"{sink.url}/good")
    await sent(worker)
    assert [one.path for one in sink.received] == ["/good"]
    errors = [row["error"] for row in await attempts(database)]
    assert errors == [*["The account's webhook secret cannot be read."] * 2,
                      "Something failed on our side.", ""]  # fmt: skip


@on_sqlite
async def test_the_log_tells_neither_url_nor_body_nor_secret(
    customer: Customer, worker: WebhookWorker, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    caplog.set_level("DEBUG", "telephony")
    sink.answers["/hook"] = 500
    await customer.tell(f"{sink.url}/hook?token=hunter2", "http://127.0.0.1:1/?token=hunter2",
                        "ftp://127.0.0.1/?token=hunter2", text="a private text")  # fmt: skip
    await sent(worker)
    said = "\n".join(record.getMessage() for record in caplog.records)
    for private in ("hunter2", customer.secret, "a private text"):
        assert private not in said


async def test_many_outcomes_are_recorded_in_few_writes(
    database: Database, customer: Customer, new_worker: Worker, sink: Sink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    writes: list[str] = []
    real = database.write

    async def counted(deed: Any, *rest: Any, **more: Any) -> Any:
        writes.append(deed.__name__)
        return await real(deed, *rest, **more)

    await customer.tell(*(f"{sink.url}/{number}" for number in range(30)))
    monkeypatch.setattr(database, "write", counted)
    await sent(new_worker())
    assert len(sink.received) == 30
    assert writes.count("claim") == 1
    assert writes.count("record") <= 15
    assert {row["state"] for row in await deliveries(database)} == {"delivered"}


async def test_outcomes_wait_for_a_database_that_is_busy(
    database: Database, customer: Customer, new_worker: Worker, sink: Sink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    refusals = [RuntimeError("busy"), RuntimeError("still busy")]
    real = database.write

    async def busy(deed: Any, *rest: Any, **more: Any) -> Any:
        if deed.__name__ == "record" and refusals:
            raise refusals.pop()
        return await real(deed, *rest, **more)

    monkeypatch.setattr(database, "write", busy)
    monkeypatch.setattr("telephony.webhooks.deliver.RECORD_PAUSE_SECONDS", 0.01)
    await customer.tell(f"{sink.url}/hook")
    await sent(new_worker())
    assert refusals == []
    assert [row["state"] for row in await deliveries(database)] == ["delivered"]
    assert len(sink.received) == 1


async def test_a_running_worker_hears_of_new_events_at_once(
    database: Database, customer: Customer, new_worker: Worker, sink: Sink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    hour = 3_600.0  # between two looks of its own: only the bell is left
    monkeypatch.setattr(drain, "__defaults__", (hour,))
    worker = new_worker()
    running = asyncio.create_task(worker.run())
    await eventually(lambda: "webhooks" in database.wakeups._ears)
    await asyncio.sleep(0.1)
    await customer.tell(f"{sink.url}/hook")
    await eventually(lambda: bool(sink.received))
    await stop(running)
    assert [row["state"] for row in await deliveries(database)] == ["delivered"]


@on_sqlite
async def test_a_worker_that_is_told_to_stop_records_what_it_sent(
    database: Database, customer: Customer, worker: WebhookWorker, sink: Sink
) -> None:
    await customer.tell(f"{sink.url}/hook")
    running = asyncio.create_task(worker.run())
    await eventually(lambda: bool(sink.received))
    await stop(running)
    assert [row["state"] for row in await deliveries(database)] == ["delivered"]


def test_a_payload_cannot_pretend_to_be_another_event() -> None:
    payload = {"id": "evt_9", "event": "x", "mode": "live", "created_at": "never", "to": "+1"}
    row = {"id": "evt_1", "type": "wallet_low", "mode": "test", "created_at": 1_768_249_200_500_000,
           "payload": json.dumps(payload)}  # fmt: skip
    assert json.loads(body_of(row)) == {
        "event": "wallet_low", "id": "evt_1", "created_at": "2026-01-12T20:20:00.500Z",
        "mode": "test", "to": "+1",
    }  # fmt: skip
    assert body_of(row) == body_of(row)
