"""Keeps a dispatcher for every provider there is, also for those added while the platform runs."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from db import components, sms_providers
from db.connection import Row
from db.database import Database
from telephony.queue import drain
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms.dispatch import Dispatcher
from telephony.sms.providers.base import Health, Provider
from telephony.sms.providers.configured import CHANNEL, of_settings, open_row
from telephony.sms.replies import Replier
from telephony.sms.retention import Retention
from telephony.sms.schedule import Scheduler

LOOK_SECONDS = 5.0

log = logging.getLogger(__name__)


@dataclass
class _Carrier:
    """One that runs, and the instant of the row that it was made of."""

    provider: Provider
    task: asyncio.Task[None]
    changed_at: int


class Carriers:
    """All providers of one process."""

    def __init__(self, db: Database, settings: Settings, vault: Vault) -> None:
        self._db = db
        self._settings = settings
        self._vault = vault
        self._fixed = of_settings(settings)
        self._running: dict[str, _Carrier] = {}
        self._broken: dict[str, str] = {}

    async def run(self) -> None:
        """Work until cancelled; then every provider is stopped in good order."""
        try:
            async with asyncio.TaskGroup() as group:
                for provider in self._fixed:
                    group.create_task(Dispatcher(self._db, provider).run())
                group.create_task(Scheduler(self._db, self._settings).run())
                group.create_task(Replier(self._db, self._settings).run())
                group.create_task(Retention(self._db, self._settings).run())
                group.create_task(drain(self._db, CHANNEL, self._look, LOOK_SECONDS))
        finally:
            await asyncio.gather(*(self._stop(name) for name in list(self._running)))

    def health(self) -> dict[str, Health]:
        """How each provider is, by name."""
        found = {one.name: one.health() for one in self._fixed}
        found |= {name: one.provider.health() for name, one in self._running.items()}
        return found | {name: Health(False, why) for name, why in self._broken.items()}

    def figures(self) -> dict[str, tuple[bool, Mapping[str, float]]]:
        """Whether each provider is up, and what it counts, by name."""
        running = {name: one.provider for name, one in self._running.items()}
        every = {one.name: one for one in self._fixed} | running
        return {name: (one.health().up, one.figures()) for name, one in every.items()}

    async def _look(self) -> int:
        rows = {row["name"]: row for row in await self._db.write(sms_providers.active)}
        for name in [*self._running, *self._broken]:
            if name not in rows:
                await self._stop(name)
                await self._db.write(components.forget, name)
        for name, row in rows.items():
            running = self._running.get(name)
            if running is None or running.changed_at != row["changed_at"] or running.task.done():
                await self._stop(name)
                self._start(row)
        return 0

    def _start(self, row: Row) -> None:
        try:
            provider = open_row(row, self._vault, self._settings)
        except (LookupError, ValueError) as error:
            self._broken[row["name"]] = str(error)
            return
        task = asyncio.create_task(Dispatcher(self._db, provider).run(), name=f"sms-{row['name']}")
        self._running[row["name"]] = _Carrier(provider, task, row["changed_at"])

    async def _stop(self, name: str) -> None:
        self._broken.pop(name, None)
        running = self._running.pop(name, None)
        if running is None:
            return
        running.task.cancel()
        with suppress(asyncio.CancelledError):
            try:
                await running.task
            except Exception:
                log.exception("the provider %s failed", name)
