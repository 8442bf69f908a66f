"""Platforms as processes, which are killed if a test leaves them running."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet

from api.app import create_app
from api.background import Background
from db.database import Database
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.api.world import client_of
from tests.fixtures_pbx import eventually, pbx_settings
from tests.operations.asking import SETTINGS
from tests.operations.processes import START_SECONDS, Process

Start = Callable[..., Process]


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


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Of a platform of its own without an Asterisk."""
    folder = tmp_path / "var"
    folder.mkdir()
    return pbx_settings(folder, database_url=database_url)


@pytest.fixture
def settings_of_two(tmp_path: Path, postgres_url: str) -> tuple[Settings, Settings]:
    """Of two processes of one platform, each with a PBX node of its own."""
    folder = tmp_path / "var"
    folder.mkdir()
    changes = {"database_url": postgres_url, "bind_host": "127.0.0.1"}
    return pbx_settings(folder, **changes), pbx_settings(folder, node="pbx2", **changes)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes; one that has an API has answered."""
    made: list[Process] = []

    def begin(settings: Settings, *options: str, name: str = "platform") -> Process:
        process = Process(settings, *options, name=name)
        made.append(process)
        if "--no-api" not in options:
            eventually(process.answers, START_SECONDS, "an answer")
        return process

    yield begin
    for process in made:
        process.end()
