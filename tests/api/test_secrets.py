"""No secret of a customer or of the platform is ever logged."""

import asyncio
import logging

import httpx
import pytest

from db import sip
from db.database import Database
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms.dispatch import Dispatcher
from telephony.sms.providers.sandbox import SandboxProvider
from telephony.webhooks.deliver import WebhookWorker
from telephony.webhooks.signing import new_secret
from tests.api.client import Api, good, problem
from tests.api.world import SECRET, add_phone
from tests.factories import customer
from tests.webhooks.sinks import eventually, running_sink

PASSWORD = "A secret of my own choice"


async def test_a_whole_run_logs_no_secret(
    client: httpx.AsyncClient, database: Database, vault: Vault, settings: Settings,
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    webhook_secret = new_secret()
    who = await customer(database, sip_funds="5", webhook_secret_sealed=vault.seal(webhook_secret))
    await add_phone(database, vault, who)
    door = Api(client, who.key)
    dispatcher = asyncio.create_task(Dispatcher(database, SandboxProvider()).run())
    webhooks = asyncio.create_task(WebhookWorker(database, vault, settings).run())
    try:
        async with running_sink() as sink:
            message = {"to": "+15551230001", "text": "a", "callback_url": f"{sink.url}/dlr"}
            good(await door.post("/sms/send", message, "k"), 202)
            await eventually(lambda: len(sink.received) == 2)
        good(await door.post("/voice/call", {"to": "+15551234567"}), 202)
        good(await door.post("/voip/password", {"sip_password": PASSWORD}, "p"), 202)
        made = good(await door.post("/voip/password", {}), 202)["sip_password"]
        problem(await door.post("/voip/password", {"sip_password": "short but s"}), 400,
                "validation_error")  # fmt: skip
        monkeypatch.setattr(sip, "change", crash)
        problem(await door.post("/voip/password", {"sip_password": PASSWORD}), 500,
                "internal_error")  # fmt: skip
    finally:
        for task in (dispatcher, webhooks):
            task.cancel()
        await asyncio.gather(dispatcher, webhooks, return_exceptions=True)
    logged = "\n".join(
        f"{record.getMessage()} {record.args} {record.exc_text}" for record in caplog.records
    )
    logged += caplog.text
    assert "a defect" in logged  # the crash is there
    for secret in (who.key, who.key[8:], webhook_secret, SECRET, PASSWORD, made, "short but s"):
        assert secret not in logged


def crash(*_: object, **__: object) -> None:
    raise RuntimeError("a defect")
