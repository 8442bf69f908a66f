"""Counts what was sent, received and called by day, behind whoever writes it: a little at a time,
off the histories that are only added to. Nobody waits for it and it takes no row that is hot."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from db import traffic
from db.connection import Row
from db.database import Database
from db.ids import first_id
from db.traffic import DAY, SOURCES, Source
from telephony.clock import Instant, now
from telephony.money import Micros
from telephony.queue import Kick, repeat

EVERY_SECONDS = 5.0
SETTLING_MILLIS = 30_000
"""By then a row with an id of that instant has been committed; one that comes later still is
not counted, which only statistics can afford."""
DAYS_BACK = 90
"""So much of what an existing installation has is counted after the upgrade."""
ROWS_PER_STEP = 2_000
UNDELIVERED = ("undelivered", "failed", "expired")
UNANSWERED = ("busy", "no_answer", "failed", "canceled")


class Traffic:
    """One may work in each process: what another has counted meanwhile is not counted twice."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def run(self) -> None:
        """Work until cancelled."""
        await repeat("traffic", Kick(), self.step, EVERY_SECONDS)

    async def step(self) -> int:
        """Count the next rows of each source; how many sources have more of them."""
        return sum([await self._count(source) for source in SOURCES])

    async def _count(self, source: Source) -> bool:
        began, millis = time.monotonic(), now() // 1000 - SETTLING_MILLIS
        known = await traffic.frontier(self._db, source)
        after = known or first_id(source.prefix, millis - DAYS_BACK * DAY // 1000)
        before = first_id(source.prefix, millis)
        upto, rows = await traffic.next_id(self._db, source, after, before, ROWS_PER_STEP)
        if upto is None:
            return False
        found = await traffic.counted(self._db, source, after, upto)
        await self._db.write(traffic.add, source, known, upto, found)
        # As long as it worked: what is old may wait for what is new.
        await asyncio.sleep(time.monotonic() - began)
        return rows == ROWS_PER_STEP


@dataclass
class Day:
    """What came to its end on one day."""

    at: Instant
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    units: Counter[tuple[str, str]] = field(default_factory=Counter)
    cost: Counter[str] = field(default_factory=Counter)

    def add(self, row: Row) -> None:
        """One row of the day."""
        what = (row["kind"], row["outcome"])
        self.counts[what] += row["count"]
        self.units[what] += row["units"]
        self.cost[row["kind"]] += row["cost"]

    @property
    def sent(self) -> int:
        """Messages that a provider has taken."""
        return self.counts["message", "sent"]

    @property
    def delivered(self) -> int:
        """Messages that reached their phones."""
        return self.counts["message", "delivered"]

    @property
    def undelivered(self) -> int:
        """Messages that did not."""
        return sum(self.counts["message", one] for one in UNDELIVERED)

    @property
    def received(self) -> int:
        """Messages from phones."""
        return self.counts["reply", "received"]

    @property
    def answered(self) -> int:
        """Calls that were answered and are over."""
        return self.counts["call", "completed"]

    @property
    def unanswered(self) -> int:
        """Calls that were not."""
        return sum(self.counts["call", one] for one in UNANSWERED)

    @property
    def talk_seconds(self) -> int:
        """Of the answered ones."""
        return self.units["call", "completed"]

    def spent(self) -> Micros:
        """For messages and calls."""
        return self.cost.total()


def whole_days(rows: Iterable[Row], today: Instant, count: int) -> list[Day]:
    """A day for each of the last ones, the oldest first, also where nothing happened."""
    found = {at: Day(at) for at in range(today - (count - 1) * DAY, today + 1, DAY)}
    for row in rows:
        if row["day"] in found:
            found[row["day"]].add(row)
    return list(found.values())


def together(days: Iterable[Day]) -> Day:
    """The sum of some days."""
    total = Day(0)
    for day in days:
        total.counts += day.counts
        total.units += day.units
        total.cost += day.cost
    return total
