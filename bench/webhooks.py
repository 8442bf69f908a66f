"""Signed deliveries from one worker to a local sink: how many a second out of a backlog, and how
soon the first byte of an event leaves when nothing else is to be done."""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.load import processor_seconds
from bench.report import Figure, Report
from bench.server import Shop, open_shop, process
from bench.sink import HOST, Seen, told
from db.connection import Conn
from telephony.clock import now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.webhooks.events import emit
from telephony.webhooks.signing import new_secret
from tests.factories import Customer, add_customer
from tests.ports import free_port

BACKLOG = 60_000
PER_DEED = 500
SINGLE = 100
SINGLE_EVERY_SECONDS = 0.1
PER_SECOND_MIN = 2_000
P50_MS_MAX = 20
WAIT_SECONDS = 150
LOOK_SECONDS = 0.25
DELIVERED_AT_ONCE = "+15551230001"


@dataclass(frozen=True)
class Sink:
    """The process that receives."""

    port: int
    secret: str

    @property
    def url(self) -> str:
        """Where events go."""
        return f"http://{HOST}:{self.port}/hook"

    def seen(self) -> Seen:
        """What it has seen so far; nothing of it was forged."""
        seen = told(self.port)
        assert seen.forged == 0, f"{seen.forged} signatures are wrong"
        return seen

    def wait(self, count: int) -> Seen:
        """Once so many events have come."""
        until = time.monotonic() + WAIT_SECONDS
        while len((seen := self.seen()).arrived) < count:
            assert time.monotonic() < until, f"{len(seen.arrived)} of {count} came"
            time.sleep(LOOK_SECONDS)
        return seen


@contextmanager
def running_sink() -> Iterator[Sink]:
    """Until the caller is done."""
    sink = Sink(free_port(), new_secret())
    command = [sys.executable, "-m", "bench.sink", str(sink.port), sink.secret]
    with process(command, sink.port):
        yield sink


def stocked(secret: str) -> Callable[[Conn, Vault, Settings], Customer]:
    """A test customer whose events are signed by a secret."""

    def stock(conn: Conn, vault: Vault, settings: Settings) -> Customer:
        return add_customer(
            conn, funds=10**12, sip_funds=0, mode="test", scopes=("sms:send", "sms:read"),
            name="Bench", webhook_secret_sealed=vault.seal(secret),
        )  # fmt: skip

    return stock


def tell(conn: Conn, account_id: str, url: str, first: int, count: int) -> None:
    """Events as those of delivered messages."""
    for number in range(first, first + count):
        emit(
            conn, account_id=account_id, mode="test", kind="delivery_report",
            subject=f"msg_{number:026}", fact="delivered", callback_url=url, now=now(),
            payload={
                "message_id": f"msg_{number:026}", "status": "delivered", "to": "+15551234567",
                "error_code": None, "reference": str(number), "cost": 0.007, "currency": "USD",
            },
        )  # fmt: skip


async def fill(shop: Shop, url: str, count: int) -> None:
    """The backlog."""
    async with shop.database() as database:
        for first in range(0, count, PER_DEED):
            size = min(PER_DEED, count - first)
            await database.write(tell, shop.customer.account_id, url, first, size)


async def latencies(shop: Shop, sink: Sink, since: int) -> list[float]:
    """Milliseconds from each later event to its first byte at the sink."""
    arrived = sink.seen().arrived
    async with shop.database() as database:
        rows = await database.all(
            "SELECT id, created_at FROM event WHERE created_at >= :since", since=since
        )
    return [(arrived[row["id"]] - row["created_at"]) / 1000 for row in rows]


def send_singles(shop: Shop, sink: Sink, count: int) -> None:
    """Messages that are delivered at once, with pauses."""
    headers = {"Authorization": f"Bearer {shop.customer.key}"}
    body = {"to": DELIVERED_AT_ONCE, "text": "code", "callback_url": sink.url}
    with httpx.Client(base_url=shop.url, headers=headers, timeout=30) as client:
        for _ in range(count):
            assert client.post("/sms/send", json=body).status_code == 202
            time.sleep(SINGLE_EVERY_SECONDS)


def run(backlog: int = BACKLOG, single: int = SINGLE) -> Report:
    """API and workers are one process on SQLite, as `sms-voip serve` runs them."""
    with tempfile.TemporaryDirectory() as folder, running_sink() as sink:
        shop = asyncio.run(open_shop(Path(folder), stocked(sink.secret)))
        asyncio.run(fill(shop, sink.url, backlog))
        with shop.serving() as pid:
            before = processor_seconds(pid)
            arrived = sorted(sink.wait(backlog).arrived.values())
            spent = processor_seconds(pid) - before
            since = now()
            send_singles(shop, sink, single)
            seen = sink.wait(backlog + single)
        waited = asyncio.run(latencies(shop, sink, since))
    middle = arrived[len(arrived) // 10 : -max(1, len(arrived) // 10)]  # neither start nor end
    rate = (len(middle) - 1) / max(1, middle[-1] - middle[0]) * 1e6
    return Report("webhooks", f"Webhooks out of a backlog of {backlog:,}", [
        Figure("signed deliveries", rate, "/s", floor=PER_SECOND_MIN),
        Figure("event to first byte when idle, p50", statistics.median(waited), "ms",
               limit=P50_MS_MAX),
        Figure("event to first byte when idle, the slowest", max(waited), "ms"),
        Figure("processor for each", spent / backlog * 1e6, "µs"),
        Figure("sent more than once", seen.posts - len(seen.arrived), ""),
    ])  # fmt: skip
