"""The application with its own pages, people in its database, and a visitor."""

from collections.abc import AsyncIterator

import httpx
import pytest
from cryptography.fernet import Fernet
from starlette.types import ASGIApp

from api.app import create_app
from api.web import streams
from db.database import Database
from db.session import open_database
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.users.sessions import Member
from tests.api.world import client_of
from tests.dashboard.messaging import fund
from tests.dashboard.visitor import Visitor
from tests.users.world import URL, People, of

ADA, ROOT = "ada@example.com", "root@example.com"


@pytest.fixture
def settings() -> Settings:
    return Settings(public_url=URL)


@pytest.fixture
def vault() -> Vault:
    return Vault(Fernet.generate_key().decode())


@pytest.fixture(autouse=True)
def _streams_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream tells what there is now, and ends."""
    monkeypatch.setattr(streams, "BREATH_SECONDS", 0.0)
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(streams, "LIFE_SECONDS", 0.01)


@pytest.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    """The deeds are tested on both databases; pages have no SQL of theirs."""
    opened = await open_database(sqlite_url)
    yield opened
    await opened.close()


@pytest.fixture
def people(sqlite: Database, vault: Vault) -> People:
    return People(sqlite, of(vault))


@pytest.fixture
def app(sqlite: Database, settings: Settings, vault: Vault) -> ASGIApp:
    return create_app(settings, sqlite, vault)


@pytest.fixture
async def client(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as opened:
        yield opened


@pytest.fixture
def ada(client: httpx.AsyncClient) -> Visitor:
    """Somebody with a browser."""
    return Visitor(client)


@pytest.fixture
async def bob(app: ASGIApp) -> AsyncIterator[Visitor]:
    """Somebody else, with another browser."""
    async with client_of(app) as opened:
        yield Visitor(opened)


@pytest.fixture
async def root(people: People, bob: Visitor) -> Visitor:
    """An administrator with a browser."""
    await people.admin(email=ROOT)
    await bob.sign_in(ROOT)
    return bob


@pytest.fixture
async def owner(sqlite: Database, people: People, ada: Visitor) -> Member:
    """Somebody with play money, who is signed in."""
    member = await people.owner(ADA)
    await fund(sqlite, member)
    await ada.sign_in(ADA)
    return member
