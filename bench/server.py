"""The platform as a process with a database of its own, and the baseline beside it."""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from db.connection import Conn
from db.database import Database
from db.migrate import upgrade
from db.session import open_database
from telephony.secrets import Vault, load
from telephony.settings import Settings
from tests.e2e.installation import environment
from tests.factories import Customer
from tests.fixtures_pbx import pbx_settings

START_SECONDS = 60
END_SECONDS = 30
SERVE = (sys.executable, "-m", "api.cli", "serve")
SUPERVISED = (sys.executable, "-m", "api.commands.platform")
"""As `sms-voip up` starts it."""
UNLIMITED = {"requests_per_minute": 100_000_000, "public_requests_per_minute": 100_000_000}
"""Requests are counted as ever, and none is refused for it."""


@dataclass(frozen=True)
class Shop:
    """An installation on SQLite with one customer."""

    settings: Settings
    customer: Customer

    @property
    def url(self) -> str:
        """Of the API."""
        return f"{self.settings.api_url}/api/v1"

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """Beside the platform."""
        database = await open_database(self.settings.db_url, beside=True)
        try:
            yield database
        finally:
            await database.close()

    @contextmanager
    def serving(self, *options: str) -> Iterator[int]:
        """`sms-voip serve`, once it answers; its process id. Without options: as `up` starts it."""
        command = [*SERVE, *options] if options else SUPERVISED
        with process(command, self.settings.http_port, environment(self.settings)) as id_:
            yield id_


async def open_shop(
    folder: Path, stock: Callable[[Conn, Vault, Settings], Customer], **changes: object
) -> Shop:
    """A new installation in a folder; `stock` adds the customer and the providers."""
    settings = pbx_settings(folder / "var", **(UNLIMITED | changes))
    vault = Vault(load(settings).master_key)
    upgrade(settings.db_url)
    database = await open_database(settings.db_url)
    try:
        return Shop(settings, await database.write(stock, vault, settings))
    finally:
        await database.close()


@contextmanager
def process(
    command: Sequence[str], port: int, environ: dict[str, str] | None = None
) -> Iterator[int]:
    """A server of another process until the caller is done; its process id."""
    with tempfile.TemporaryFile() as said:
        server = subprocess.Popen(
            command, env=environ, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        try:
            _await_port(server, port)
            yield server.pid
        finally:
            server.terminate()
            server.wait(END_SECONDS)


def _await_port(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        assert server.poll() is None, f"the server ended with status {server.returncode}"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < until, f"nothing listens on {port}"
            time.sleep(0.05)
