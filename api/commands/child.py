"""The platform's own process under the supervisor: started, watched, started again."""

import asyncio
import os
import sys

from telephony.pbx.confine import DIE_WITH_PARENT
from telephony.pbx.process import Report
from telephony.settings import Settings

PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
STOP_SECONDS_MORE = 1.5
"""What a stop takes besides the requests that it lets finish."""
LOG_LINES = 5
WELL_SECONDS = 30.0


class Child:
    """API and workers in a process of their own, so that a crash of it ends no call: Asterisk
    goes on, and the next process picks the calls up."""

    def __init__(self, settings: Settings, report: Report) -> None:
        self._settings = settings
        self._log = settings.var_dir / "log/platform.log"
        self._report = report
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Of the running process, None between two."""
        alive = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process and alive else None

    async def load(self) -> None:
        """Let the process import its code; it touches nothing before `start`."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *DIE_WITH_PARENT, sys.executable, "-m", "api.commands.platform",
                stdin=asyncio.subprocess.PIPE, stdout=output, stderr=output,
                # Ctrl-C in the terminal is for the supervisor, which then stops us in order.
                start_new_session=True,
                env=os.environ | {
                    "SMS_VOIP_LOG_FORMAT": self._settings.log_format or "console",
                    "SMS_VOIP_MAIL_TO_LOG": str(not self._settings.smtp_host),
                    "SMS_VOIP_METRICS_PORT": str(self._settings.metrics_port),
                },
            )  # fmt: skip

    async def start(self) -> None:
        """Let it run, and keep it running until `stop`."""
        self._begin()
        self._watch = asyncio.create_task(self._keep_running())

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL for one that does not listen."""
        if self._watch:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(self._settings.stop_seconds + STOP_SECONDS_MORE):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def _begin(self) -> None:
        if self._process and self._process.stdin:
            self._process.stdin.close()

    async def _keep_running(self) -> None:
        failures = 0
        clock = asyncio.get_running_loop().time
        while self._process is not None:
            started = clock()
            status = await self._process.wait()
            failures = 0 if clock() - started > WELL_SECONDS else failures
            pause = PAUSES_SECONDS[min(failures, len(PAUSES_SECONDS) - 1)]
            failures += 1
            self._report(f"The platform ended ({status}); starting it again in {pause:g} s")
            for line in self._last_lines():
                self._report(f"  {line}")
            await asyncio.sleep(pause)
            await self.load()
            self._begin()

    def _last_lines(self) -> list[str]:
        return self._log.read_text(errors="replace").splitlines()[-LOG_LINES:]
