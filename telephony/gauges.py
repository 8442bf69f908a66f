"""Reads the gauges: what waits, which links stand, how late things are."""

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from db import cdrs, depths
from db.connection import Row
from db.database import Database
from telephony import metrics
from telephony.clock import SECOND, Instant, now
from telephony.queue import Kick, repeat
from telephony.settings import Settings

EVERY_SECONDS = 5.0
ROWS_MAX = 100_000
"""A queue is counted no further, which would cost its readers more than it tells."""
LAG_EVERY_SECONDS = 0.5
STATES = ("queued", "sending", "unknown", "scheduled")
CALL_STATES = ("queued", "dialing", "ringing", "answered")
LANES = ("single", "bulk")


class Links(Protocol):
    """What the workers of a process tell of theirs."""

    def providers(self) -> Mapping[str, tuple[bool, Mapping[str, float]]]:
        """By SMS provider: whether it is up, and its figures."""

    def ami(self) -> Mapping[str, bool]:
        """Whether the manager link is ready, by its user."""

    def drift(self) -> int:
        """How many promises of the ledger are broken."""


class Gauges:
    """Looks every few seconds, beside the writer."""

    def __init__(self, db: Database, settings: Settings, links: Links) -> None:
        self._db = db
        self._settings = settings
        self._links = links

    async def run(self) -> None:
        """Look until cancelled."""
        await repeat("gauges", Kick(), self.look, EVERY_SECONDS)

    async def look(self) -> int:
        """Set every gauge; 0."""
        at = now()
        self._of_links()
        _of_messages(await depths.messages(self._db, ROWS_MAX), at)
        _of_calls(await depths.calls(self._db, ROWS_MAX), at)
        deliveries = await depths.deliveries(self._db, ROWS_MAX)
        metrics.DELIVERIES.set(deliveries["n"])
        metrics.DELIVERY_OLDEST.set(_late(deliveries["oldest"], at))
        metrics.HOLDS.set(await depths.holds(self._db, ROWS_MAX))
        behind = await depths.phones_behind(self._db, self._settings.node, ROWS_MAX)
        metrics.PHONES_BEHIND.set(behind["n"])
        metrics.PHONES_OLDEST.set(_late(behind["oldest"], at))
        position = await self._db.write(cdrs.position, self._settings.node)
        lag = await asyncio.to_thread(cdr_lag, self._settings.cdr_file, *position)
        metrics.CDR_LAG.set(lag)
        return 0

    def _of_links(self) -> None:
        metrics.LEDGER_DRIFT.set(self._links.drift())
        for user, ready in self._links.ami().items():
            metrics.AMI_UP.labels(user).set(ready)
        for name, (up, figures) in self._links.providers().items():
            metrics.PROVIDER_UP.labels(name).set(up)
            for figure, gauge in metrics.PROVIDER_FIGURES.items():
                if figure in figures:
                    gauge.labels(name).set(figures[figure])


def _of_messages(rows: list[Row], at: Instant) -> None:
    found = {(row["status"], LANES[row["lane"]]): row for row in rows}
    for lane in LANES:
        for state in STATES:
            row = found.get((state, lane))
            metrics.MESSAGES.labels(state, lane).set(row["n"] if row else 0)
        queued = found.get(("queued", lane))
        metrics.MESSAGE_OLDEST.labels(lane).set(_late(queued["oldest"] if queued else None, at))


def _of_calls(rows: list[Row], at: Instant) -> None:
    found = {row["status"]: row for row in rows}
    for state in CALL_STATES:
        metrics.CALLS.labels(state).set(found[state]["n"] if state in found else 0)
    queued = found.get("queued")
    metrics.CALL_OLDEST.set(_late(queued["oldest"] if queued else None, at))


def _late(due: Instant | None, at: Instant) -> float:
    """Seconds since then; 0 where it is still to come."""
    return 0.0 if due is None else max(0.0, (at - due) / SECOND)


def cdr_lag(path: Path, inode: int, offset: int) -> int:
    """Bytes of the file that were not read yet; all of it if another one was read last."""
    try:
        stat = os.stat(path)
    except FileNotFoundError:
        return 0
    return max(0, stat.st_size - offset) if stat.st_ino == inode else stat.st_size


async def watch_loop() -> None:
    """Measure for ever how late this process's event loop is."""
    while True:
        due = time.monotonic() + LAG_EVERY_SECONDS
        await asyncio.sleep(LAG_EVERY_SECONDS)
        metrics.LOOP_LAG.observe(max(0.0, time.monotonic() - due))
