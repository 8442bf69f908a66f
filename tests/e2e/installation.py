"""`sms-voip up` as a process of its own, and what an e2e test asks it, its phones and its files."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import httpx

from api.commands.ready import all_there
from db.connection import Conn, Row
from db.sqlite_conn import SqliteConn, dict_row
from telephony.settings import Settings
from tests.fixtures_pbx import eventually, pbx_settings
from tests.patience import PATIENCE_SECONDS
from tests.pbx.ami_client import AmiClient, ami_client
from tests.pbx.sip_client import SipClient

START_SECONDS = 180
STOP_SECONDS = 5
LAST_LINE = "Ctrl-C stops."
COMMAND = (sys.executable, "-m", "api.cli")
Facts = dict[str, Any]
T = TypeVar("T")


class Installation:
    """One var folder with ports of its own; `up` may be started in it again and again."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.settings: Settings = pbx_settings(folder / "var", **changes)
        self.var = self.settings.var_dir
        self.output = folder / "output.txt"
        self.environment = environment(self.settings)
        self.facts: Facts = {}
        # A connection for each request: the platform that it leads to may be killed.
        self.http = httpx.Client(
            timeout=10, verify=False, limits=httpx.Limits(max_keepalive_connections=0)
        )
        self._up: subprocess.Popen[bytes] | None = None

    def start(self) -> Facts:
        """Start `sms-voip up` and wait for its facts and its last line."""
        told = self.said().count(LAST_LINE) if self.output.exists() else 0
        self.launch()
        eventually(self._ready, START_SECONDS, "ready")
        eventually(lambda: self.said().count(LAST_LINE) > told, what="the last line")
        return self.facts

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start `sms-voip up` and return at once."""
        with self.output.open("ab") as output:
            self._up = subprocess.Popen(
                [*COMMAND, "up"], env=self.environment, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output,
            )  # fmt: skip
        return self._up

    def stop(self, number: int = signal.SIGINT) -> float:
        """Send a signal to the supervisor alone and wait for it; the seconds it took."""
        assert self._up
        began = time.monotonic()
        self._up.send_signal(number)
        status = self._up.wait(30)
        took = time.monotonic() - began
        assert status == (0 if number != signal.SIGKILL else -number), self.said()
        return took

    def wait(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Wait for the supervisor's end; its exit status."""
        assert self._up
        return self._up.wait(seconds)

    def is_up(self) -> bool:
        """True while the supervisor lives."""
        return self._up is not None and self._up.poll() is None

    def end(self) -> None:
        """Stop it if a test left it running."""
        self.http.close()
        if self._up and self.is_up():
            self._up.send_signal(signal.SIGCONT)
            self.stop()

    def run(
        self, *arguments: str, changes: Mapping[str, str] = MappingProxyType({}),
        seconds: float = 90,
    ) -> tuple[int, str]:  # fmt: skip
        """Exit status and output of `sms-voip …` with these settings."""
        done = subprocess.run(
            [*COMMAND, *arguments], env={**self.environment, **changes}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout.decode()

    def said(self) -> str:
        """Everything that `up` has printed so far."""
        return self.output.read_text()

    def _ready(self) -> bool:
        assert self._up
        assert self._up.poll() is None, self.said()
        path = self.var / "ready.json"
        facts = json.loads(path.read_text()) if path.exists() else {}
        self.facts = facts if facts.get("pids", {}).get("supervisor") == self._up.pid else {}
        return bool(self.facts)

    # ---- its processes ---------------------------------------------------------------------

    def processes(self) -> dict[int, str]:
        """Every living process that has the var folder in its command line or environment."""
        mark, found = os.fsencode(self.var), {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                line = (folder / "cmdline").read_bytes()
                if mark in line or mark in (folder / "environ").read_bytes():
                    found[int(folder.name)] = line.replace(b"\0", b" ").decode()
            except OSError:
                continue
        return found

    def pid_of(self, part: str) -> int:
        """`platform` or `asterisk`, as they are now; AssertionError if it does not run."""
        mark = {"platform": "api.commands.platform", "asterisk": "asterisk -f"}[part]
        pids = [pid for pid, line in self.processes().items() if mark in line]
        assert len(pids) == 1, (part, self.processes())
        return pids[0]

    def kill(self, part: str) -> int:
        """kill -9; the pid it had."""
        pid = self.pid_of(part)
        os.kill(pid, signal.SIGKILL)
        return pid

    def restarted(self, part: str, before: int, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until another process plays that part."""

        def is_another() -> bool:
            try:
                return self.pid_of(part) != before
            except AssertionError:
                return False

        eventually(is_another, seconds, f"a restart of {part}")

    # ---- HTTP ------------------------------------------------------------------------------

    @property
    def api(self) -> str:
        """Base URL with the version."""
        return f"{self.facts['api_url']}/api/v1"

    def post(
        self, path: str, body: dict[str, Any], key: str = "test_key", idempotency: str = ""
    ) -> httpx.Response:
        headers = self._headers(key) | ({"Idempotency-Key": idempotency} if idempotency else {})
        return self.http.post(f"{self.api}{path}", json=body, headers=headers)

    def get(self, path: str, key: str = "test_key") -> httpx.Response:
        return self.http.get(f"{self.api}{path}", headers=self._headers(key))

    def _headers(self, key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.facts[key]}"}

    def call(self, to: str, **body: Any) -> str:
        """Place a call in test mode; its id."""
        answer = self.post("/voice/call", {"to": to, **body})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["call_id"])

    def answers(self) -> bool:
        """True if the API says that every part of the installation is operational; its carrier
        is not there."""
        try:
            return all_there(self.get("/status").json())
        except (httpx.HTTPError, ValueError):
            return False

    def wait_operational(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Until the API says so."""
        eventually(self.answers, seconds, "an operational platform")

    # ---- what is stored --------------------------------------------------------------------

    def rows(self, sql: str, **params: Any) -> list[Row]:
        """Read the SQLite file beside the platform."""
        return self.deed(lambda conn: conn.all(sql, **params))

    def deed(self, deed: Callable[[Conn], T]) -> T:
        """What a deed that only reads finds in the SQLite file."""
        raw = sqlite3.connect(self.var / "sms-voip.db", timeout=5)
        raw.row_factory = dict_row
        try:
            return deed(SqliteConn(raw))
        finally:
            raw.close()

    def row(self, call_id: str) -> Row:
        """A call as it is stored."""
        return self.rows("SELECT * FROM call WHERE id = :id", id=call_id)[0]

    def reached(self, call_id: str, *statuses: str, seconds: float = PATIENCE_SECONDS) -> Row:
        """Wait until a call has one of the statuses."""
        eventually(
            lambda: self.row(call_id)["status"] in statuses, seconds,
            f"{' or '.join(statuses)} of {call_id}",
        )  # fmt: skip
        return self.row(call_id)

    # ---- the PBX ---------------------------------------------------------------------------

    @contextmanager
    def ami(self, user: str = "calls") -> Iterator[AmiClient]:
        """A logged-in AMI client as `calls` or `provisioning`."""
        ami = self.facts["ami"]
        with ami_client(ami["host"], ami["port"], user, ami[user]) as client:
            yield client

    def channels(self) -> set[str]:
        """Uniqueids of the channels that exist now."""
        with self.ami() as ami:
            rows = ami.rows("CoreShowChannels", "CoreShowChannelsComplete")
        return {row["Uniqueid"] for row in rows}

    def register(self, username: str, secret: str) -> int:
        """Final status of one REGISTER; the phone leaves again, so that no call rings it."""
        host, port = "127.0.0.1", self.settings.sip_port
        with SipClient(host, port, username, secret, patience_seconds=1) as phone:
            status = phone.register()
            if status == 200:
                phone.register(expires=0)
            return status

    def registers(self, username: str, secret: str) -> bool:
        """True if a REGISTER is accepted; False also from a PBX that is down."""
        try:
            return self.register(username, secret) == 200
        except OSError:
            return False


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment, with the settings that `pbx_settings` chose."""
    chosen = settings.model_dump(include=settings.model_fields_set, mode="json")
    kept = {name: value for name, value in os.environ.items() if not _is_ours(name)}
    return kept | {f"SMS_VOIP_{name.upper()}": str(value) for name, value in chosen.items()}


def _is_ours(name: str) -> bool:
    """Where an Asterisk is found is the machine's affair; all else is the test's."""
    machine = ("SMS_VOIP_CACHE_DIR", "SMS_VOIP_ASTERISK_ROOT")
    return name.startswith("SMS_VOIP_") and name not in machine


@contextmanager
def running(folder: Path, **changes: Any) -> Iterator[Installation]:
    """An installation of one test, ready; stopped at the end."""
    here = Installation(folder, **changes)
    try:
        here.start()
        yield here
    finally:
        here.end()
