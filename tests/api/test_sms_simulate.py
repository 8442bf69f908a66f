"""A developer plays a phone: what it writes is listed, obeyed and told."""

import asyncio

import pytest

from db import sms_accounts
from db.connection import Conn
from db.database import Database
from db.sms_accounts import SenderStatus
from telephony.clock import now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms import senders
from telephony.webhooks.deliver import WebhookWorker
from telephony.webhooks.signing import new_secret
from tests.api.client import Api, good, problem
from tests.factories import Customer, customer
from tests.webhooks.sinks import eventually, running_sink

PATH, PHONE = "/sms/inbound/simulate", "+15551239999"


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database)


async def test_it_is_listed_and_told(
    api: Api, database: Database, vault: Vault, settings: Settings
) -> None:
    who = await customer(database, webhook_secret_sealed=vault.seal(new_secret()))
    async with running_sink() as sink:
        body = {"from": "+1 (555) 123-9999", "text": "Grüße 😀", "callback_url": f"{sink.url}/in"}
        said = good(await api.using(who).post(PATH, body, "once"), 202)
        assert good(await api.using(who).post(PATH, body, "once"), 202) == said
        worker = asyncio.create_task(WebhookWorker(database, vault, settings).run())
        try:
            await eventually(lambda: bool(sink.received))
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
    (told,) = sink.received
    assert told.json["text"] == "Grüße 😀"
    (row,) = good(await api.using(who).get("/sms/inbound"))["data"]
    assert row["text"] == told.json["text"]
    for one in (row, told.json):
        assert (one["message_id"], one["from"], one["to"]) == (
            said["message_id"], PHONE, said["to"],
        )  # fmt: skip


async def test_a_stop_is_obeyed_until_a_start(api: Api, who: Customer) -> None:
    mine, message = api.using(who), {"to": PHONE, "text": "Hi!"}
    shown = good(await mine.post("/sms/send", message), 202)["from"]
    stop = good(await mine.post(PATH, {"from": PHONE, "text": "Stop!"}), 202)
    assert (stop["to"], stop["keyword"]) == (shown, "stop")
    problem(await mine.post("/sms/send", message), 403, "recipient_opted_out")
    good(await mine.post(PATH, {"from": PHONE, "text": "start"}), 202)
    good(await mine.post("/sms/send", message), 202)


async def test_it_goes_to_what_messages_show(api: Api, database: Database, who: Customer) -> None:
    def default(conn: Conn) -> None:
        senders.request(conn, who.account_id, "12345", now())
        sms_accounts.decide_sender(conn, who.account_id, "12345", SenderStatus.approved, "", now())
        sms_accounts.change(conn, who.account_id, default_sender="12345")

    await database.write(default)
    said = good(await api.using(who).post(PATH, {"from": PHONE, "text": "Hi!"}), 202)
    assert said["to"] == "12345"


async def test_it_concerns_nobody_else(api: Api, database: Database, who: Customer) -> None:
    other = await customer(database)
    good(await api.using(who).post(PATH, {"from": PHONE, "to": "12345", "text": "STOP"}), 202)
    assert good(await api.using(other).get("/sms/inbound"))["total"] == 0
    good(await api.using(other).post("/sms/send", {"to": PHONE, "text": "Hi!"}), 202)


async def test_a_live_key_plays_nothing(api: Api, database: Database) -> None:
    mine = api.using(await customer(database, mode="live"))
    problem(await mine.post(PATH, {"from": PHONE, "text": "Hi!"}), 403, "wrong_environment")
    assert good(await mine.get("/sms/inbound"))["total"] == 0


@pytest.mark.parametrize("body", [
    {"from": "nobody", "text": "Hi!"}, {"text": "Hi!"}, {"from": PHONE, "text": ""},
    {"from": PHONE, "text": "Hi!", "callback_url": "http://10.0.0.1/"},
])  # fmt: skip
async def test_what_is_not_valid(api: Api, who: Customer, body: dict[str, str]) -> None:
    problem(await api.using(who).post(PATH, body), 400, "validation_error")
