"""Keeps the SIP accounts in every PBX's AstDB equal to the database, which is the truth: AstDB
may lose its last second, and somebody may write into it."""

import asyncio
import logging

from db import components, sip
from db.connection import Conn, Row
from db.database import Database
from telephony.clock import now
from telephony.queue import Kick, drain, repeat
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice.ami import AmiLink, DBDel, DBGetTree, DBPut
from telephony.voice.astdb import FAMILIES, astdb_rows, hang_up, put, remove, wanted
from telephony.voice.sip_accounts import APPLIED, CHANNEL

BATCH_MAX = 500
POLL_SECONDS = 0.5
"""A command beside the platform rings no bell, and promises 2 s."""
RECONCILE_SECONDS = 60.0

log = logging.getLogger(__name__)

Rows = dict[tuple[str, str], str]


class Provisioner:
    """Serves one PBX node through its `provisioning` link."""

    def __init__(self, db: Database, link: AmiLink, vault: Vault, settings: Settings) -> None:
        self.look = Kick()
        self._db = db
        self._link = link
        self._vault = vault
        self._settings = settings
        self._node = settings.node
        # What one of `step` and `reconcile` has read must not be written over what the other
        # has written since: it would be an older secret.
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Work until cancelled: changes at once, everything on reconnect and every minute."""
        await asyncio.gather(
            drain(self._db, CHANNEL, self.step, POLL_SECONDS),
            repeat("provisioning", self.look, self.reconcile, RECONCILE_SECONDS),
            self._on_reconnect(),
        )

    async def step(self) -> int:
        """Tell the node of accounts whose newest generation it does not have; how many."""
        if not self._link.ready:
            return 0
        async with self._turn:
            return await self._tell()

    async def _tell(self) -> int:
        rows = await sip.behind(self._db, self._node, BATCH_MAX)
        for row in rows:
            if wanted(row):
                await put(self._link, row["username"], self._rows(row))
            else:
                await remove(self._link, row["username"])
        if gone := {row["username"] for row in rows if not wanted(row)}:
            await hang_up(self._link, gone)
        if rows:
            generations = {row["id"]: row["generation"] for row in rows}
            await self._db.write(_applied, self._node, generations)
        return len(rows)

    async def reconcile(self) -> int:
        """Repair every difference, both ways. Strangers are deleted one by one, never by tree."""
        await self._db.write(components.introduce, self._node, "pbx", now())
        if self._link.ready:
            async with self._turn:
                await self._repair()
        return 0

    async def _repair(self) -> None:
        truth = await self._truth()
        found = await self._found()
        for family in reversed(FAMILIES):
            await self._put({at: value for at, value in truth.items()
                             if at[0] == family and found.get(at) != value})  # fmt: skip
        strangers = [at for at in found if at not in truth]
        for family in FAMILIES:
            for at in strangers:
                if at[0] == family:
                    await self._link.action(DBDel(*at))
        if strangers:
            log.warning("AstDB held %d rows that nobody provisioned; deleted", len(strangers))

    async def _on_reconnect(self) -> None:
        async for event in self._link.events():
            if event.name == "Connected":
                self.look.kick()

    async def _truth(self) -> Rows:
        rows = await self._db.write(sip.everyone)
        return {
            (family, row["username"]): value
            for row in rows
            if wanted(row)
            for family, value in self._rows(row).items()
        }

    async def _found(self) -> Rows:
        found: Rows = {}
        for family in FAMILIES:
            for row in await self._link.action(DBGetTree(family)):
                key = row.fields["key"].removeprefix(f"/{family}/")
                found[family, key] = row.fields["val"]
        return found

    async def _put(self, rows: Rows) -> None:
        for (family, key), value in rows.items():
            await self._link.action(DBPut(family, key, value))
        if rows:
            log.info("AstDB repaired: %d rows written", len(rows))

    def _rows(self, row: Row) -> dict[str, str]:
        return astdb_rows(row, self._vault, self._settings)


def _applied(conn: Conn, node: str, generations: dict[str, int]) -> None:
    sip.applied(conn, node, generations, now())
    conn.wake(APPLIED)
