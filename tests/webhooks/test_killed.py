"""kill -9 right before and right after each commit of the webhooks' life: whatever was committed
happens, with the same id; nothing is half done."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from cryptography.fernet import Fernet

from db import notices
from db.database import Database
from db.session import open_database
from telephony.secrets import Vault
from telephony.webhooks import replay
from telephony.webhooks.deliver import LEASE_SECONDS, WebhookWorker
from telephony.webhooks.signing import verify
from tests.webhooks.conftest import LOOPBACK, Customer, StillClock, deliveries, endpoint, sent
from tests.webhooks.doomed import exit_code
from tests.webhooks.sinks import Sink

BOTH = pytest.mark.parametrize("instant", ["before-commit", "after-commit"])
DIE_SECONDS = 60


class Life:
    """One customer on one database, whose processes die; `name` is the endpoint."""

    def __init__(self, url: str, sink: Sink) -> None:
        self.still = StillClock()
        self.key = Fernet.generate_key().decode()
        self.vault = Vault(self.key)
        self.url = url
        self.sink = sink
        self.name = self.secret = ""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[tuple[Database, Customer]]:
        database = await open_database(self.url)
        try:
            yield database, Customer(database, self.vault, "killed", self.still)
        finally:
            await database.close()

    async def begin(self, events: int) -> None:
        async with self.opened() as (database, customer):
            await customer.open()
            self.name, self.secret = await customer.add(f"{self.sink.url}/hook")
            await customer.tell(*[None] * events)
            assert len(await deliveries(database)) == events

    async def dies(self, action: str, failpoint: str) -> None:
        """A process that does this and is killed at the failpoint."""
        code = await asyncio.to_thread(
            exit_code, failpoint, self.url, self.key, "acc_killed", action, self.name,
            seconds=DIE_SECONDS,
        )  # fmt: skip
        assert code == -signal.SIGKILL

    async def deliver(self, database: Database) -> None:
        """The next process, once the leases of the dead one are over."""
        self.still.at = StillClock().at
        self.still.advance(LEASE_SECONDS + 5)
        worker = WebhookWorker(database, self.vault, LOOPBACK, clock=self.still)
        while await sent(worker):
            pass
        await worker.close()


@pytest.fixture
def life(database_url: str, sink: Sink) -> Life:
    return Life(database_url, sink)


@BOTH
@pytest.mark.parametrize("deed", ["claim", "record"])
async def test_events_are_delivered_after_it_at_least_once(
    life: Life, deed: str, instant: str
) -> None:
    await life.begin(events=3)
    await life.dies("deliver", f"{instant}:{deed}")
    first = {one.event_id: one.body for one in life.sink.received}
    async with life.opened() as (database, _):
        told = {row["id"] for row in await database.all("SELECT id FROM event")}
        await life.deliver(database)
        counts = Counter(one.event_id for one in life.sink.received)
        assert set(counts) == told
        assert max(counts.values()) <= 2
        assert all(one.body == first.get(one.event_id, one.body) for one in life.sink.received)
        assert {row["state"] for row in await deliveries(database)} == {"delivered"}
        if (deed, instant) == ("record", "after-commit"):
            assert any(counts[event_id] == 1 for event_id in first), "it was recorded"


@BOTH
async def test_the_event_and_its_deliveries_commit_together(life: Life, instant: str) -> None:
    await life.begin(events=0)
    await life.dies("tell", f"{instant}:tell")
    async with life.opened() as (database, _):
        await life.deliver(database)
        told = {row["id"] for row in await database.all("SELECT id FROM event")}
        assert len(told) == (2 if instant == "after-commit" else 0)
        assert {one.event_id for one in life.sink.received} == told


@BOTH
async def test_a_disabled_endpoint_stays_disabled(life: Life, instant: str) -> None:
    life.sink.answers["/hook"] = 410
    await life.begin(events=1)
    await life.dies("deliver", f"{instant}:record")
    async with life.opened() as (database, customer):
        enabled = bool((await endpoint(database, life.name))["enabled"])
        assert enabled == (instant == "before-commit")
        await life.deliver(database)
        row = await endpoint(database, life.name)
        assert (bool(row["enabled"]), row["disabled_because"]) == (False, "gone")
        assert len(await notices.unseen(database, customer.id, "test", 9)) == 1
        assert len(life.sink.received) == (2 if instant == "before-commit" else 1)


@BOTH
async def test_a_rotation_happens_whole_or_not(life: Life, instant: str) -> None:
    await life.begin(events=1)
    await life.dies("rotate", f"{instant}:rotate")
    async with life.opened() as (database, _):
        await life.deliver(database)
        now = life.vault.open((await endpoint(database, life.name))["secret_sealed"])
        rotated = instant == "after-commit"
        assert (now != life.secret) == rotated
        (got,) = life.sink.received
        header, at = got.headers["X-Signature"], life.still.at / 1_000_000
        assert header.count("v1=") == (2 if rotated else 1)
        assert verify(life.secret, header, got.body, at)
        assert verify(now, header, got.body, at)


@pytest.mark.parametrize(
    ("failpoint", "again"),
    [("before-commit:replay_range", 0), ("after-commit:replay_range", 5), ("before-commit:step", 5),
     ("after-commit:step", 5)],
)  # fmt: skip
async def test_a_replay_goes_on_where_it_was(life: Life, failpoint: str, again: int) -> None:
    await life.begin(events=5)
    async with life.opened() as (database, _):
        await life.deliver(database)
    first = Counter(one.event_id for one in life.sink.received)
    assert len(first) == 5
    await asyncio.sleep(0.01)  # the range ends after the last event's millisecond
    await life.dies("range", failpoint)
    async with life.opened() as (database, _):
        while await database.write(replay.step, life.still()):
            pass
        await life.deliver(database)
        counts = Counter(one.event_id for one in life.sink.received)
        assert set(counts) == set(first)
        assert counts.total() == 5 + again
