"""The application with pages of the tests' own, on SQLite: pages have no SQL of theirs."""

from collections.abc import AsyncIterator

import httpx
import pytest
from cryptography.fernet import Fernet
from starlette.types import ASGIApp

from api.app import PAGES, create_app
from db.database import Database
from db.session import open_database
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.api.client import URL
from tests.api.world import client_of
from tests.web import sample


@pytest.fixture
def settings() -> Settings:
    return Settings(public_url=URL, requests_per_minute=120)


@pytest.fixture
def vault() -> Vault:
    return Vault(Fernet.generate_key().decode())


@pytest.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    opened = await open_database(sqlite_url)
    yield opened
    await opened.close()


@pytest.fixture
def app(sqlite: Database, settings: Settings, vault: Vault) -> ASGIApp:
    """With the sample pages beside the platform's own."""
    return create_app(settings, sqlite, vault, (*PAGES, *sample.PAGES), sample.viewer_of)


@pytest.fixture
async def web(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as opened:
        yield opened
