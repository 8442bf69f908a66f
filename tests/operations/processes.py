"""`sms-voip serve` as a process without a PBX: what it prints, how it is stopped."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from telephony.settings import Settings
from tests.e2e.installation import environment

COMMAND = (sys.executable, "-m", "api.cli", "serve")
START_SECONDS = 60
END_SECONDS = 20


class Process:
    """One process of a platform; several share a var folder and a database on PostgreSQL."""

    def __init__(self, settings: Settings, *options: str, name: str = "platform") -> None:
        self.settings = settings
        self.url = f"http://127.0.0.1:{settings.http_port}"
        self.output = settings.var_dir / f"{name}.txt"
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                [*COMMAND, *options], env=environment(settings), stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, cwd=Path.cwd(),
            )  # fmt: skip

    def answers(self) -> bool:
        """True once the API does."""
        assert self._process.poll() is None, self.said()
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def tell(self, number: int = signal.SIGTERM) -> None:
        """Send a signal and do not wait."""
        os.kill(self._process.pid, number)

    def ended(self) -> int:
        """Wait for its end; the exit status."""
        return self._process.wait(END_SECONDS)

    def end(self) -> None:
        """Kill it if a test left it running."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(END_SECONDS)

    def said(self) -> str:
        """Everything that it has printed."""
        return self.output.read_text()

    def lines(self) -> list[dict[str, Any]]:
        """The same, each line as JSON."""
        return [json.loads(line) for line in self.said().splitlines()]
