"""Compares AstDB with the database, which is the truth: AstDB may lose its last second, and
somebody may write into it. What differs is told again; whoever nobody knows is deleted."""

import asyncio
import logging
import time

from db import components, sip_nodes
from db.connection import Conn, Row
from db.database import Database
from telephony import metrics
from telephony.clock import Instant, now
from telephony.queue import Kick, repeat
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice.ami import AmiEvent, AmiLink
from telephony.voice.ami.listing import AstDbReader
from telephony.voice.astdb import FAMILIES, astdb_rows, fold, wanted
from telephony.voice.provisioning import Provisioner
from telephony.voice.sip_accounts import CHANNEL

EVERY_SECONDS = 60.0
COST_MAX = 1 / 200
"""Part of the time that comparing may take: with very many accounts it comes less often."""
BATCH_MAX = 500
TRUNK = "_"
"""What the names of carriers begin with, which are somebody else's to write."""

log = logging.getLogger(__name__)


class Drift:
    """Looks after one node's AstDB: on every connection, and every minute."""

    def __init__(
        self, db: Database, link: AmiLink, reader: AstDbReader, provisioner: Provisioner,
        vault: Vault, settings: Settings,
    ) -> None:  # fmt: skip
        self.repaired = 0
        self._db = db
        self._link = link
        self._reader = reader
        self._provisioner = provisioner
        self._vault = vault
        self._settings = settings
        self._node = settings.node
        self._look = Kick()
        self._due = 0.0

    async def run(self) -> None:
        """Work until cancelled."""
        await repeat("drift", self._look, self.step, EVERY_SECONDS)

    def hear(self, event: AmiEvent) -> None:
        """Take what the link tells; never blocks."""
        if event.name == "Connected":
            self._due = 0.0
            self._look.kick()

    async def step(self) -> int:
        """Compare everything, if it is time to; 0."""
        began = time.monotonic()
        if began >= self._due and self._link.ready:
            first = self._due == 0.0
            await self._db.write(_begin, self._node, first)
            await self.compare()
            took = time.monotonic() - began
            self._due = began + max(EVERY_SECONDS / 2, took / COST_MAX)
        return 0

    async def compare(self) -> None:
        """Look at every account once, in batches that leave time for others."""
        began = now()
        found = await asyncio.to_thread(self._found)
        after = ""
        while rows := await sip_nodes.batch(self._db, self._node, after, BATCH_MAX):
            turn = time.monotonic()
            differ = await asyncio.to_thread(self._differing, rows, found, began)
            if differ:
                self._count(await self._db.write(_tell_again, self._node, differ))
            after = rows[-1]["id"]
            await asyncio.sleep(time.monotonic() - turn if len(rows) == BATCH_MAX else 0)
        await self._forget(list(found))

    async def _forget(self, names: list[str]) -> None:
        for start in range(0, len(names), BATCH_MAX):
            count = await self._provisioner.forget_strangers(names[start : start + BATCH_MAX])
            if count:
                log.warning("AstDB held %d SIP accounts that nobody provisioned; deleted", count)
            self._count(count)

    def _count(self, repaired: int) -> None:
        self.repaired += repaired
        metrics.PHONES_REPAIRED.inc(repaired)

    def _found(self) -> dict[str, bytes]:
        """A digest of what AstDB holds, by username."""
        found: dict[str, bytes] = {}
        for family in FAMILIES:
            for name, value in self._reader.rows(family):
                if name.startswith(TRUNK):
                    continue
                found[name] = fold(found.get(name, b""), family, value)
        return found

    def _differing(self, rows: list[Row], found: dict[str, bytes], began: Instant) -> list[Row]:
        """Those whose rows are not what they must be; takes everyone it meets out of `found`."""
        differ = []
        for row in rows:
            there = found.pop(row["username"], b"")
            # One that is behind, or was told of since, is in good hands.
            settled = not row["behind"] and (row["applied_at"] or 0) < began
            if settled and there != self._wanted(row):
                differ.append(row)
        return differ

    def _wanted(self, row: Row) -> bytes:
        digest = b""
        if wanted(row):
            values = astdb_rows(row, self._vault, self._settings)
            for family in FAMILIES:
                digest = fold(digest, family, values[family])
        return digest


def _begin(conn: Conn, node: str, first: bool) -> None:
    """Make the node known, so that whoever is created from here on is told to it; after a
    restart tell again at once what AstDB may have lost."""
    components.introduce(conn, node, "pbx", now())
    if first and sip_nodes.told_last(conn, node, now()):
        conn.wake(CHANNEL)


def _tell_again(conn: Conn, node: str, rows: list[Row]) -> int:
    """Let the node be told again; how many it had been told of before."""
    sip_nodes.again(conn, node, [row["id"] for row in rows], now())
    conn.wake(CHANNEL)
    drifted = [row["username"] for row in rows if row["applied_at"]]
    if drifted:
        log.warning(
            "AstDB of %s had drifted: %d accounts, %s first", node, len(drifted), drifted[0]
        )
    return len(drifted)
