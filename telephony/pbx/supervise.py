"""Runs one Asterisk as a child, brings it back when it dies, and leaves nothing behind."""

import asyncio
import contextlib
import os
import re
import signal
from pathlib import Path

from telephony.pbx.confine import command
from telephony.pbx.errors import PbxError
from telephony.pbx.find import Installation
from telephony.pbx.process import UMASK, Report
from telephony.pbx.ready import fully_booted
from telephony.pbx.render import Layout
from telephony.secrets import Secrets
from telephony.settings import Settings

READY_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 4.0
PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
# An Asterisk that ran this long was well: the next failure starts the pauses anew.
WELL_SECONDS = 60.0
LOG_LINES = 8
TERMINAL_CODE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin", "LANG": "C"}


class LocalAsterisk:
    """A supervised Asterisk; `report` is told, a line at a time, why it died and came back."""

    def __init__(
        self,
        settings: Settings,
        secrets: Secrets,
        installation: Installation,
        layout: Layout,
        report: Report = lambda line: None,
    ) -> None:
        self.restarts = 0
        self._settings = settings
        self._secrets = secrets
        self._layout = layout
        self._report = report
        self._command = command(installation, layout)
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of Asterisk itself, None while it is down."""
        running = self._process and self._process.returncode is None
        return self._process.pid if self._process and running else None

    async def start(self) -> None:
        """Start and wait until fully booted; a PbxError tells the last log lines."""
        await self._spawn()
        try:
            await self._ready()
        except BaseException:  # Ctrl-C, too, must leave no process.
            await self.stop()
            raise
        self._watch = asyncio.create_task(self._keep_running())

    async def stop(self) -> None:
        """End it within 5 s: SIGTERM first, SIGKILL if it does not listen."""
        if self._watch:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        await self._end()

    async def _spawn(self) -> None:
        self._layout.seal(False)
        with self._layout.console_file.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=ENVIRONMENT,
                cwd="/",
                # Ctrl-C in the terminal is for the supervisor, which then stops us in order.
                start_new_session=True,
                umask=UMASK,
            )

    async def _ready(self) -> None:
        assert self._process
        booted = asyncio.create_task(fully_booted(self._settings, self._secrets))
        ended = asyncio.create_task(self._process.wait())
        await asyncio.wait(
            {booted, ended}, timeout=READY_SECONDS_MAX, return_when=asyncio.FIRST_COMPLETED
        )
        good = booted.done() and not ended.done()
        for task in (booted, ended):
            task.cancel()
        await asyncio.gather(booted, ended, return_exceptions=True)
        if not good:
            raise PbxError(f"Asterisk did not start: {self._reason()}")
        self._layout.seal(True)

    async def _keep_running(self) -> None:
        failures = 0
        while True:
            started = asyncio.get_running_loop().time()
            assert self._process
            await self._process.wait()
            well = asyncio.get_running_loop().time() - started > WELL_SECONDS
            failures = 0 if well else failures
            pause = PAUSES_SECONDS[min(failures, len(PAUSES_SECONDS) - 1)]
            failures += 1
            self._report(f"Asterisk died: {self._reason()}; starting it again in {pause:g} s")
            await asyncio.sleep(pause)
            await self._again()

    async def _again(self) -> None:
        self.restarts += 1
        await self._spawn()
        try:
            await self._ready()
            self._report(f"Asterisk is back, pid {self.pid}")
        except PbxError as error:
            self._report(str(error))
            await self._end()

    async def _end(self) -> None:
        process = self._process
        if not process or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS_MAX):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def _reason(self) -> str:
        status = self._process.returncode if self._process else None
        if status is None:
            cause = f"not ready after {READY_SECONDS_MAX:g} s"
        else:
            cause = f"exit status {status}" if status >= 0 else signal.Signals(-status).name
        last = last_lines(self._layout.console_file) + last_lines(self._layout.log_file)
        telling = [TERMINAL_CODE.sub("", line) for line in last if "NOTICE[" not in line]
        return "\n  ".join([cause, *filter(None, telling)])


def last_lines(path: Path, count: int = LOG_LINES) -> list[str]:
    """The end of a log file, [] where there is none; reads 8 KiB at most."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 8192))
        return file.read().decode(errors="replace").splitlines()[-count:]
