"""A third party's SMSC (npm package `smpp`, run by node) for the tests that ask for `smsc`."""

import fcntl
import json
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "smsc"


class Smsc:
    """Its SMPP address, its knobs (see server.js) and what it has seen."""

    host = "127.0.0.1"

    def __init__(self, port: int, control_port: int) -> None:
        self.port = port
        self._control_port = control_port

    def knobs(self, **knobs: object) -> None:
        self._post("/knobs", knobs)

    def reset(self) -> None:
        self._post("/reset")

    def deliver(self, **fields: object) -> None:
        """Send one deliver_sm of these fields on the bind there is."""
        self._post("/deliver", fields)

    def unbind(self) -> None:
        self._post("/unbind")

    def enquire(self) -> None:
        self._post("/enquire")

    @property
    def submits(self) -> list[dict[str, Any]]:
        submits: list[dict[str, Any]] = self.records["submits"]
        return submits

    @property
    def counts(self) -> dict[str, Any]:
        counts: dict[str, Any] = self._post("/counts")["counts"]
        return counts

    @property
    def records(self) -> dict[str, Any]:
        """All of it: `submits`, the texts that were `taken`, the `tls_names` asked for."""
        return self._post("/records")

    def listen_tls(self, key: str, certificate: str) -> int:
        """Serve SMPP in TLS, too; its port."""
        port: int = self._post("/tls", {"key": key, "cert": certificate})["tls_port"]
        return port

    def drop_one(self) -> None:
        """Reset the link of the bind that stands for longest."""
        self._post("/reset_one")

    def _post(self, path: str, data: object = None) -> dict[str, Any]:
        connection = HTTPConnection(self.host, self._control_port, timeout=30)
        try:
            connection.request("POST", path, json.dumps(data or {}))
            records: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return records


def _install() -> None:
    """`npm ci` once, also where several test processes start at the same time."""
    with (FOLDER / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (FOLDER / "node_modules" / "smpp").is_dir():
            command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            subprocess.run(command, cwd=FOLDER, check=True, capture_output=True)


def running_smsc() -> Iterator[Smsc]:
    """One process of node, until the caller is done with it."""
    _install()
    process = subprocess.Popen(
        ["node", "server.js"],
        cwd=FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ports = json.loads(process.stdout.readline())
        yield Smsc(ports["smpp"], ports["http"])
    finally:
        process.stdin.close()
        process.wait(5)
        process.stdout.close()


@pytest.fixture(scope="session")
def smsc_process() -> Iterator[Smsc]:
    yield from running_smsc()


@pytest.fixture
def smsc(smsc_process: Smsc) -> Smsc:
    """The SMSC with default knobs and empty records."""
    smsc_process.reset()
    return smsc_process
