"""The application on either database."""

from collections.abc import AsyncIterator

import pytest
from cryptography.fernet import Fernet

from api.app import create_app
from db.database import Database
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.api.client import Api
from tests.api.world import client_of


@pytest.fixture
def vault() -> Vault:
    return Vault(Fernet.generate_key().decode())


@pytest.fixture
async def api(database: Database, vault: Vault) -> AsyncIterator[Api]:
    """Without a key: `api.using(customer)`."""
    async with client_of(create_app(Settings(), database, vault)) as opened:
        yield Api(opened)
