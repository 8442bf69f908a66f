"""Nobody logs a text, and after its days it stands nowhere any more: a whole run, then a search of
every line that was logged and of every column of every table."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.fernet import Fernet

from api.app import create_app
from db.connection import Conn
from db.database import Database
from db.tables import metadata
from telephony.clock import SECOND, now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms.dispatch import Dispatcher
from telephony.sms.inbound import receive
from telephony.sms.providers.base import Inbound
from telephony.sms.providers.smpp import SmppProvider
from telephony.sms.retention import redact_old
from tests.api.client import URL, Api, good
from tests.api.world import client_of
from tests.factories import Customer, customer
from tests.fixtures_smsc import Smsc
from tests.sms.support import config, until

MARK = "Zebrafink"
OURS, PHONE, SHORT = "+15550111222", "+15551239999", "12345"
DAY = 86_400 * SECOND


@pytest.fixture
def vault() -> Vault:
    return Vault(Fernet.generate_key().decode())


@pytest.fixture
async def who(database: Database) -> Customer:
    owner = await customer(database, funds="1", mode="live")
    await database.write(own, owner)
    return owner


def own(conn: Conn, owner: Customer) -> None:
    for number in (OURS, SHORT):
        conn.run(
            "INSERT INTO owned_number (number, account_id, mode, strategy, ring_seconds, targets,"
            " forward_to, created_at) VALUES (:n, :a, 'live', 'all', 20, '', '', 1)",
            n=number, a=owner.account_id,
        )  # fmt: skip


@pytest.fixture
async def door(database: Database, vault: Vault, smsc: Smsc, who: Customer) -> AsyncIterator[Api]:
    """The door of a platform whose dispatcher is bound to the SMSC."""
    settings = Settings(smpp_host="127.0.0.1", public_url=URL)
    provider = SmppProvider(config(smsc.port))
    async with client_of(create_app(settings, database, vault)) as client:
        task = asyncio.create_task(Dispatcher(database, provider).run())
        await until(lambda: provider.health().up)
        yield Api(client).using(who)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def found(database: Database) -> set[str]:
    """Tables with the mark in any column."""
    tables = [table.name for table in metadata().sorted_tables]
    rows = {name: await database.all(f'SELECT * FROM "{name}"') for name in tables}
    return {name for name, all_of in rows.items() if MARK in str(all_of)}


async def ended(door: Api, message_id: str) -> None:
    async with asyncio.timeout(30):
        while good(await door.get(f"/sms/{message_id}"))["status"] != "delivered":
            await asyncio.sleep(0.05)


async def heard(door: Api, messages: int) -> None:
    async with asyncio.timeout(30):
        while good(await door.get("/sms/inbound"))["total"] < messages:
            await asyncio.sleep(0.05)


async def test_a_text_is_in_no_log_and_goes_after_its_days(
    database: Database, vault: Vault, smsc: Smsc, door: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    body: dict[str, Any] = {"to": PHONE, "text": f"{MARK} at the window", "from": OURS}
    sent = good(await door.post("/sms/send", body, "one"), 202)
    assert good(await door.post("/sms/send", body, "one"), 202) == sent
    many = [body, {**body, "to": "nobody"}, {**body, "text": MARK * 400}]
    good(await door.post("/sms/batch", {"messages": many}, "many"), 202)
    await door.post("/sms/send", {**body, "colour": MARK})
    smsc.deliver(source_addr="15551239999", destination_addr=SHORT, short_message=f"{MARK}?")
    await database.write(receive, [Inbound("smpp", PHONE, OURS, f"{MARK}!")], now())
    await ended(door, sent["message_id"])
    await heard(door, 2)
    assert len(caplog.records) > 5, "something was logged at all"
    assert MARK not in caplog.text

    assert await found(database) == {"message", "sms_inbound", "event"}
    keys = await database.all("SELECT body_sealed FROM idempotency_key")
    assert len(keys) == 2
    assert not [row for row in keys if MARK in vault.open(row["body_sealed"])]

    assert await database.write(redact_old, 1, now() + 2 * DAY) > 0
    assert await found(database) == set()
    for row in good(await door.get("/sms/inbound"))["data"]:
        assert (row["text"], row["segments"]) == ("", 1)
