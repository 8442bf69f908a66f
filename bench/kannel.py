"""Kannel from Debian beside the platform: bearerbox and smsbox, everything in memory, with the
window at which it is fastest."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.load import Load, load
from bench.server import process
from tests.ports import free_port

BOXES = Path("/usr/sbin")
USER = "bench"
WINDOW = 500
LUA = Path(__file__).with_name("lua") / "kannel.lua"
CONFIGURATION = """
group = core
admin-port = {admin}
admin-password = {user}
smsbox-port = {box}
box-allow-ip = 127.0.0.1
log-file = {folder}/bearerbox.log
log-level = 4
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = npm
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
smsc-username = kannel
smsc-password = {user}
system-type = ""
max-pending-submits = {window}

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {http}
log-file = {folder}/smsbox.log
log-level = 4

group = sendsms-user
username = {user}
password = {user}

group = sms-service
keyword = default
text = ""
max-messages = 0
"""


def there() -> bool:
    """True if Kannel is installed."""
    return (BOXES / "bearerbox").exists()


@dataclass(frozen=True)
class Kannel:
    """A running pair of boxes."""

    http_port: int
    pid: int

    def load(
        self, *, tag: str, connections: int, seconds: int, pause_ms: int, callback: str
    ) -> Load:
        """As the platform gets it."""
        return load(
            f"http://127.0.0.1:{self.http_port}/cgi-bin/sendsms", USER, pid=self.pid, tag=tag,
            connections=connections, seconds=seconds, pause_ms=pause_ms, callback=callback,
            script=LUA,
        )  # fmt: skip


@contextmanager
def running(folder: Path, smsc_port: int) -> Iterator[Kannel]:
    """Bound to the SMSC, until the caller is done."""
    ports = {name: free_port() for name in ("admin", "box", "http")}
    file = folder / "kannel.conf"
    file.write_text(CONFIGURATION.format(
        folder=folder, smsc=smsc_port, window=WINDOW, user=USER, **ports
    ))  # fmt: skip
    with ExitStack() as stack:
        environ = dict(os.environ)
        pid = stack.enter_context(
            process([str(BOXES / "bearerbox"), str(file)], ports["box"], environ)
        )
        stack.enter_context(process([str(BOXES / "smsbox"), str(file)], ports["http"], environ))
        yield Kannel(ports["http"], pid)
