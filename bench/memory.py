"""What API and workers, one process on SQLite, take of the memory: idle, and while messages come
and go for minutes. BENCH_MEMORY_SECONDS sets for how long; the promise is for 600."""

import asyncio
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.accept import LIMITS
from bench.load import Load, load
from bench.report import Figure, Report
from bench.server import Shop, open_shop
from db.connection import Conn
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.factories import Customer, add_customer

SECONDS = int(os.environ.get("BENCH_MEMORY_SECONDS", "600"))
WARM_SHARE = 0.3
IDLE_SECONDS = 5.0
LOOK_SECONDS = 1.0
CONNECTIONS = 4
MEGABYTES_MAX = 150
DRIFT_PERCENT_MAX = 2.0
KIBIBYTES = re.compile(r"^VmRSS:\s+(\d+) kB$", re.MULTILINE)


def stock(conn: Conn, vault: Vault, settings: Settings) -> Customer:
    """A test customer: the sandbox takes and delivers what is sent."""
    return add_customer(
        conn,
        funds=10**14,
        sip_funds=0,
        mode="test",
        scopes=("sms:send",),
        name="Bench",
    )


def megabytes(pid: int) -> float:
    """Resident memory of a process."""
    found = KIBIBYTES.search(Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


@dataclass
class Watch:
    """Looks at a process again and again."""

    pid: int
    seen: list[float] = field(default_factory=list)

    def during(self, work: Callable[[], Load]) -> Load:
        """Until the work is done; what it gave."""
        over = threading.Event()
        looking = threading.Thread(target=self._look, args=(over,))
        looking.start()
        try:
            return work()
        finally:
            over.set()
            looking.join()

    def _look(self, over: threading.Event) -> None:
        while not over.wait(LOOK_SECONDS):
            self.seen.append(megabytes(self.pid))

    def drift_percent(self) -> float:
        """Of the last tenth against the first tenth after warm-up."""
        warm = self.seen[int(len(self.seen) * WARM_SHARE) :]
        tenth = max(1, len(warm) // 10)
        first, last = sum(warm[:tenth]) / tenth, sum(warm[-tenth:]) / tenth
        return (last / first - 1) * 100


def work(shop: Shop, pid: int, seconds: int) -> Load:
    """Sandbox messages as fast as few connections are answered."""
    return load(f"{shop.url}/sms/send", shop.customer.key, pid=pid, tag="m", seconds=seconds,
                connections=CONNECTIONS)  # fmt: skip


def run(seconds: int = SECONDS, idle_seconds: float = IDLE_SECONDS) -> Report:
    """On SQLite, where one process does both."""
    with tempfile.TemporaryDirectory() as folder:
        shop = asyncio.run(open_shop(Path(folder), stock, **LIMITS))
        with shop.serving() as pid:
            time.sleep(idle_seconds)
            idle, watch = megabytes(pid), Watch(pid)
            done = watch.during(lambda: work(shop, pid, seconds))
    assert done.broken == 0, done
    return Report("memory", f"Memory of API and workers, {seconds} s of load", [
        Figure("idle", idle, "MB", limit=MEGABYTES_MAX),
        Figure("growth after warm-up", abs(watch.drift_percent()), "%", limit=DRIFT_PERCENT_MAX),
        Figure("at the end of the load", watch.seen[-1], "MB"),
        Figure("messages meanwhile", done.rate, "/s"),
    ])  # fmt: skip
