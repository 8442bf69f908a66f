"""A vault, and people on both databases."""

import pytest
from cryptography.fernet import Fernet

from db.database import Database
from telephony.secrets import Vault
from telephony.users.passwords import Hasher
from telephony.users.sign_in import SignIn
from tests.users.world import People, of


@pytest.fixture
def vault() -> Vault:
    return Vault(Fernet.generate_key().decode())


@pytest.fixture
def people(database: Database, vault: Vault) -> People:
    return People(database, of(vault))


@pytest.fixture
def gate(database: Database, vault: Vault) -> SignIn:
    return SignIn(database, vault, Hasher())
