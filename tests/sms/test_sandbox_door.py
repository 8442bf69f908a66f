"""The sandbox's numbers as a customer meets them: asked for over HTTP, sent by a real worker."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.fernet import Fernet

from api.app import create_app
from db.database import Database
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms.carriers import Carriers
from tests.api.client import URL, Api, good, problem
from tests.api.world import assert_books_balance, client_of, pots
from tests.factories import customer

SECONDS_MAX = 60
PRICE = 7_000
NUMBERS = {
    "0001": "delivered", "0002": "undelivered", "0003": "failed", "0004": "expired",
    "0005": "sent", "0006": "delivered", "9999": "delivered",
}  # fmt: skip
"""How each ends; the receipt of 0005 takes half a minute, for which no test waits."""


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    settings, vault = Settings(public_url=URL), Vault(Fernet.generate_key().decode())
    working = asyncio.create_task(Carriers(database, settings, vault).run())
    async with client_of(create_app(settings, database, vault)) as client:
        yield Api(client)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def ended(api: Api, message_id: str, status: str) -> dict[str, Any]:
    """The message once it has that status."""
    async with asyncio.timeout(SECONDS_MAX):
        while (body := good(await api.get(f"/sms/{message_id}")))["status"] != status:
            await asyncio.sleep(0.1)
    return body


async def test_every_number_ends_as_documented_and_costs_what_it_should(
    api: Api, database: Database
) -> None:
    who = await customer(database, funds="1")
    door = api.using(who)
    sent = {
        digits: good(await door.post("/sms/send", {"to": f"+1555000{digits}", "text": "Hi!"}), 202)
        for digits in NUMBERS
    }
    bodies = {
        digits: await ended(door, sent[digits]["message_id"], status)
        for digits, status in NUMBERS.items()
    }
    costs = {digits: body["cost"] for digits, body in bodies.items()}
    assert costs == {digits: 0 if digits == "0003" else 0.007 for digits in NUMBERS}
    assert bodies["0002"]["error_code"] == "absent_subscriber"
    assert bodies["0003"]["error_code"] == "sandbox_rejected"
    assert bodies["0004"]["error_code"] == "validity_expired"
    for digits in ("0001", "0006", "9999"):
        assert bodies[digits]["delivered_at"] >= bodies[digits]["sent_at"]
        assert bodies[digits]["error_code"] is None
    for digits in ("0002", "0003", "0004", "0005"):
        assert bodies[digits]["delivered_at"] is None
    assert (await pots(database, who))["wallet"] == (1_000_000 - 6 * PRICE, 0)
    await assert_books_balance(database)
    for digits, status, code in (
        ("0010", 402, "insufficient_funds"), ("0011", 403, "recipient_opted_out"),
    ):  # fmt: skip
        wish = {"to": f"+1555000{digits}", "text": "Hi!"}
        problem(await door.post("/sms/send", wish), status, code)
    assert (await pots(database, who))["wallet"] == (1_000_000 - 6 * PRICE, 0)
