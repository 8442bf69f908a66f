"""`POST /sms/batch` of 500, with all that `bench/accept` has."""

import asyncio
import statistics
import tempfile
from pathlib import Path

from bench.accept import LIMITS, stock, stored
from bench.load import Load, load
from bench.report import Figure, Report
from bench.server import Shop, open_shop

SIZE = 500
CONNECTIONS = 4
ROUNDS, ROUND_SECONDS, WARM_SECONDS = 5, 8, 3
MESSAGES_PER_SECOND_MIN = 15_000


def measure(shop: Shop, size: int, rounds: int, seconds: int, warm: int) -> list[Load]:
    """Without workers, as in `bench/accept`."""
    found: list[Load] = []
    with shop.serving("--no-workers") as pid:
        for number in range(rounds + 1):
            found.append(load(
                f"{shop.url}/sms/batch", shop.customer.key, pid=pid, tag=f"r{number}", batch=size,
                connections=CONNECTIONS, seconds=seconds if number else warm,
            ))  # fmt: skip
            assert found[-1].refused == found[-1].broken == 0, found
    return found[1:]


def run(
    size: int = SIZE, rounds: int = ROUNDS, seconds: int = ROUND_SECONDS,
    warm: int = WARM_SECONDS,
) -> Report:  # fmt: skip
    """On SQLite; what was answered is stored."""
    with tempfile.TemporaryDirectory() as folder:
        shop = asyncio.run(open_shop(Path(folder), stock, **LIMITS))
        found = measure(shop, size, rounds, seconds, warm)
        messages, _ = asyncio.run(stored(shop))
    assert messages >= sum(one.requests for one in found) * size
    return Report("batch", f"POST /sms/batch of {size}, {CONNECTIONS} connections", [
        Figure("messages accepted and committed",
               statistics.median(one.rate for one in found) * size, "/s",
               floor=MESSAGES_PER_SECOND_MIN),
        Figure("processor for each message",
               statistics.median(one.spent for one in found) / size, "µs"),
        Figure("p99 of a batch", statistics.median(one.p99_ms for one in found), "ms"),
    ])  # fmt: skip
