"""Asterisk comes back when it dies, and goes for good when it is stopped or abandoned."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from telephony import secrets as installation_secrets
from telephony.pbx import confine, supervise
from telephony.pbx.errors import PbxError
from telephony.pbx.find import Installation
from telephony.pbx.render import Layout
from telephony.pbx.supervise import LocalAsterisk, last_lines
from telephony.settings import Settings
from tests.fixtures_pbx import Pbx, eventually, pbx_settings, start_pbx, stop_pbx


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def test_after_kill_9_it_is_back_with_its_accounts(pbx: Pbx) -> None:
    pbx.provision("survivor", "a secret")
    assert pbx.register("survivor", "a secret") == 200
    time.sleep(1.1)  # AstDB commits once a second.
    before, restarts, started = pbx.pid, pbx.asterisk.restarts, time.monotonic()
    pbx.kill_and_wait(10)
    assert time.monotonic() - started < 5
    assert pbx.pid != before
    assert pbx.asterisk.restarts == restarts + 1
    assert any("Asterisk died: SIGKILL" in line for line in pbx.reports)
    assert eventually(lambda: pbx.reports[-1] == f"Asterisk is back, pid {pbx.pid}")
    assert pbx.register("survivor", "a secret") == 200


def test_stop_leaves_no_process_and_no_mount(tmp_path: Path) -> None:
    before = Path("/proc/self/mounts").read_text()
    running = start_pbx(pbx_settings(tmp_path / "var"))
    pid, started = running.pid, time.monotonic()
    stop_pbx(running)
    assert time.monotonic() - started < 5
    assert not Path(f"/proc/{pid}").exists()
    assert Path("/proc/self/mounts").read_text() == before
    assert running.asterisk.pid is None
    assert running.reports == []


SUPERVISOR = """
import asyncio, sys
from pathlib import Path
from tests.fixtures_pbx import pbx_settings, start_pbx
print(start_pbx(pbx_settings(Path(sys.argv[1]))).pid, flush=True)
input()
"""


def test_kill_9_of_the_supervisor_leaves_no_asterisk(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(tmp_path / "var")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as supervisor:
        assert supervisor.stdout
        pid = int(supervisor.stdout.readline())
        assert alive(pid)
        supervisor.send_signal(signal.SIGKILL)
        supervisor.wait()
        eventually(lambda: not alive(pid), 2, "the end of Asterisk")


def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> LocalAsterisk:
    """A supervisor whose Asterisk is a shell script."""
    settings = pbx_settings(tmp_path / "var")
    layout = Layout(settings.var_dir / "asterisk", os.getuid(), os.getgid())
    for name in ("etc", "log"):
        (layout.folder / name).mkdir(parents=True)
    (layout.folder / "etc/manager.conf").touch()
    installation = Installation(Path("/"), "/bin/sh", "22.2.0")
    monkeypatch.setattr(supervise, "command", lambda *_: ["sh", "-c", script])
    return LocalAsterisk(settings, installation_secrets.load(settings), installation, layout)


async def test_a_failing_start_tells_the_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asterisk = fake(tmp_path, monkeypatch, "echo the disk is full; exit 3")
    with pytest.raises(PbxError, match=r"(?s)did not start: exit status 3.*the disk is full"):
        await asterisk.start()
    assert asterisk.pid is None


async def test_what_ignores_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "READY_SECONDS_MAX", 0.3)
    monkeypatch.setattr(supervise, "STOP_SECONDS_MAX", 0.3)
    asterisk = fake(tmp_path, monkeypatch, "trap '' TERM; while :; do sleep 0.1; done")
    with pytest.raises(PbxError, match=r"not ready after 0\.3 s"):
        await asterisk.start()
    assert asterisk.pid is None


async def test_pauses_grow_while_it_keeps_dying(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "PAUSES_SECONDS", (0.01, 0.02, 0.04))
    lines: list[str] = []
    asterisk = fake(tmp_path, monkeypatch, "exit 1")
    monkeypatch.setattr(asterisk, "_report", lines.append)
    await asterisk._spawn()
    monkeypatch.setattr(asterisk, "_watch", asyncio.create_task(asterisk._keep_running()))
    while asterisk.restarts < 4:
        await asyncio.sleep(0.01)
    await asterisk.stop()
    pauses = [line.rsplit(" in ", 1)[1] for line in lines if "starting it again" in line]
    assert pauses[:4] == ["0.01 s", "0.02 s", "0.04 s", "0.04 s"]


def test_last_lines_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_lines(log) == []
    log.write_bytes(b"x" * 10000 + b"\n\xff\nlast\n")
    assert last_lines(log, 2) == ["�", "last"]


def test_a_system_asterisk_uses_the_same_fence(pbx: Pbx) -> None:
    system = Installation(Path("/"), "/usr/sbin/asterisk", "22.2.0")
    own, shared = (confine.command(each, pbx.layout) for each in (system, pbx.installation))
    assert own[: own.index("asterisk") + 1] == shared[: shared.index("asterisk") + 1]
    assert own[own.index("asterisk") + 1] == ""


def test_where_nothing_may_be_mounted_it_still_drops_its_rights(
    pbx: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confine, "can_unshare", lambda: False)
    system = Installation(Path("/"), "/usr/sbin/asterisk", "22.2.0")
    command = confine.command(system, pbx.layout)
    assert command[:3] == ["setpriv", "--reuid", "asterisk"]
    assert "unshare" not in command


def test_data_survive_a_stop(tmp_path: Path) -> None:
    settings: Settings = pbx_settings(tmp_path / "var")
    first = start_pbx(settings)
    first.provision("stays", "a secret")
    first.cdr(first.originate("+15550000002"))
    stop_pbx(first)
    second = start_pbx(settings)
    assert second.register("stays", "a secret") == 200
    assert len(second.all_cdrs()) >= 1
    stop_pbx(second)


async def test_a_start_that_is_interrupted_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asterisk = fake(tmp_path, monkeypatch, "exec sleep 60")
    start = asyncio.create_task(asterisk.start())
    while asterisk.pid is None:
        await asyncio.sleep(0.01)
    pid = asterisk.pid
    start.cancel()
    await asyncio.gather(start, return_exceptions=True)
    assert not Path(f"/proc/{pid}").exists()
