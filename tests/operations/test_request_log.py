"""A request is followed by its id: in the log of requests, its message or call, its PBX action,
its events and their webhooks, and every log line of that work."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest
import structlog
from cryptography.fernet import Fernet

from api.app import create_app
from api.background import Background
from db import request_log
from db.connection import Row
from db.database import Database, DatabaseError
from telephony.clock import SECOND, now
from telephony.request_log import BATCH_MAX, WAITING_MAX, RequestRecorder, look_up
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms.dispatch import Dispatcher
from telephony.sms.providers.base import ProviderError
from telephony.voice.ami import AmiLink, AmiNotReady, Originate
from telephony.voice.originate import Originator, action_id
from telephony.voice.settle import ringing
from telephony.webhooks.deliver import WebhookWorker
from tests.api.client import BASE, URL
from tests.api.world import client_of
from tests.factories import Customer, customer
from tests.sms.sending import Told, by_part
from tests.voice.calling import add_phone
from tests.webhooks.sinks import running_sink

SETTINGS = Settings(public_url=URL, bind_host="127.0.0.1", smpp_host="127.0.0.1")
MINE = "my-own.id_1"
TO = {"to": "+15551239999", "text": "Hi!"}


@pytest.fixture
def vault() -> Vault:
    return Vault(Fernet.generate_key().decode())


@pytest.fixture
def beside(database: Database) -> Background:
    return Background(database, SETTINGS)


@pytest.fixture
async def client(
    database: Database, vault: Vault, beside: Background
) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(SETTINGS, database, vault, background=beside)) as opened:
        yield opened


def headers(who: Customer | None, request_id: str = MINE) -> dict[str, str]:
    key = {"Authorization": f"Bearer {who.key}"} if who else {}
    return {"X-Request-Id": request_id, **key}


async def logged(database: Database, beside: Background, request_id: str = MINE) -> list[Row]:
    await beside.requests.finish()
    return await look_up(database, request_id)


async def only(database: Database, table: str) -> Row:
    (row,) = await database.all(f'SELECT * FROM "{table}"')
    return row


async def test_a_request_is_found_by_its_id(
    database: Database, client: httpx.AsyncClient, beside: Background
) -> None:
    who, other = await customer(database), await customer(database)
    answer = await client.post(f"{BASE}/sms/send", json=TO, headers=headers(who))
    refused = await client.post(f"{BASE}/sms/send", json={"to": "+1"}, headers=headers(who))
    assert (answer.status_code, refused.status_code) == (202, 400)
    newest, first = await logged(database, beside)
    assert {name: first[name] for name in ("account_id", "key_id", "mode", "method", "path")} == {
        "account_id": who.account_id, "key_id": who.key_id, "mode": "test", "method": "POST",
        "path": "/api/v1/sms/send",
    }  # fmt: skip
    assert (first["status"], first["code"]) == (202, None)
    assert (newest["status"], newest["code"]) == (400, "validation_error")
    assert 0 < first["latency_us"] < 60 * SECOND
    assert abs(first["at"] - now()) < 60 * SECOND
    assert "Hi!" not in str(first)
    assert len(await look_up(database, MINE, who.account_id)) == 2
    assert await look_up(database, MINE, other.account_id) == []
    (row,) = await request_log.page(database, who.account_id, 1)
    assert row["id"] == newest["id"]
    (row,) = await request_log.page(database, who.account_id, 9, newest["id"])
    assert row["id"] == first["id"]


PATHS = [
    ("GET", "/voip/setup/a-secret-token", "/api/v1/voip/setup/{token}"),
    ("DELETE", "/voip/caller-ids/+15551234567", "/api/v1/voip/caller-ids/{number}"),
    ("GET", "/no/such/+15551234567", "/api/v1/no/such/+15…67"),
    ("GET", "/rates/lookup?to=oops", "/api/v1/rates/lookup"),
    ("GET", "/sms/msg_nothing", "/api/v1/sms/msg_nothing"),
    ("GET", "/sms/" + "x" * 300, "/api/v1/sms/" + "x" * 188),
    ("GET", "/sms/a%00b", "/api/v1/sms/ab"),
]


async def test_paths_without_numbers_tokens_and_queries(
    database: Database, client: httpx.AsyncClient, beside: Background
) -> None:
    who = await customer(database)
    for at, (method, path, _) in enumerate(PATHS):
        answer = await client.request(method, BASE + path, headers=headers(who, f"r{at}"))
        assert answer.status_code >= 400, (path, answer.text)
    found = [(await logged(database, beside, f"r{at}"))[0]["path"] for at in range(len(PATHS))]
    assert found == [path for _, _, path in PATHS]


async def test_strangers_are_kept_only_where_they_were_refused(
    database: Database, client: httpx.AsyncClient, beside: Background
) -> None:
    await client.get(f"{BASE}/ping", headers=headers(None))
    await client.get("/healthz", headers=headers(None))
    await client.get("/nothing", headers=headers(None))
    assert await logged(database, beside) == []
    await client.get(f"{BASE}/sms", headers=headers(None))
    (row,) = await logged(database, beside)
    assert (row["account_id"], row["status"], row["code"]) == (None, 401, "missing_api_key")


async def test_what_waits_is_bounded_and_written_in_batches(database: Database) -> None:
    recorder = RequestRecorder(database, SETTINGS)
    for at in range(WAITING_MAX + 7):
        note(recorder, f"r{at}")
    assert await recorder.flush() == WAITING_MAX - BATCH_MAX
    rows = await database.all("SELECT request_id FROM request_log ORDER BY id")
    assert [row["request_id"] for row in rows][:2] == ["r7", "r8"]
    assert len(rows) == BATCH_MAX


def note(recorder: RequestRecorder, request_id: str, age_days: int = 0) -> None:
    recorder.note(
        now() - age_days * 86_400 * SECOND, request_id=request_id, account_id=None, mode=None,
        key_id=None, method="GET", path="/", status=404, code="not_found", latency_us=1,
    )  # fmt: skip


async def test_old_requests_are_forgotten(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = RequestRecorder(database, SETTINGS.model_copy(update={"request_log_days": 7}))
    then = (now() - 8 * 86_400 * SECOND) * 1000
    monkeypatch.setattr("db.ids.time.time_ns", lambda: then)
    monkeypatch.setattr("db.ids._last", 0)
    note(recorder, "old")
    monkeypatch.undo()
    note(recorder, "new")
    await recorder.finish()
    assert await recorder.sweep() == 1
    assert await recorder.sweep() == 0
    assert (await only(database, "request_log"))["request_id"] == "new"


async def test_nothing_is_kept_where_nobody_wants_it(database: Database) -> None:
    recorder = RequestRecorder(database, SETTINGS.model_copy(update={"request_log_days": 0}))
    note(recorder, "one")
    assert await recorder.flush() == 0
    assert await database.all("SELECT * FROM request_log") == []


async def test_a_database_that_is_away_stops_no_recorder(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony.queue.FAILURE_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr("telephony.request_log.EVERY_SECONDS", 0.01)
    recorder, broken = RequestRecorder(database, SETTINGS), database.write
    failures = 0

    async def write(*args: Any) -> Any:
        nonlocal failures
        failures += 1
        if failures == 1:
            raise DatabaseError("away")
        return await broken(*args)

    monkeypatch.setattr(database, "write", write)
    running = asyncio.create_task(recorder.run())
    async with asyncio.timeout(10):
        while not await look_up(database, "one"):
            note(recorder, "one")
            await asyncio.sleep(0.01)
    running.cancel()


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
    database: Database, client: httpx.AsyncClient, vault: Vault
) -> None:
    who = await customer(database, sip_funds="50")
    await add_phone(database, who)
    answer = await client.post(
        f"{BASE}/voice/call", json={"to": "+15559876543"}, headers=headers(who)
    )
    call = await only(database, "call")
    assert (answer.status_code, call["request_id"]) == (202, MINE)
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
