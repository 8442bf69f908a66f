"""Proves that the ledger keeps its promises: whole on demand and once a day, and every minute for
what has changed since. Only reads, beside the writer."""

from db import audit, chain
from db.connection import Reader, Row
from db.ids import first_id
from telephony.clock import SECOND, Instant, now

EVERY_SECONDS = 60.0
WHOLE_SECONDS = 24 * 3600
OVERLAP_SECONDS = 600
"""A journal may commit so much later than its id was made."""
LONGEST_SECONDS = 24 * 3600
"""No call lasts longer, nor waits longer for its end."""
ALL_CALLS = 10**9
CHAIN = "the chain of journals is broken"

Drift = dict[str, list[Row]]


async def verify(
    reader: Reader, since: str = "", links: dict[str, tuple[int, str]] | None = None
) -> Drift:
    """Rows that break a promise, by promise; empty when all is well. With `since` (an id) only
    what changed from there on, with `links` the chains only after those links."""
    promises = audit.RECENT if since else audit.RECENT | audit.WHOLE
    found = {name: await audit.ask(reader, sql, since=since) for name, sql in promises.items()}
    for mode, end in (await chain.heads(reader)).items():
        start = (links or {}).get(mode, chain.START)
        found[CHAIN] = found.get(CHAIN, []) + await chain.follow(reader, mode, start, end)
    return {name: rows for name, rows in found.items() if rows}


async def open_questions(
    reader: Reader, start: Instant, stop: Instant, calls_max: int = ALL_CALLS
) -> Drift:  # fmt: skip
    """What is lawful and still worth a look: records without a call, calls without a record (among
    the newest `calls_max`), holds that outlive their call or message, surplus, late charges."""
    early = max(0, start - LONGEST_SECONDS * SECOND) // 1_000
    since = {f"since_{prefix}": first_id(prefix, early) for prefix in ("call", "txn")}
    found = {
        name: await audit.ask(reader, sql, start=start, stop=stop, calls_max=calls_max, **since)
        for name, sql in audit.OPEN_QUESTIONS.items()
    }
    return {name: rows for name, rows in found.items() if rows}


class Verifier:
    """Verifies in the background and remembers what it found. Drift that was found stays until a
    whole verification finds none."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._drift: Drift = {}
        self._since = ""
        self._whole_at: Instant = 0
        self._at: Instant = 0
        self._links: dict[str, tuple[int, str]] = {}

    async def step(self) -> int:
        """Verify once: what changed, or everything if a day has gone by or something was wrong."""
        at = now()
        whole = bool(self._drift) or at - self._whole_at >= WHOLE_SECONDS * SECOND
        links = await chain.heads(self._reader)
        if whole:
            self._drift = await verify(self._reader)
            self._whole_at = at
        else:
            self._drift = await verify(self._reader, self._since, self._links)
        self._since = first_id("txn", (at - OVERLAP_SECONDS * SECOND) // 1_000)
        self._links, self._at = links, at
        return 0

    @property
    def broken(self) -> int:
        """How many promises are."""
        return len(self._drift)

    def look(self) -> tuple[bool, str]:
        """Whether the ledger is sound, and a sentence."""
        if self._drift:
            counted = "; ".join(f"{name}: {len(rows)}" for name, rows in self._drift.items())
            return False, f"{counted}; run `sms-voip ledger verify`"
        if not self._at:
            return True, "the first verification is running"
        return True, "every promise of the ledger holds"
