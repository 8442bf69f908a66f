"""A customer with a webhook secret, a clock that stands still, workers that are closed."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet

from db import accounts
from db.connection import Conn, Row
from db.database import Database
from telephony import clock
from telephony.clock import SECOND, Instant
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.webhooks import deliver
from telephony.webhooks.deliver import WebhookWorker
from telephony.webhooks.events import emit
from telephony.webhooks.signing import new_secret
from tests.webhooks.sinks import Sink, running_sink

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what does not depend on the kind of database."""
LOOPBACK = Settings(bind_host="127.0.0.1", webhook_allow_cidrs=[])


class StillClock:
    """Moves only when told, from the real time on, so that stock libraries take the signatures."""

    def __init__(self) -> None:
        self.at: Instant = clock.now()

    def __call__(self) -> Instant:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += int(seconds * SECOND)


class Customer:
    """Whose events are told; `secret` is the webhook secret in the clear."""

    def __init__(self, database: Database, vault: Vault, name: str, now: StillClock) -> None:
        self.id = f"acc_{name}"
        self.secret = new_secret()
        self._database = database
        self._sealed = vault.seal(self.secret)
        self._now = now
        self._told = 0

    async def open(self, sealed: str | None = None) -> "Customer":
        kept = self._sealed if sealed is None else sealed
        await self._database.write(self._add, kept)
        return self

    def _add(self, conn: Conn, sealed: str) -> None:
        accounts.add_account(
            conn, self._now(), id=self.id, name=self.id, currency="USD",
            webhook_secret_sealed=sealed,
        )  # fmt: skip

    async def tell(self, *urls: str, **payload: Any) -> None:
        """One `delivery_report` to each of the URLs, in one transaction."""

        def deed(conn: Conn) -> None:
            for url in urls:
                self._told += 1
                emit(conn, account_id=self.id, mode="test", kind="delivery_report",
                     subject=f"{self.id}_{self._told}", fact="delivered", callback_url=url,
                     payload=payload, now=self._now())  # fmt: skip

        await self._database.write(deed)


@pytest.fixture
def vault() -> Vault:
    return Vault(Fernet.generate_key().decode())


@pytest.fixture
def still() -> StillClock:
    return StillClock()


@pytest.fixture
async def customer(database: Database, vault: Vault, still: StillClock) -> Customer:
    return await Customer(database, vault, "one", still).open()


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with running_sink() as running:
        yield running


Worker = Callable[..., WebhookWorker]


@pytest.fixture
async def new_worker(
    database: Database, vault: Vault, still: StillClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Worker]:
    """Makes workers on the still clock, without jitter; closes them at the end."""
    monkeypatch.setattr(deliver, "CLOSE_SECONDS_MAX", 0.05)
    made: list[WebhookWorker] = []

    def make(db: Database = database, settings: Settings = LOOPBACK) -> WebhookWorker:
        made.append(WebhookWorker(db, vault, settings, clock=still, jitter=lambda wait: wait))
        return made[-1]

    yield make
    for worker in made:
        await worker.close()


@pytest.fixture
async def worker(new_worker: Worker) -> WebhookWorker:
    return new_worker()


async def deliveries(database: Database) -> list[Row]:
    return await database.all("SELECT * FROM delivery ORDER BY id")


async def attempts(database: Database) -> list[Row]:
    return await database.all("SELECT * FROM delivery_attempt ORDER BY delivery_id, number")


async def event(database: Database) -> Row:
    """The only event, with its payload parsed."""
    (row,) = await database.all("SELECT * FROM event")
    return row | {"payload": json.loads(row["payload"])}
