"""Ctrl-C and kill -9 of the supervisor: nothing is left behind, and the data is found again."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from db import audit
from tests.e2e.installation import STOP_SECONDS, Installation
from tests.fixtures_pbx import eventually


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation that these tests start and stop."""
    installation = Installation(tmp_path_factory.mktemp("own"))
    yield installation
    installation.end()


@pytest.fixture
def up(own: Installation) -> Installation:
    """The same, running."""
    if not own.is_up():
        own.start()
    return own


CHANGED = "changed-before-the-stop"


def mounts() -> set[str]:
    return set(Path("/proc/self/mountinfo").read_text().splitlines())


def gone(installation: Installation) -> None:
    """Nothing that belongs to it lives, listens or is mounted."""
    assert installation.processes() == {}
    assert not (installation.var / "ready.json").exists()
    assert str(installation.var) not in Path("/proc/self/mountinfo").read_text()


def children(pid: int) -> set[int]:
    """The whole tree below a process, by parent ids."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        parents[int(folder.name)] = int(stat[1])
    tree, size = {pid}, 0
    while len(tree) > size:
        size = len(tree)
        tree |= {child for child, parent in parents.items() if parent in tree}
    return tree


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}").exists()}


def test_ctrl_c_in_mid_call_leaves_nothing_and_the_next_start_finds_all(
    own: Installation, here: Installation
) -> None:
    """`here` runs beside it all the time: two copies do not disturb each other."""
    before = mounts()
    first = own.start()
    ended = own.call("+15550300002")
    own.reached(ended, "busy")
    talking = own.call("+15550300001")
    own.reached(talking, "answered")
    tree = children(first["pids"]["supervisor"])
    assert tree >= set(first["pids"].values())
    phone, certificate = first["sip"][0], Path(first["tls"]["certificate"])
    shown = certificate.read_bytes()
    assert own.post("/voip/password", {"sip_password": CHANGED}).json()["applied"]
    took = own.stop()
    print(f"\n  stopped in {took:.1f} s")
    assert took < STOP_SECONDS
    assert alive(tree) == set()
    gone(own)
    assert mounts() == before
    second = own.start()
    # The first phone's printed secret is no longer true, and nobody else knows the new one.
    assert second["sip"][0] == phone | {"password": None}
    assert "(changed; set a new one with POST /voip/password)" in own.said()
    assert second["sip"][1] == first["sip"][1]
    same = set(first) - {"sip", "pids"}
    assert certificate.read_bytes() == shown
    assert {name: second[name] for name in same} == {name: first[name] for name in same}
    assert own.register(phone["username"], CHANGED) == 200
    assert own.register(phone["username"], phone["password"]) == 401
    status, said = own.run("demo")
    assert (status, "the tour does not know it" in said) == (1, True)
    rows = {row["call_id"] for row in own.get("/voip/logs").json()["data"]}
    assert ended in rows
    own.reached(talking, "completed")
    assert here.answers()


def test_impatient_signals_leave_nothing_either(up: Installation) -> None:
    tree = children(up.facts["pids"]["supervisor"])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGINT, signal.SIGTERM):
        os.kill(up.facts["pids"]["supervisor"], number)
        time.sleep(0.02)
    assert up.wait() == 0
    eventually(lambda: not alive(tree), STOP_SECONDS, "the end of all processes")
    gone(up)


def test_a_stop_during_the_start_leaves_nothing(own: Installation) -> None:
    process = own.launch()
    eventually(lambda: b"asterisk -f" in " ".join(own.processes().values()).encode(),
               30, "a starting Asterisk")  # fmt: skip
    tree = children(process.pid)
    took = own.stop()
    # A `mount` that was under way when its shell was stopped ends by itself a moment later.
    eventually(lambda: not alive(tree), STOP_SECONDS - took, "the end of all processes")
    gone(own)


def test_kill_of_the_supervisor_takes_platform_and_asterisk_with_it(up: Installation) -> None:
    call_id = up.call("+15550300001")
    up.reached(call_id, "answered")
    tree = children(up.facts["pids"]["supervisor"])
    up.stop(signal.SIGKILL)
    eventually(lambda: not alive(tree), 2, "the end of all processes")
    assert up.processes() == {}
    assert str(up.var) not in Path("/proc/self/mountinfo").read_text()
    # What it left behind is not taken for a running platform, and does not hinder the next.
    assert (up.var / "ready.json").exists()
    status, said = up.run("doctor")
    assert status == 0, said
    assert "the platform is not running" in said
    up.start()
    lost = up.reached(call_id, "completed")
    assert (lost["hangup_cause"], lost["cost"]) == ("pbx_lost", 12_000)
    up.stop()
    assert {name: rows for name, rows in up.deed(audit.drift).items() if rows} == {}


def test_a_second_up_in_the_same_folder_is_refused_and_disturbs_nothing(
    here: Installation,
) -> None:
    files = {path: path.stat().st_mtime_ns for path in (here.var / "asterisk/etc").iterdir()}
    facts = (here.var / "ready.json").read_bytes()
    other = Installation(here.folder / "other")
    elsewhere = {name: other.environment[name] for name in other.environment
                 if name.endswith(("_PORT", "_RANGE"))}  # fmt: skip
    for changes in (elsewhere, {}):
        status, said = here.run("up", changes=changes)
        assert status == 1
        assert said.startswith(f"A platform runs in {here.var} already.")
        assert "Traceback" not in said
    assert (here.var / "ready.json").read_bytes() == facts
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert here.answers()
    assert here.register(here.facts["sip"][0]["username"], here.facts["sip"][0]["password"]) == 200


def test_every_port_in_use_is_named(here: Installation, folder: Path) -> None:
    settings = [f"SMS_VOIP_{name}_PORT" for name in ("HTTP", "SIP", "SIPS", "WSS", "AMI", "AGI")]
    taken = {name: here.environment[name] for name in settings}
    status, said = Installation(folder).run("up", changes=taken)
    assert status == 1
    assert said.splitlines() == [
        f"{name}: {protocol} port {port} on 127.0.0.1 is in use"
        for name, port in taken.items()
        for protocol in (("UDP", "TCP") if name == "SMS_VOIP_SIP_PORT" else ("TCP",))
    ]


MENDABLE = [
    ({"SMS_VOIP_HTTP_PORT": "99999"}, 2, "SMS_VOIP_HTTP_PORT: "),
    ({"SMS_VOIP_RTP_RANGE": "5-1"}, 2, "SMS_VOIP_RTP_RANGE: "),
    ({"SMS_VOIP_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, 1, "onnection"),
    ({"SMS_VOIP_DATABASE_URL": "mysql://somewhere/else"}, 2, "SMS_VOIP_DATABASE_URL: "),
    ({"SMS_VOIP_VAR_DIR": "/proc/nowhere"}, 1, "/proc/nowhere"),
    ({"SMS_VOIP_ASTERISK_ROOT": "/nowhere"}, 1, "SMS_VOIP_ASTERISK_ROOT"),
    ({"SMS_VOIP_TLS_CERT": "/nowhere"}, 1, "Set both SMS_VOIP_TLS_CERT and SMS_VOIP_TLS_KEY"),
]


def test_what_a_person_can_mend_is_a_sentence(folder: Path) -> None:
    """Two at a time: each is a process that has to load the whole platform first."""

    def start(number: int) -> tuple[int, str]:
        return Installation(folder / str(number)).run("up", changes=MENDABLE[number][0])

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(start, range(len(MENDABLE))))
    for (changes, status, sentence), (ended, said) in zip(MENDABLE, found, strict=True):
        assert (ended, sentence in said, "Traceback" in said) == (status, True, False), (
            changes, said,
        )  # fmt: skip
