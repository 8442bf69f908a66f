"""One command: database, Asterisk, API and workers in the foreground, with a demo account."""

import asyncio
import json
import os
import signal
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from api.commands.child import Child
from api.commands.late import late
from api.commands.options import console, settings
from api.commands.ready import wait_operational
from api.commands.running import FACTS, alone
from telephony.pbx.find import find
from telephony.pbx.ready import ports_in_use
from telephony.pbx.render import render
from telephony.pbx.supervise import LocalAsterisk
from telephony.secrets import Secrets, load, write_private
from telephony.settings import Settings

if TYPE_CHECKING:
    from api.commands.facts import Facts

FOLLOW_SECONDS = 0.2
METRICS_PORT = 9464
"""Where OpenTelemetry's exporters for Prometheus listen, too."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class PortInUseError(Exception):
    """The message names every setting, port and protocol."""


class Up:
    """The supervisor: it starts the parts, tells when each is ready, and stops them in order."""

    def __init__(self, settings: Settings, console: Console) -> None:
        port = settings.metrics_port or METRICS_PORT
        self._settings = settings.model_copy(update={"metrics_port": port})
        self._console = console
        self._started = time.monotonic()

    async def run(self) -> None:
        """Until SIGINT or SIGTERM; raises what kept a part from starting."""
        with alone(self._settings.var_dir):
            await self._alone()

    async def _alone(self) -> None:
        taken = ports_in_use(self._settings)
        if taken:
            raise PortInUseError("\n".join(taken))
        told, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, told.set)
        running, waiting = asyncio.create_task(self._run()), asyncio.create_task(told.wait())
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        # Once only: a second Ctrl-C must not break off the stop that the first one began.
        for task in (running, waiting):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await running
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)

    async def _run(self) -> None:
        settings = self._settings
        secrets = load(settings)
        child = Child(settings, self._say)
        await child.load()
        asterisk: LocalAsterisk | None = None
        try:
            # This imports for a second, too: the child does so on another core meanwhile.
            facts: Facts = await late("api.commands.prepare").prepare(settings, secrets)
            self._say(f"Database is ready: {settings.db_url.rpartition('@')[2]}")
            asterisk = await self._asterisk(secrets)
            await asyncio.gather(child.start(), asterisk.start())
            self._say(f"Asterisk is ready, pid {asterisk.pid}")
            await wait_operational(settings)
            self._say(f"API and workers are ready, pid {child.pid}")
            facts = replace(facts, pids=self._pids(child, asterisk))
            self._tell(facts)
            await self._follow(facts, child, asterisk)  # until a signal cancels this task
        finally:
            await self._stop(child, asterisk)

    async def _asterisk(self, secrets: Secrets) -> LocalAsterisk:
        installation = await find(self._settings, self._say)
        layout = render(self._settings, secrets, installation)
        return LocalAsterisk(self._settings, secrets, installation, layout, self._say)

    def _pids(self, child: Child, asterisk: LocalAsterisk) -> dict[str, int | None]:
        return {"supervisor": os.getpid(), "platform": child.pid, "asterisk": asterisk.pid}

    async def _follow(self, facts: "Facts", child: Child, asterisk: LocalAsterisk) -> None:
        """Keep the facts true: a part that died and came back has another process id."""
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            pids = self._pids(child, asterisk)
            if pids != facts.pids:
                facts = replace(facts, pids=pids)
                self._write(facts)

    def _write(self, facts: "Facts") -> Path:
        path = self._settings.var_dir / FACTS
        write_private(path, json.dumps(facts.document(), indent=2))
        return path

    def _tell(self, facts: "Facts") -> None:
        path = self._write(facts)
        late("api.commands.facts").show(self._console, facts.document())
        self._say(f"Ready in {self._seconds():.1f} s. These facts are in {path}. Ctrl-C stops.")

    async def _stop(self, child: Child, asterisk: LocalAsterisk | None) -> None:
        began = time.monotonic()
        (self._settings.var_dir / FACTS).unlink(missing_ok=True)
        await asyncio.gather(*(part.stop() for part in (child, asterisk) if part))
        self._say(f"Stopped in {time.monotonic() - began:.1f} s. All data is kept.")

    def _say(self, line: str) -> None:
        told = f"{self._seconds():6.1f} s  {line}"
        self._console.print(told, highlight=False, markup=False, soft_wrap=True)

    def _seconds(self) -> float:
        return time.monotonic() - self._started


def up() -> None:
    """Run everything here in the foreground, with a demo account; Ctrl-C stops it."""
    asyncio.run(Up(settings(), console).run())
