"""kill -9 of the platform under full load, at random: every message that was answered with 202
ends once, is submitted once unless nobody can know and its provider's policy is to send again,
and every delivery report reaches its URL.

SMS_VOIP_SMS_KILLS sets how often it is killed; the promise is for 20 times.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from api.commands.sink import Sink
from db import ledger
from db.connection import Conn, Row
from db.database import Database
from db.session import open_database
from telephony.billing import verify
from telephony.secrets import Vault, load
from telephony.webhooks.signing import new_secret
from tests.factories import Customer
from tests.fixtures_pbx import pbx_settings
from tests.fixtures_smsc import Smsc
from tests.sms.killing import FUNDS, Platform, Stubborn, open_shop, text_of

KILLS = int(os.environ.get("SMS_VOIP_SMS_KILLS", "2"))
SENDERS, BATCHERS = 6, 2
"""Each waits for its answer and sends again at once."""
BATCH = 20
LOAD_SECONDS = (0.1, 0.5 if KILLS == 2 else 1.5)
START_SECONDS = 60
SETTLE_SECONDS = 150 + 15 * KILLS
LOOK_SECONDS = 0.2
PRICE = 7_000
DYING_SECONDS = 0.3
"""PostgreSQL may yet commit what the dead had asked for."""
CALM_SECONDS = 1.0
"""The last receipts come within milliseconds."""
UNDER_WAY = "status IN ('queued', 'sending', 'sent')"


@dataclass
class World:
    """A platform that is killed again and again, and all who watch it."""

    platform: Platform
    database: Database
    smsc: Smsc
    sink: Sink
    who: Customer
    client: Stubborn
    unsure: Counter[str] = field(default_factory=Counter)
    """At how many kills a message was with the provider and had no answer, by its id."""

    async def ready(self) -> None:
        """Until another message was accepted."""
        before = len(self.client.accepted)

        async def accepts() -> bool:
            return len(self.client.accepted) > before

        await until(accepts, START_SECONDS)

    async def kill(self) -> None:
        """Between the death and the next start, the leases of the dead run out."""
        self.platform.kill()
        await asyncio.sleep(DYING_SECONDS)
        rows = await self.database.all("SELECT id FROM message WHERE status = 'sending'")
        self.unsure.update(row["id"] for row in rows)
        await self.database.write(_let_leases_run_out)

    async def some(self, table: str, where: str) -> bool:
        return bool(await self.database.all(f"SELECT 1 FROM {table} WHERE {where} LIMIT 1"))

    async def settled(self) -> None:
        """Nothing is under way, and nothing is left to tell."""

        async def is_settled() -> bool:
            pending = await self.some("delivery", "state = 'pending'")
            return not pending and not await self.some("message", UNDER_WAY)

        await until(is_settled, SETTLE_SECONDS)

    async def ended(self) -> None:
        """What no receipt has proven is never known, and its validity ends."""
        await asyncio.sleep(CALM_SECONDS)
        await self.database.write(_let_validity_end)

        async def all_known() -> bool:
            return not await self.some("message", "status = 'unknown'")

        await until(all_known, SETTLE_SECONDS)


async def until(check: Callable[[], Awaitable[bool]], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not await check():
            await asyncio.sleep(LOOK_SECONDS)


def _let_leases_run_out(conn: Conn) -> None:
    conn.run("UPDATE message SET lease_until = 0 WHERE status = 'sending'")
    conn.run(
        "UPDATE delivery SET next_attempt_at = 0 WHERE state = 'pending'"
        " AND lease_token IS NOT NULL"
    )


def _let_validity_end(conn: Conn) -> None:
    conn.run("UPDATE message SET expires_at = 0 WHERE status = 'unknown'")


@pytest.fixture
async def world(database_url: str, smsc: Smsc, tmp_path: Path) -> AsyncIterator[World]:
    settings = pbx_settings(tmp_path / "var", database_url=database_url)
    vault, secret = Vault(load(settings).master_key), new_secret()
    smsc.knobs(record="brief", response_ms=20, receipt_ms=5, first_share=0.2)
    database = await open_database(database_url, beside=True)
    who = await database.write(open_shop, vault, settings, smsc.port, secret)
    platform = Platform(settings)
    async with Sink(secret) as sink, Stubborn(settings.api_url, who.key, sink.url) as client:
        yield World(platform, database, smsc, sink, who, client)
        platform.kill()
    await database.close()


@asynccontextmanager
async def load_on(world: World) -> AsyncIterator[None]:
    """Messages one by one and in batches, as fast as they are answered; all that were begun are
    answered in the end."""
    numbers, over = count(), asyncio.Event()

    async def one_by_one() -> None:
        while not over.is_set():
            await world.client.send(next(numbers))

    async def in_batches() -> None:
        while not over.is_set():
            await world.client.send_all([next(numbers) for _ in range(BATCH)])

    async with asyncio.TaskGroup() as group:
        for _ in range(SENDERS):
            group.create_task(one_by_one())
        for _ in range(BATCHERS):
            group.create_task(in_batches())
        yield
        over.set()


async def test_nothing_is_lost_or_sent_twice(world: World) -> None:
    world.platform.start()
    async with load_on(world):
        for _ in range(KILLS):
            await world.ready()
            await asyncio.sleep(random.uniform(*LOAD_SECONDS))
            await world.kill()
            world.platform.start()
    await world.settled()
    await world.ended()
    await world.settled()
    world.platform.stop()
    rows = await world.database.all("SELECT * FROM message")
    taken = Counter(world.smsc.records["taken"])
    assert {int(row["reference"]): row["id"] for row in rows} == world.client.accepted
    assert len(rows) == len(world.client.accepted)
    for row in rows:
        check_message(row, taken[text_of(int(row["reference"]))], world.unsure[row["id"]])
    submits = Counter(text for text, _ in world.smsc.records["submits"])
    assert submits == taken
    await check_books(world, rows)
    await check_reports(world, rows)
    figures(world, rows, taken)


def check_message(row: Row, taken: int, unsure: int) -> None:
    """Taken once, or once more for every kill that left it without an answer where its provider
    is to send again; never taken only if its provider is to wait and a kill left it so."""
    told = (row["status"], taken, unsure, row["to_number"])
    if row["provider"] == "resends":
        assert row["status"] == "delivered", told
        assert 1 <= taken <= 1 + unsure, told
    elif row["status"] == "delivered":
        assert taken == 1, told
    else:
        assert (row["status"], row["error_code"]) == ("expired", "validity_expired"), told
        assert taken == 0, told
        assert unsure, told
    assert row["cost"] == (PRICE if row["status"] == "delivered" else 0), told


async def check_books(world: World, rows: Sequence[Row]) -> None:
    """Each is paid for once, and nothing stays held."""
    assert await verify.verify(world.database) == {}
    balances = await ledger.balances(world.database, world.who.account_id, "live")
    cost = sum(row["cost"] for row in rows)
    wallet = balances["wallet"]
    assert (wallet["balance"], wallet["held"]) == (FUNDS - cost, 0)


async def check_reports(world: World, rows: Sequence[Row]) -> None:
    """What was told came to the sink, the last state of each message with it."""
    told = await world.database.all("SELECT id, subject FROM event WHERE type = 'delivery_report'")
    came = {event["id"]: event for event in world.sink.events}
    assert world.sink.forged == 0
    assert came.keys() == {event["id"] for event in told}
    ends = {(event["message_id"], event["status"]) for event in came.values()}
    assert {(row["id"], row["status"]) for row in rows} <= ends
    assert len(ends) == len(came), "a state was told as two events"


def figures(world: World, rows: Sequence[Row], taken: Counter[str]) -> None:
    """What the run was like, for whoever looks (-s)."""
    states = Counter(f"{row['provider']} {row['status']}" for row in rows)
    print(
        f"\n  {KILLS} kills, {len(rows)} messages, {world.client.broken} requests broken off;",
        f"{dict(states)}; {world.unsure.total()} without an answer at a kill,",
        f"{taken.total() - len(taken)} submitted again; {len(world.sink.events)} webhooks of",
        f"{len({event['id'] for event in world.sink.events})} events",
    )
