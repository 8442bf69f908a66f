"""One real Asterisk for the whole test run, and what tests need to speak to it."""

import asyncio
import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from telephony import secrets as installation_secrets
from telephony.pbx.find import Installation, find
from telephony.pbx.render import Layout, render
from telephony.pbx.supervise import LocalAsterisk
from telephony.secrets import Secrets
from telephony.settings import Settings
from tests.patience import PATIENCE_SECONDS
from tests.pbx.ami_client import AmiClient, ami_client
from tests.pbx.sip_client import SipClient
from tests.pbx.sipp import carrier, sipp
from tests.ports import RTP_PORTS_OF_ONE, free_port, next_rtp_port

T = TypeVar("T")
LEGS = {
    "simulated": "simulated:{digits}",
    "trunk": "trunk:default:{to}:+15550111222",
    "phone": "phones:{to}",
}
Cdr = dict[str, Any]


def pbx_settings(var_dir: Path, **changes: Any) -> Settings:
    """Settings of an installation of its own: free ports, a var folder, a trunk on loopback."""
    first = next_rtp_port()
    values: dict[str, Any] = {
        "var_dir": var_dir,
        "http_port": free_port(),
        "sip_port": free_port(),
        "sips_port": free_port(),
        "wss_port": free_port(),
        "ami_port": free_port(),
        "agi_port": free_port(),
        "metrics_port": free_port(),
        "rtp_range": f"{first}-{first + RTP_PORTS_OF_ONE - 1}",
        "trunk_host": f"127.0.0.1:{free_port()}",
        "probe_call_seconds": 0,
    }
    return Settings(**(values | changes))


def eventually(
    check: Callable[[], T | None], seconds: float = PATIENCE_SECONDS, what: str = "it"
) -> T:
    """Poll until `check` gives something true; AssertionError after `seconds`."""
    until = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < until, f"{what} did not happen in {seconds} s"
        time.sleep(0.02)


class LoopThread:
    """An event loop in a thread, for fixtures that outlive a test's own loop."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], seconds: float = 60) -> T:
        """The result of a coroutine, waited for in the calling thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()


@dataclass
class Pbx:
    """A running Asterisk; every helper blocks, so call it from a thread in async tests."""

    settings: Settings
    secrets: Secrets
    installation: Installation
    layout: Layout
    asterisk: LocalAsterisk
    thread: LoopThread
    reports: list[str] = field(default_factory=list)

    @property
    def pid(self) -> int:
        """Process id of Asterisk itself."""
        assert self.asterisk.pid, "Asterisk is down"
        return self.asterisk.pid

    def kill(self) -> int:
        """kill -9; the pid it had."""
        pid = self.pid
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_and_wait(self, seconds: float = PATIENCE_SECONDS) -> None:
        """kill -9, then wait until the supervisor has another one fully booted."""
        before = self.kill()
        eventually(lambda: self.asterisk.pid not in (None, before), seconds, "a restart")
        eventually(self._booted, seconds, "FullyBooted")

    def _booted(self) -> bool:
        try:
            with self.ami():
                return True
        except (OSError, AssertionError):
            return False

    def ami(self, user: str = "calls") -> AbstractContextManager[AmiClient]:
        """A logged-in raw AMI client as `calls` or `provisioning`."""
        secret = {"calls": self.secrets.ami_calls, "provisioning": self.secrets.ami_provisioning}
        return ami_client(self.settings.ami_host, self.settings.ami_port, user, secret[user])

    def provision(self, username: str, password: str, **endpoint: str) -> None:
        """Write a phone into AstDB as the platform does: aor, auth, endpoint."""
        rows = phone_rows(username, password, self.settings.realm)
        rows["endpoint"] |= endpoint
        with self.ami("provisioning") as ami:
            for kind, value in rows.items():
                answer = ami.send("DBPut", Family=f"ps/{kind}", Key=username, Val=json.dumps(value))
                assert answer["Response"] == "Success", answer

    def phone(self, username: str, password: str, **options: Any) -> SipClient:
        """A raw SIP client of that account, not registered yet; a context manager."""
        return SipClient("127.0.0.1", self.settings.sip_port, username, password, **options)

    @contextmanager
    def sipp_phone(self, username: str, scenario: str, folder: Path) -> Iterator[None]:
        """A provisioned and registered phone that is played by SIPp."""
        port = free_port()
        self.provision(username, "a-phone-of-sipp", rewrite_contact="no")
        with (
            sipp(scenario, port, folder),
            self.phone(username, "a-phone-of-sipp", contact=f"127.0.0.1:{port}") as phone,
        ):
            assert phone.register() == 200
            yield

    def originate(
        self,
        to: str,
        route: str = "simulated",
        first: str = "Local/s@simulated-phone/n",
        seconds: object = 30,
        ring: object = 5,
        caller_id: str = "+15550111222",
        legs: str = "",
    ) -> str:
        """Place a call as the platform does, by the only leg of its route or by `legs`; the call
        id, which is its Uniqueid."""
        call_id = f"call_{uuid4().hex}"
        values = {"LEGS": legs or LEGS[route].format(to=to, digits=to[1:]), "TO": to,
                  "SECONDS": seconds, "RING_SECONDS": ring}  # fmt: skip
        with self.ami() as ami:
            answer = ami.send(
                "Originate",
                *(f"SV_{name}={value}" for name, value in values.items()),
                f"SV_CALLER_ID={caller_id}",
                Channel=first,
                Context="api-call",
                Exten="s",
                Priority=1,
                Async="true",
                ChannelId=call_id,
                CallerID="+15550111222",
                Timeout=10000,
            )
        assert answer["Response"] == "Success", answer
        return call_id

    def register(self, username: str, password: str) -> int:
        """Final status of a REGISTER with these credentials: 200, 401, …"""
        with self.phone(username, password) as phone:
            return phone.register()

    def cdrs(self, uniqueid: str) -> list[Cdr]:
        """The records written so far with that uniqueid."""
        return [row for row in self.all_cdrs() if row["uniqueid"] == uniqueid]

    def all_cdrs(self) -> list[Cdr]:
        """Every complete line of the CDR file; a line that is not JSON raises ValueError."""
        if not self.layout.cdr_file.exists():
            return []
        lines = self.layout.cdr_file.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def cdr(self, uniqueid: str, seconds: float = PATIENCE_SECONDS) -> Cdr:
        """The one record of a call that no other follows, once it is written."""
        eventually(lambda: self._last(uniqueid), seconds, f"the record of {uniqueid}")
        (row,) = self._last(uniqueid)
        return row

    def _last(self, uniqueid: str) -> list[Cdr]:
        return [row for row in self.cdrs(uniqueid) if row["sv_more"] == ""]


def phone_rows(username: str, password: str, realm: str) -> dict[str, dict[str, str]]:
    """The three AstDB rows of a phone, in the order to write them."""
    plain = f"{username}:{realm}:{password}".encode()
    digests = f"MD5:{hashlib.md5(plain).hexdigest()},SHA-256:{hashlib.sha256(plain).hexdigest()}"
    return {
        "aor": {"max_contacts": "5", "remove_existing": "yes", "remove_unavailable": "yes"},
        "auth": {
            "auth_type": "digest",
            "username": username,
            "realm": realm,
            "password_digest": digests,
            "supported_algorithms_uas": "MD5",
        },
        "endpoint": {
            "aors": username,
            "auth": username,
            "context": "from-phone",
            "disallow": "all",
            "allow": "ulaw,alaw",
            "accountcode": username,
            "allow_transfer": "no",
            "direct_media": "no",
            "rtp_symmetric": "yes",
            "force_rport": "yes",
            "rewrite_contact": "yes",
            "media_address": "127.0.0.1",
            "bind_rtp_to_media_address": "yes",
            "trust_id_inbound": "no",
        },
    }


def start_pbx(settings: Settings) -> Pbx:
    """A running Pbx of these settings; the caller stops it with `stop_pbx`."""
    thread, reports = LoopThread(), list[str]()
    secrets = installation_secrets.load(settings)
    installation = thread.run(find(settings, reports.append), 300)
    layout = render(settings, secrets, installation)
    asterisk = LocalAsterisk(settings, secrets, installation, layout, reports.append)
    thread.run(asterisk.start())
    return Pbx(settings, secrets, installation, layout, asterisk, thread, reports)


def stop_pbx(pbx: Pbx) -> None:
    """Stop Asterisk and the thread that watched it."""
    pbx.thread.run(pbx.asterisk.stop())
    pbx.thread.close()


@pytest.fixture(scope="session")
def pbx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    """The Asterisk that all tests of a run share, with SIPp as its carrier; accounts and call
    ids must be a test's own."""
    folder = tmp_path_factory.mktemp("pbx")
    settings = pbx_settings(folder / "var")
    # The carrier comes first and stays: a trunk that missed one OPTIONS is out for 30 s.
    with sipp(carrier(), int(settings.trunk_host.rpartition(":")[2]), folder):
        running = start_pbx(settings)
        yield running
        stop_pbx(running)
