"""A second request waits for the first one with its key, also where another process runs it."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from api import idempotency
from api.app import create_app
from api.v1 import applied
from db.connection import Conn
from db.database import Database
from db.session import open_database
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.api.client import Api, good, problem
from tests.api.world import NODE, add_phone, apply_everywhere, client_of, count, report_node
from tests.factories import Customer, customer
from tests.patience import PATIENCE_SECONDS

MESSAGE = {"to": "+15551234567", "text": "a"}
BATCH = {"messages": [MESSAGE]}
TOPUP = {"amount": 1}
KEY = "once"


@asynccontextmanager
async def process(url: str, vault: Vault, who: Customer) -> AsyncIterator[Api]:
    """The door of an application with connections of its own, as in another process."""
    database = await open_database(url)
    async with client_of(create_app(Settings(), database, vault)) as client:
        yield Api(client, who.key)
    await database.close()


class Held:
    """Holds what every hold and transfer of an account must change, until it is let go."""

    def __init__(self, database: Database, who: Customer) -> None:
        self._has, self._go = threading.Event(), threading.Event()
        self._task = asyncio.create_task(database.write(self._hold, who.account_id))

    def _hold(self, conn: Conn, account_id: str) -> None:
        conn.run("UPDATE ledger_account SET held = held WHERE account_id = :id", id=account_id)
        self._has.set()
        assert self._go.wait(30)

    async def begin(self) -> None:
        assert await asyncio.to_thread(self._has.wait, 10)

    async def end(self) -> None:
        self._go.set()
        await self._task


@pytest.mark.parametrize(
    ("path", "body", "status", "table"),
    [
        ("/sms/send", MESSAGE, 202, "message"),
        ("/sms/batch", BATCH, 202, "message"),
        ("/voip/topup", TOPUP, 200, "journal"),
    ],
)
async def test_a_request_that_another_process_runs(
    postgres_url: str, vault: Vault, monkeypatch: pytest.MonkeyPatch, path: str, body: object,
    status: int, table: str,
) -> None:  # fmt: skip
    database = await open_database(postgres_url)
    who = await customer(database)
    before = await count(database, table)
    async with (
        process(postgres_url, vault, who) as here,
        process(postgres_url, vault, who) as there,
    ):
        held = Held(database, who)
        await held.begin()
        first = asyncio.create_task(here.post(path, body, KEY))
        await asyncio.sleep(0.5)  # it has its key by now, and waits for the money
        monkeypatch.setattr(idempotency, "WAIT_SECONDS", 0.2)
        problem(await there.post(path, body, KEY), 409, "idempotency_in_progress")
        assert not first.done()
        monkeypatch.setattr(idempotency, "WAIT_SECONDS", 30)
        second = asyncio.create_task(there.post(path, body, KEY))
        await asyncio.sleep(0.2)
        assert not second.done()
        await held.end()
        answer, again = await first, await second
    assert good(answer, status) == good(again, status)
    assert "idempotent-replayed" not in answer.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert await count(database, table) == before + 1
    await database.close()


async def test_it_waits_no_longer_than_five_seconds() -> None:
    assert idempotency.WAIT_SECONDS == 5


async def test_an_answer_that_is_still_to_come(
    api: Api, database: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deed is done; what is answered depends on the PBX, and both get the same."""
    monkeypatch.setattr(applied, "APPLIED_SECONDS_MAX", 20)
    who = await customer(database)
    await add_phone(database, vault, who)
    await report_node(database)
    door = api.using(who)
    first = asyncio.create_task(door.post("/voip/password", {}, KEY))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await count(database, "idempotency_key") == 0:
            await asyncio.sleep(0.02)
    second = asyncio.create_task(door.post("/voip/password", {}, KEY))
    await asyncio.sleep(0.2)
    assert not first.done()
    assert not second.done()
    await database.write(apply_everywhere, NODE)
    answer, again = await first, await second
    assert good(answer)["applied"] is True
    assert good(again) == good(answer)
    assert again.headers["idempotent-replayed"] == "true"


async def test_an_answer_that_never_came_is_made_again(
    api: Api, database: Database, vault: Vault
) -> None:
    """Its process died after the deed; the secret that it generated must not be lost."""
    who = await customer(database)
    await add_phone(database, vault, who)
    await report_node(database)
    door = api.using(who)
    first = good(await door.post("/voip/password", {}, KEY), 202)
    sql = "UPDATE idempotency_key SET status = 0, created_at = created_at - :age"
    await database.write(lambda conn: conn.run(sql, age=5_000_000))
    await database.write(apply_everywhere, NODE)
    again = good(await door.post("/voip/password", {}, KEY))
    assert again["sip_password"] == first["sip_password"]
    assert (first["applied"], again["applied"]) == (False, True)
    assert good(await door.post("/voip/password", {}, KEY)) == again
    row = await database.one("SELECT generation FROM sip_account")
    assert row == {"generation": 2}


async def test_a_problem_after_the_deed_is_not_kept(
    api: Api, database: Database, vault: Vault
) -> None:
    who = await customer(database, sip_funds="1")
    door = api.using(who)
    started = good(await door.post("/voip/caller-ids", {"number": "+15550700001"}), 202)
    wrong = "000000" if started["code"] != "000000" else "111111"
    path = "/voip/caller-ids/+15550700001/verify"
    for _ in range(2):
        problem(await door.post(path, {"code": wrong}, KEY), 400, "validation_error")
        assert await count(database, "idempotency_key") == 0
    good(await door.post(path, {"code": started["code"]}, KEY))
    assert await count(database, "idempotency_key") == 1
