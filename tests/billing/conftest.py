"""After each test of money the ledger must add up."""

from collections.abc import AsyncIterator

import pytest

from db import audit
from db.database import Database


@pytest.fixture
async def database(database: Database) -> AsyncIterator[Database]:
    """The database, whose ledger is examined when the test is over."""
    yield database
    drift = await database.write(audit.drift)
    assert not any(drift.values()), drift
