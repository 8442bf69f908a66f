"""Whether a process lives and whether it is ready, as a load balancer asks."""

import asyncio
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet

from api import health
from api.app import create_app
from api.background import Background
from api.version import VERSION
from db import readiness
from db.database import Database
from db.session import open_database
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.api.world import Counting, client_of


@pytest.fixture(autouse=True)
def _looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "FRESH_SECONDS", -1.0)


def client(database: Any, **links: str) -> httpx.AsyncClient:
    vault = Vault(Fernet.generate_key().decode())
    beside = Background(database, Settings(), lambda: links)
    return client_of(create_app(Settings(), database, vault, background=beside))


async def test_ready_and_alive_without_a_key(database: Database) -> None:
    async with client(database) as asked:
        alive, ready = await asked.get("/healthz"), await asked.get("/readyz")
    assert (alive.status_code, alive.json()) == (200, {"status": "ok", "version": VERSION})
    assert (ready.status_code, ready.json()) == (
        200, {"ready": True, "missing": {}, "version": VERSION},
    )  # fmt: skip
    assert alive.headers["x-request-id"].startswith("req_")


async def test_a_link_that_is_down_is_named(database: Database) -> None:
    async with client(database, **{"pbx:pbx1": "a manager link is down"}) as asked:
        ready = await asked.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["missing"] == {"pbx:pbx1": "a manager link is down"}


async def test_a_schema_that_is_behind_is_named(database: Database) -> None:
    await database.write(lambda conn: conn.run("UPDATE alembic_version SET version_num = '0001'"))
    async with client(database) as asked:
        ready, alive = await asked.get("/readyz"), await asked.get("/healthz")
    await database.write(
        lambda conn: conn.run(
            "UPDATE alembic_version SET version_num = :newest", newest=readiness.newest()
        )
    )
    assert ready.status_code == 503
    assert ready.json()["missing"] == {
        "migrations": f"the schema is 0001, not {readiness.newest()}: run `sms-voip migrate`"
    }
    assert alive.status_code == 200


async def test_a_database_that_takes_no_write_is_named(database_url: str) -> None:
    database = await open_database(database_url)
    async with client(database) as asked:
        await database.close()
        ready, alive = await asked.get("/readyz"), await asked.get("/healthz")
    assert (ready.status_code, alive.status_code) == (503, 200)
    assert ready.json()["missing"] == {"database": "it takes no write: DatabaseError"}


async def test_many_questions_cost_one_look(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "FRESH_SECONDS", 60.0)
    counting = Counting(database)
    async with client(counting) as asked:
        answers = await asyncio.gather(*(asked.get("/readyz") for _ in range(50)))
    assert {one.status_code for one in answers} == {200}
    assert counting.calls == 2
