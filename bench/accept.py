"""`POST /sms/send` with all that belongs to it (key, limits, caps, idempotency key, price, hold,
row, reply, fsync'd commit), beside a bare endpoint that reads and writes JSON."""

import asyncio
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.bare import HOST, PATH
from bench.load import Load, load
from bench.report import Figure, Report
from bench.server import Shop, open_shop, process
from db.connection import Conn
from telephony.clock import now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms import routes
from telephony.sms.providers import configured
from tests.factories import Customer, add_customer
from tests.ports import free_port

CONNECTIONS = 50
ROUNDS, ROUND_SECONDS, WARM_SECONDS = 5, 8, 3
RATE_RATIO_MIN, P99_RATIO_MAX = 0.35, 3.0
FUNDS = 900_000_000_000_000
LIMITS = {
    "requests_per_minute": 100_000_000, "sms_account_per_minute": 100_000_000,
    "sms_account_per_second": 10_000, "messages_queued_max": 100_000_000,
    "messages_queued_account_max": 100_000_000,
}  # fmt: skip
"""All are counted, and none is reached."""


def stock(conn: Conn, vault: Vault, settings: Settings) -> Customer:
    """A live customer with limits and caps, and a route to a provider."""
    options = '{"host": "127.0.0.1", "port": 2775, "system_id": "bench"}'
    configured.add(conn, vault, settings, "smsc", "smpp", options, now())
    routes.add(conn, provider="smsc", mode="live", account_id="", sender="", prefix="1555",
               priority=0, weight=1)  # fmt: skip
    return add_customer(
        conn, funds=FUNDS, sip_funds=0, mode="live", scopes=("sms:send", "sms:read"),
        name="Bench", spend_day_max=FUNDS, spend_month_max=FUNDS,
    )  # fmt: skip


@dataclass(frozen=True)
class Both:
    """One round of each, right after the other."""

    ours: Load
    bare: Load


def measure(shop: Shop, rounds: int, seconds: int, warm: int) -> list[Both]:
    """Take turns, so that what else the machine does falls on both. Without workers: what is
    accepted stays queued."""
    port = free_port()
    bare_url = f"http://{HOST}:{port}{PATH}"
    found: list[Both] = []
    with (
        shop.serving("--no-workers") as pid,
        process([sys.executable, "-m", "bench.bare", str(port)], port) as bare_pid,
    ):
        for number in range(rounds + 1):
            lasting = seconds if number else warm
            ours = load(f"{shop.url}/sms/send", shop.customer.key, pid=pid, tag=f"r{number}",
                        connections=CONNECTIONS, seconds=lasting)  # fmt: skip
            bare = load(bare_url, shop.customer.key, pid=bare_pid, tag=f"r{number}",
                        connections=CONNECTIONS, seconds=lasting)  # fmt: skip
            assert ours.refused == ours.broken == 0, ours
            found.append(Both(ours, bare))
    return found[1:]


async def stored(shop: Shop) -> tuple[int, int]:
    """Messages that are queued, and idempotency keys with their replies."""
    async with shop.database() as database:
        rows = await database.all(
            "SELECT (SELECT COUNT(*) FROM message WHERE status = 'queued') AS messages,"
            " (SELECT COUNT(*) FROM idempotency_key WHERE status = 202) AS keys"
        )
    return rows[0]["messages"], rows[0]["keys"]


def figures(found: Sequence[Both]) -> list[Figure]:
    """Medians of the rounds, and of the ratios in each."""

    def middle(values: Sequence[float]) -> float:
        return statistics.median(values)

    ours, bare = [both.ours for both in found], [both.bare for both in found]
    name = "bare Starlette"
    return [
        Figure("requests/s, in those of the bare endpoint",
               middle([each.ours.rate / each.bare.rate for each in found]), "",
               floor=RATE_RATIO_MIN),
        Figure("p99, in that of the bare endpoint",
               middle([each.ours.p99_ms / each.bare.p99_ms for each in found]), "",
               limit=P99_RATIO_MAX),
        Figure("accepted and committed", middle([one.rate for one in ours]), "/s",
               name, middle([one.rate for one in bare])),
        Figure("p99", middle([one.p99_ms for one in ours]), "ms",
               name, middle([one.p99_ms for one in bare])),
        Figure("p50", middle([one.p50_ms for one in ours]), "ms",
               name, middle([one.p50_ms for one in bare])),
        Figure("processor for each", middle([one.spent for one in ours]), "µs",
               name, middle([one.spent for one in bare])),
    ]  # fmt: skip


def run(
    rounds: int = ROUNDS, seconds: int = ROUND_SECONDS, warm: int = WARM_SECONDS
) -> Report:  # fmt: skip
    """On SQLite. Whatever was answered is stored: wrk leaves some requests unanswered at the end
    of each round, so that there may be a few more."""
    with tempfile.TemporaryDirectory() as folder:
        shop = asyncio.run(open_shop(Path(folder), stock, **LIMITS))
        found = measure(shop, rounds, seconds, warm)
        messages, keys = asyncio.run(stored(shop))
    assert messages == keys >= sum(both.ours.requests for both in found)
    title = f"POST /sms/send, {CONNECTIONS} connections"
    return Report("accept", title, figures(found))
