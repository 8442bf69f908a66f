"""A request id goes with what the request made: its message or call, its PBX action, its events
and their webhooks, and every log line of that work."""

import logging
from typing import Any, cast

import httpx
import pytest
import structlog

from api.background import Background
from db.database import Database
from telephony.clock import now
from telephony.secrets import Vault
from telephony.sms.dispatch import Dispatcher
from telephony.sms.providers.base import ProviderError
from telephony.voice.ami import AmiLink, AmiNotReady, Originate
from telephony.voice.originate import Originator, action_id
from telephony.voice.settle import ringing
from telephony.webhooks.deliver import WebhookWorker
from tests.api.client import BASE
from tests.factories import customer
from tests.operations.asking import MINE, SETTINGS, TO, headers, logged, only
from tests.sms.sending import Told, by_part
from tests.voice.calling import add_phone
from tests.webhooks.sinks import running_sink


class Refusing:
    """A manager link that is lost when it is used; what it was asked is kept."""

    ready = True

    def __init__(self) -> None:
        self.asked: list[Originate] = []
        self.context: dict[str, Any] = {}

    async def action(self, action: Originate) -> None:
        self.asked.append(action)
        self.context = structlog.contextvars.get_contextvars()
        raise AmiNotReady("down")


async def test_a_call_carries_it_to_the_pbx_and_back_in_its_events(
    database: Database, client: httpx.AsyncClient, vault: Vault, beside: Background
) -> None:
    who = await customer(database, sip_funds="50")
    await add_phone(database, who)
    answer = await client.post(
        f"{BASE}/voice/call", json={"to": "+15559876543"}, headers=headers(who)
    )
    call = await only(database, "call")
    assert (answer.status_code, call["request_id"]) == (202, MINE)
    (row,) = await logged(database, beside)
    assert row["made"] == [call["id"]]
    link = Refusing()
    originator = Originator(database, cast(AmiLink, link), "pbx1", 100, vault)
    assert await originator.step() == 1
    assert [one.action_id for one in link.asked] == [f"{call['id']}/{MINE}"]
    assert link.context == {"request_id": MINE, "call_id": call["id"]}
    await database.write(lambda conn: conn.run("UPDATE call SET status = 'dialing'"))
    await database.write(ringing, await only(database, "call"), now())
    assert (await only(database, "event"))["request_id"] == MINE


def test_a_call_that_no_request_made_has_its_own_id_alone() -> None:
    assert action_id({"id": "call_1", "request_id": None}) == "call_1"


async def test_a_message_carries_it_to_its_webhook_and_log_lines(
    database: Database, client: httpx.AsyncClient, vault: Vault, caplog: pytest.LogCaptureFixture
) -> None:
    who = await customer(database, mode="live")
    sealed = vault.seal("whsec_AAAA")
    await database.write(
        lambda conn: conn.run("UPDATE account SET webhook_secret_sealed = :sealed", sealed=sealed)
    )
    seen: list[dict[str, Any]] = []
    caplog.set_level(logging.INFO)
    watch = logging.getLogger("telephony.sms.dispatch")

    def keep(_: logging.LogRecord) -> bool:
        seen.append(structlog.contextvars.get_contextvars())
        return True

    watch.addFilter(keep)
    async with running_sink() as sink:
        body = TO | {"callback_url": f"{sink.url}/hook"}
        answer = await client.post(f"{BASE}/sms/batch", json={"messages": [body]},
                                   headers=headers(who))  # fmt: skip
        assert answer.json()["accepted"] == 1, answer.text
        await Dispatcher(database, Told(refuses)).step()
        worker = WebhookWorker(database, vault, SETTINGS)
        await worker.step()
        await worker.settled()
        await worker.close()
    watch.removeFilter(keep)
    message = await only(database, "message")
    assert (message["request_id"], message["status"]) == (MINE, "failed")
    assert seen == [{"request_id": MINE, "message_id": message["id"]}]
    assert "not taken by smpp: no_such_number" in caplog.text
    (received,) = sink.received
    assert (await only(database, "event"))["request_id"] == MINE
    sent = {name.lower(): value for name, value in received.headers.items()}
    assert sent["x-request-id"] == MINE


def refuses(_: object) -> ProviderError:
    return ProviderError("no_such_number")


async def test_an_id_that_a_client_did_not_choose_is_ours(
    database: Database, client: httpx.AsyncClient
) -> None:
    who = await customer(database)
    answer = await client.post(f"{BASE}/sms/send", json=TO, headers=headers(who, "not an id!"))
    message = await only(database, "message")
    assert message["request_id"] == answer.headers["x-request-id"]
    assert message["request_id"].startswith("req_")
    assert await Dispatcher(database, Told(by_part, "sandbox")).step() == 1
