"""A host of its own for test keys."""

from collections.abc import AsyncIterator

import httpx
import pytest

from api.app import create_app
from db.database import Database
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.api.client import Api, good, problem
from tests.api.world import client_of
from tests.factories import customer

SANDBOX = "sandbox.example.com"


@pytest.fixture
async def settled(sqlite: Database, vault: Vault) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(sandbox_host="Sandbox.example.com.")
    async with client_of(create_app(settings, sqlite, vault)) as client:
        yield client


@pytest.mark.parametrize(
    ("mode", "host", "allowed"),
    [
        ("test", SANDBOX, True),
        ("test", f"{SANDBOX.upper()}:8443", True),
        ("test", "api.example.com", False),
        ("test", f"{SANDBOX}.evil.example", False),
        ("test", "", False),
        ("test", "[::1", False),
        ("live", "api.example.com", True),
        ("live", "127.0.0.1:8000", True),
        ("live", SANDBOX, False),
        ("live", f"{SANDBOX}.", False),
    ],
)
async def test_each_kind_of_key_has_its_host(
    settled: httpx.AsyncClient, sqlite: Database, mode: str, host: str, allowed: bool
) -> None:
    who = await customer(sqlite, mode=mode)
    for path in ("/voip/logs", "/ping"):
        response = await Api(settled, who.key).get(path, headers={"Host": host})
        if allowed:
            good(response)
        else:
            problem(response, 403, "wrong_environment")


async def test_without_a_key_both_hosts_answer(settled: httpx.AsyncClient) -> None:
    for host in (SANDBOX, "api.example.com"):
        good(await Api(settled).get("/ping", headers={"Host": host}))


async def test_without_the_setting_any_host_takes_both(plain: Api, sqlite: Database) -> None:
    for mode in ("live", "test"):
        who = await customer(sqlite, mode=mode)
        good(await plain.using(who).get("/ping", headers={"Host": SANDBOX}))
