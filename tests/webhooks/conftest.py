"""A customer with a webhook secret, a clock that stands still, workers that are closed."""

import asyncio
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
from telephony.webhooks import deliver, endpoints
from telephony.webhooks.deliver import WebhookWorker
from telephony.webhooks.endpoints import Place
from telephony.webhooks.events import emit
from telephony.webhooks.signing import new_secret
from tests.patience import PATIENCE_SECONDS
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
        self.place = Place(self.id, "test")
        self._database = database
        self._vault = vault
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

    async def tell(
        self, *urls: str | None, kind: str = "delivery_report", mode: str = "test", **payload: Any
    ) -> None:
        """One event to each of the URLs, in one transaction; None: to whoever is subscribed."""

        def deed(conn: Conn) -> None:
            for url in urls:
                self._told += 1
                emit(conn, account_id=self.id, mode=mode, kind=kind,
                     subject=f"{self.id}_{self._told}", fact="delivered", callback_url=url,
                     payload=payload, now=self._now())  # fmt: skip

        await self._database.write(deed)

    async def add(self, url: str, *events: str) -> tuple[str, str]:
        """Id and secret of a new endpoint."""

        def deed(conn: Conn) -> tuple[str, str]:
            row, secret = endpoints.create(
                conn, self._vault, self.place, url=url, events=list(events), description="",
                enabled=True, now=self._now(),
            )  # fmt: skip
            return row["id"], secret

        return await self._database.write(deed)

    async def change(self, endpoint_id: str, **facts: Any) -> Row:
        """Change an endpoint."""

        def deed(conn: Conn) -> Row:
            return endpoints.change(conn, self.place, endpoint_id, self._now(), **facts)

        return await self._database.write(deed)

    async def rotate(self, name: str) -> str:
        """A new secret."""
        rotated = await self._database.write(
            endpoints.rotate, self._vault, self.place, name, self._now()
        )
        return rotated.secret


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


async def sent(worker: WebhookWorker) -> int:
    """One step, and the outcome of what it started."""
    started = await worker.step()
    await worker.settled()
    return started


async def endpoint(database: Database, endpoint_id: str) -> Row:
    """An endpoint's row."""
    (row,) = await database.all("SELECT * FROM webhook_endpoint WHERE id = :id", id=endpoint_id)
    return row


async def deliveries(database: Database) -> list[Row]:
    return await database.all("SELECT * FROM delivery ORDER BY id")


async def all_delivered(database: Database) -> None:
    """Wait until no delivery is pending: what a receiver got is written down a moment later."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while any(row["state"] == "pending" for row in await deliveries(database)):
            await asyncio.sleep(0.02)


async def attempts(database: Database) -> list[Row]:
    return await database.all("SELECT * FROM delivery_attempt ORDER BY delivery_id, number")


async def event(database: Database) -> Row:
    """The only event, with its payload parsed."""
    (row,) = await database.all("SELECT * FROM event")
    return row | {"payload": json.loads(row["payload"])}
