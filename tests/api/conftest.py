"""The application on a database, a vault, and a client that sends no key until told."""

from collections.abc import AsyncIterator

import httpx
import pytest
from cryptography.fernet import Fernet

from api.app import create_app
from api.v1 import applied
from db.database import Database
from db.session import open_database
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.api.client import URL, Api
from tests.api.world import client_of


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody applies anything in most tests; the reply need not wait 2 s for it."""
    monkeypatch.setattr(applied, "APPLIED_SECONDS_MAX", 0.02)
    monkeypatch.setattr(applied, "APPLIED_POLL_SECONDS", 0.01)


@pytest.fixture
def settings() -> Settings:
    """Live SMS and live calls are set up; nothing connects to either."""
    return Settings(smpp_host="127.0.0.1", trunk_host="127.0.0.1:5070", public_url=URL)


@pytest.fixture
def vault() -> Vault:
    return Vault(Fernet.generate_key().decode())


@pytest.fixture
async def client(
    database: Database, settings: Settings, vault: Vault
) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(settings, database, vault)) as opened:
        yield opened


@pytest.fixture
def api(client: httpx.AsyncClient) -> Api:
    """Without a key: `api.using(customer)`."""
    return Api(client)


@pytest.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    """SQLite alone, for what does not depend on the database."""
    opened = await open_database(sqlite_url)
    yield opened
    await opened.close()


@pytest.fixture
async def plain(sqlite: Database, settings: Settings, vault: Vault) -> AsyncIterator[Api]:
    """Like `api`, on `sqlite`."""
    async with client_of(create_app(settings, sqlite, vault)) as opened:
        yield Api(opened)
