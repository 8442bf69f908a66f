"""The whole way of a live message: the door, a third party's SMSC, its receipt, the customer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from cryptography.fernet import Fernet
from standardwebhooks import Webhook

from api.app import create_app
from db import ledger
from db.database import Database
from telephony.clock import now, rfc3339
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms.dispatch import Dispatcher
from telephony.sms.providers.smpp import SmppProvider
from telephony.webhooks.deliver import WebhookWorker
from telephony.webhooks.signing import new_secret, verify
from tests.api.client import URL, Api, good
from tests.api.world import client_of
from tests.factories import Customer, customer
from tests.fixtures_smsc import Smsc
from tests.patience import PATIENCE_SECONDS
from tests.sms.sending import history, wallet
from tests.sms.support import config, until
from tests.webhooks.sinks import Sink, eventually, running_sink


@pytest.fixture
def vault() -> Vault:
    return Vault(Fernet.generate_key().decode())


@pytest.fixture
def secret() -> str:
    return new_secret()


@pytest.fixture
async def who(database: Database, vault: Vault, secret: str) -> Customer:
    sealed = vault.seal(secret)
    return await customer(database, funds="1", mode="live", webhook_secret_sealed=sealed)


@asynccontextmanager
async def platform(database: Database, vault: Vault, smsc: Smsc) -> AsyncIterator[tuple[Api, Sink]]:
    """The door, the dispatcher bound to the SMSC, the webhook worker and a customer's server."""
    settings = Settings(smpp_host="127.0.0.1", public_url=URL)
    provider = SmppProvider(config(smsc.port))
    async with running_sink() as sink, client_of(create_app(settings, database, vault)) as client:
        tasks = [
            asyncio.create_task(Dispatcher(database, provider).run()),
            asyncio.create_task(WebhookWorker(database, vault, settings).run()),
        ]
        try:
            await until(lambda: provider.health().up)
            yield Api(client), sink
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def statuses(sink: Sink) -> list[str]:
    return [one.json["status"] for one in sink.received]


async def test_from_the_door_to_the_customer_s_server(
    database: Database, vault: Vault, smsc: Smsc, who: Customer, secret: str
) -> None:
    async with platform(database, vault, smsc) as (api, sink):
        body = {"to": "+1 (555) 123-9999", "text": "Grüße: 5 €", "reference": "order 66",
                "callback_url": f"{sink.url}/dlr"}  # fmt: skip
        accepted = good(await api.using(who).post("/sms/send", body, "k"), 202)
        await eventually(lambda: "delivered" in statuses(sink))
        shown = good(await api.using(who).get(f"/sms/{accepted['message_id']}"))

    (submit,) = smsc.submits
    assert (submit["destination"], submit["text"]) == ("15551239999", "Grüße: 5 €")
    assert (submit["source"], submit["registered_delivery"]) == ("SMSVOIP", 1)

    assert (shown["status"], shown["cost"]) == ("delivered", 0.007)
    steps = shown["history"]
    assert [step["status"] for step in steps] == ["queued", "sending", "sent", "delivered"]
    times = [datetime.fromisoformat(step["at"]) for step in steps]
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert shown["delivered_at"] == steps[-1]["at"]

    assert sorted(statuses(sink)) == ["delivered", "sent"]
    told = next(one for one in sink.received if one.json["status"] == "delivered")
    assert told.path == "/dlr"
    event = told.json
    common = {"event": "delivery_report", "mode": "live", "reference": "order 66"}
    assert event | common == event
    assert event.keys() == {
        "event", "id", "created_at", "mode", "message_id", "status", "delivered_at", "cost", "to",
        "from", "reference", "error_code",
    }  # fmt: skip
    assert event["message_id"] == accepted["message_id"]
    assert event["delivered_at"] == shown["delivered_at"]
    signature = told.headers["X-Signature"]
    assert verify(secret, signature, told.body, now() / 1_000_000)
    assert not verify(new_secret(), signature, told.body, now() / 1_000_000)
    assert not verify(secret, signature, told.body + b" ", now() / 1_000_000)
    assert Webhook(secret).verify(told.body.decode(), told.headers) == event
    assert await wallet(database, who) == (993_000, 0)


async def test_a_hundred_at_once_arrive_once_each(
    database: Database, vault: Vault, smsc: Smsc, who: Customer
) -> None:
    smsc.knobs(receipt_first=True)
    async with platform(database, vault, smsc) as (api, sink):
        door = api.using(who)
        bodies: list[dict[str, Any]] = [
            {"to": "+15551239999", "text": f"number {n}", "callback_url": f"{sink.url}/dlr"}
            for n in range(100)
        ]
        replies = await asyncio.gather(*(door.post("/sms/send", body) for body in bodies))
        ids = {good(reply, 202)["message_id"] for reply in replies}
        await eventually(lambda: statuses(sink).count("delivered") == 100, 15)
    assert sorted(pdu["text"] for pdu in smsc.submits) == sorted(body["text"] for body in bodies)
    assert len(sink.received) == len({one.event_id for one in sink.received}) == 200
    assert {one.json["message_id"] for one in sink.received} == ids
    assert await wallet(database, who) == (300_000, 0)


async def test_the_link_breaks_before_the_answer(
    database: Database, vault: Vault, smsc: Smsc, who: Customer
) -> None:
    """Nobody knows whether it was sent, so it is neither sent again nor charged."""
    smsc.knobs(drop_at=1)
    async with platform(database, vault, smsc) as (api, _):
        body = {"to": "+15551239999", "text": "a"}
        message_id = good(await api.using(who).post("/sms/send", body), 202)["message_id"]
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "unknown" not in await history(database, message_id):
                await asyncio.sleep(0.02)
        # The bind stands again, and the next message goes out alone.
        body["text"] = "b"
        good(await api.using(who).post("/sms/send", body), 202)
        await eventually(lambda: len(smsc.submits) == 2)
    assert [pdu["text"] for pdu in smsc.submits] == ["a", "b"]
    assert await history(database, message_id) == ["queued", "sending", "unknown"]
    assert (await ledger.balances(database, who.account_id, "live"))["wallet"]["held"] >= 7_000


async def test_a_refusal_gives_the_money_back(
    database: Database, vault: Vault, smsc: Smsc, who: Customer
) -> None:
    smsc.knobs(status=0x0B)
    before = rfc3339(now())
    async with platform(database, vault, smsc) as (api, sink):
        body = {"to": "+15551239999", "text": "a", "callback_url": f"{sink.url}/dlr"}
        good(await api.using(who).post("/sms/send", body), 202)
        await eventually(lambda: statuses(sink) == ["failed"])
    event = sink.received[0].json
    assert (event["cost"], event["error_code"]) == (0, "invalid_recipient")
    assert event["delivered_at"] is None
    assert event["created_at"] >= before[:19]
    assert await wallet(database, who) == (1_000_000, 0)
