"""Keeps Asterisk's carriers equal to the database, and asks each of them whether it is there."""

import asyncio
import json
import logging
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from db import components, trunks
from db.connection import Row
from db.database import Database
from telephony.queue import Kick, drain, repeat
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice.ami import (
    AmiEvent,
    AmiLink,
    DBDel,
    DBGet,
    DBGetTree,
    DBPut,
    PJSIPShowRegistrationsOutbound,
    ReadIdentifiesAnew,
    ReloadRegistrations,
)
from telephony.voice.options import ping
from telephony.voice.routes import DEFAULT
from telephony.voice.trunks import (
    CHANNEL,
    FAMILIES,
    Rows,
    astdb_rows,
    component,
    peer_of,
    registration_of,
)

POLL_SECONDS = 1.0
"""A command beside the platform rings no bell."""
RECONCILE_SECONDS = 60.0
PROBE_SECONDS = 15.0
REGISTRATIONS_SECONDS = 3.0
KIND = "trunk"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Health:
    """Whether a carrier answered when it was last asked, or has our registration, and how, in a
    sentence; `name` is that of the platform's part, `unwell` its state if not."""

    name: str
    up: bool
    detail: str
    unwell: str = "outage"


class TrunkWorker:
    """Serves one PBX node through its `provisioning` link."""

    def __init__(self, db: Database, link: AmiLink, vault: Vault, settings: Settings) -> None:
        self._asked: list[Health] = []
        self._registered: list[Health] = []
        self._probe = Kick()
        self._told: tuple[list[Row], int] = ([], 0)
        self._again_at = 0.0
        self._db = db
        self._link = link
        self._vault = vault
        self._settings = settings

    async def run(self) -> None:
        """Work until cancelled."""
        await asyncio.gather(
            drain(self._db, CHANNEL, self.step, POLL_SECONDS),
            repeat("trunk probes", self._probe, self.probe, PROBE_SECONDS),
            repeat("trunk registrations", Kick(), self.look_after, REGISTRATIONS_SECONDS),
        )

    @property
    def health(self) -> list[Health]:
        """Of every carrier, and of our registrations."""
        return self._asked + self._registered

    async def step(self) -> int:
        """Compare with Asterisk what has changed, everything on reconnect and every minute."""
        if not self._link.ready:
            return 0
        rows = await trunks.every(self._db)
        told = (rows, self._link.counters.connects)
        if told != self._told or time.monotonic() > self._again_at:
            await self._reconcile([row for row in rows if row["status"] == "active"])
            self._told, self._again_at = told, time.monotonic() + RECONCILE_SECONDS
            self._probe.kick()
        return 0

    async def probe(self) -> int:
        """Ask every carrier at once."""
        rows = await trunks.every(self._db)
        peers = [(row["name"], row["host"], row["port"], row["transport"])
                 for row in rows if row["status"] == "active"]  # fmt: skip
        if self._settings.trunk_host:
            peers.append((DEFAULT, *peer_of(self._settings.trunk_host)))
        self._asked = await asyncio.gather(*(look(*peer) for peer in peers))
        await self.look_after()
        await self._db.write(components.keep_only, KIND, [one.name for one in self.health])
        return 0

    async def look_after(self) -> int:
        """Ask Asterisk for our registrations."""
        rows = await trunks.every(self._db)
        names = [row["name"] for row in rows if row["registers"] and row["status"] == "active"]
        found: list[AmiEvent] = []
        if names and self._link.ready:
            found = await self._link.action(PJSIPShowRegistrationsOutbound())
        known = {one.fields["objectname"]: one.fields for one in found
                 if one.name == "OutboundRegistrationDetail"}  # fmt: skip
        self._registered = [standing(name, known.get(f"_{name}", {})) for name in names]
        return 0

    async def _reconcile(self, rows: list[Row]) -> None:
        """Write what differs, and delete what nobody added."""
        active = {f"_{row['name']}": row for row in rows}
        changed = [await self._tell(name, row) for name, row in active.items()]
        for name in await self._known() - active.keys():
            changed.append(await self._tell(name, None))
        if any(changed):
            await self._link.action(ReloadRegistrations())

    async def _known(self) -> set[str]:
        found = await self._link.action(DBGetTree("ps/identify"))
        return {row.fields["key"].removeprefix("/ps/identify/") for row in found}

    async def _tell(self, name: str, row: Row | None) -> bool:
        """Make AstDB hold this of a trunk (None: nothing); True if its registration changed."""
        found = await self._found(name)
        truth = await self._truth(row, found) if row else {}
        registers = truth.get("ps/registration"), truth.get("ps/auth")
        changed = registers != (found.get("ps/registration"), found.get("ps/auth"))
        if changed and "ps/registration" in found:
            # A registration that changes stops for good; one that is gone and new begins.
            await self._link.action(DBDel("ps/registration", name))
            await self._link.action(ReloadRegistrations())
            del found["ps/registration"]
        for family in reversed(FAMILIES):
            if family in found and family not in truth:
                await self._link.action(DBDel(family, name))
        for family in FAMILIES:
            if family in truth and truth[family] != found.get(family):
                await self._link.action(DBPut(family, name, truth[family]))
        if truth.get("ps/identify") != found.get("ps/identify"):
            await self._link.action(ReadIdentifiesAnew())
        if truth != found:
            log.info("trunk %s: Asterisk was told", name)
        return changed and "ps/registration" in truth

    async def _found(self, name: str) -> Rows:
        rows = {family: await self._link.action(DBGet(family, name)) for family in FAMILIES}
        return {family: row[0].fields["val"] for family, row in rows.items() if row}

    async def _truth(self, row: Row, found: Rows) -> Rows:
        try:
            addresses = await resolved(row["host"])
        except OSError as error:
            log.warning("where trunk %s is cannot be looked up: %s", row["name"], error)
            addresses = []
        truth = astdb_rows(row, addresses, self._vault, self._settings)
        if not json.loads(truth["ps/identify"])["match"]:
            # Nowhere to be known by: what was known before stays.
            del truth["ps/identify"]
            truth |= {key: value for key, value in found.items() if key == "ps/identify"}
        return truth


async def resolved(host: str) -> list[str]:
    """Every address of a host, sorted; raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    return sorted({str(info[4][0]) for info in found})


async def look(name: str, host: str, port: int, transport: str) -> Health:
    """Ask a carrier once."""
    try:
        pong = await ping(host, port, transport)
    except OSError as error:
        return Health(component(name), False, f"OPTIONS: {str(error) or 'no answer'}")
    return Health(component(name), True, f"OPTIONS: {pong.status} in {pong.milliseconds:.0f} ms")


def standing(name: str, told: Mapping[str, str]) -> Health:
    """What Asterisk tells of our registration at a carrier; calls go there as long as it answers,
    so that one that does not stand leaves it but degraded."""
    status, seconds = told.get("status", "Unregistered"), told.get("nextreg", "")
    again = f", again in {seconds} s" if seconds.isdigit() else ""
    return Health(registration_of(name), status == "Registered", f"{status}{again}", "degraded")
