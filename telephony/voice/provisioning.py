"""Tells every PBX node of the SIP accounts that it must be told of: the newest change first, so
that a new secret never waits behind the first load of a node."""

import asyncio
import logging
from collections.abc import Callable

from db import sip, sip_nodes
from db.connection import Conn, Row
from db.database import Database
from telephony.clock import now
from telephony.queue import drain
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice import astdb
from telephony.voice.ami import AmiLink
from telephony.voice.sip_accounts import APPLIED, CHANNEL

BATCH_MAX = 50
"""So few that what comes in between waits no longer than some milliseconds."""
POLL_SECONDS = 0.5
"""A command beside the platform rings no bell, and promises 2 s."""

log = logging.getLogger(__name__)


class Provisioner:
    """Serves one PBX node through its `provisioning` link, and is the only one that writes SIP
    accounts there; `on_gone` gets the names of those that it took away."""

    def __init__(
        self, db: Database, link: AmiLink, vault: Vault, settings: Settings,
        on_gone: Callable[[set[str]], None],
    ) -> None:  # fmt: skip
        self._on_gone = on_gone
        self._db = db
        self._link = link
        self._vault = vault
        self._settings = settings
        self._node = settings.node
        # Whoever is unknown must not be told of between the look at the database and the deletion.
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Work until cancelled: at once when an account changes."""
        await drain(self._db, CHANNEL, self.step, POLL_SECONDS)

    async def step(self) -> int:
        """Tell the node of some accounts; how many it took."""
        if not self._link.ready:
            return 0
        async with self._turn:
            rows = await sip_nodes.behind(self._db, self._node, BATCH_MAX)
            return await self._tell(rows) if rows else 0

    async def _tell(self, rows: list[Row]) -> int:
        values = await asyncio.to_thread(self._values, rows)
        names = [row["username"] for row in rows]
        outcomes = await asyncio.gather(
            *(self._tell_one(name, values.get(name)) for name in names), return_exceptions=True
        )
        if gone := set(names) - values.keys():
            await astdb.hang_up(self._link, gone)
            self._on_gone(gone)
        told = {}
        for row, outcome in zip(rows, outcomes, strict=True):
            if outcome is None:
                told[row["id"]] = row["generation"]
            else:
                log.warning("%s is not told of %s: %s", self._node, row["username"], outcome)
        await self._db.write(_applied, self._node, told)
        return len(told)

    async def _tell_one(self, username: str, values: dict[str, str] | None) -> None:
        if values:
            await astdb.put(self._link, username, values)
        else:
            await astdb.remove(self._link, username)

    def _values(self, rows: list[Row]) -> dict[str, dict[str, str]]:
        """What AstDB holds of each account that the PBX is to know."""
        return {
            row["username"]: astdb.astdb_rows(row, self._vault, self._settings)
            for row in rows
            if astdb.wanted(row)
        }

    async def forget_strangers(self, names: list[str]) -> int:
        """Delete, one by one and never by tree, those that are no account of anybody; how many
        these were."""
        async with self._turn:
            strangers = set(names) - await sip.known(self._db, names)
            known = [await astdb.remove(self._link, name) for name in strangers]
            if strangers:
                await astdb.hang_up(self._link, strangers)
        return sum(known)


def _applied(conn: Conn, node: str, generations: dict[str, int]) -> None:
    sip_nodes.applied(conn, node, generations, now())
    conn.wake(APPLIED)
