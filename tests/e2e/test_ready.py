"""What a newcomer is told at the end of the start, and that it works when pasted."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.installation import Installation
from tests.fixtures_pbx import eventually

KEY = re.compile(r"sk_(live|test)_[0-9A-Za-z]{38}")


def paste(command: str, status: int) -> dict[str, Any]:
    """The JSON that a pasted curl command prints."""
    shown = command.rstrip().replace("curl ", "curl -sS -w '\\n%{http_code}' ", 1)
    done = subprocess.run(["sh", "-c", shown], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    body, _, code = done.stdout.rpartition("\n")
    assert int(code) == status, done.stdout
    parsed: dict[str, Any] = json.loads(body)
    return parsed


def test_ready_json_has_the_documented_members(here: Installation) -> None:
    path = here.var / "ready.json"
    facts = json.loads(path.read_text())  # parts may have come back since the start
    assert path.stat().st_mode & 0o777 == 0o600
    assert set(facts) == {
        "api_url", "metrics_url", "test_key", "live_key", "webhook_secret", "admin", "sip", "tls",
        "ami", "pids",
    }  # fmt: skip
    assert facts["api_url"] == f"http://127.0.0.1:{here.settings.http_port}"
    assert KEY.fullmatch(facts["test_key"])
    assert KEY.fullmatch(facts["live_key"])
    assert set(facts["admin"]) == {"email", "password"}
    assert [set(phone) for phone in facts["sip"]] == 2 * [
        {"username", "password", "server", "realm"}
    ]
    assert {phone["server"] for phone in facts["sip"]} == {f"127.0.0.1:{here.settings.sip_port}"}
    assert facts["tls"] == {
        "server": f"127.0.0.1:{here.settings.sips_port}",
        "websocket": f"wss://127.0.0.1:{here.settings.wss_port}/ws",
        "self_signed": True,
        "certificate": str(here.var / "tls/tls.crt"),
    }
    assert set(facts["ami"]) == {"host", "port", "calls", "provisioning"}
    assert set(facts["pids"]) == {"supervisor", "platform", "asterisk"}
    assert set(here.processes()) == set(facts["pids"].values())


@pytest.mark.parametrize("part", ["platform", "asterisk"])
def test_ready_json_follows_a_part_that_came_back(here: Installation, part: str) -> None:
    here.restarted(part, here.kill(part))
    here.wait_operational()

    def told() -> dict[str, int]:
        return dict(json.loads((here.var / "ready.json").read_text())["pids"])

    eventually(lambda: set(told().values()) == set(here.processes()), 10, "the new pid")
    assert told()[part] == here.pid_of(part) != here.facts["pids"][part]
    here.facts["pids"] = told()


def test_the_terminal_shows_the_same_facts(here: Installation) -> None:
    said, facts = here.said(), here.facts
    for fact in (
        f"{facts['api_url']}/api/v1", facts["test_key"], facts["live_key"],
        facts["admin"]["email"], facts["admin"]["password"], str(here.var / "ready.json"),
        f"server {facts['tls']['server']}  browsers {facts['tls']['websocket']}  (self-signed, ",
    ):  # fmt: skip
        assert fact in said
    for phone in facts["sip"]:
        line = f"{phone['username']}  secret {phone['password']}  server {phone['server']}"
        assert line in said
    ready = re.search(r"Ready in ([0-9.]+) s\.", said)
    assert ready
    print(f"\n  ready in {ready[1]} s")


def test_only_loopback_is_bound(here: Installation) -> None:
    """By the kernel's tables: no TCP listener of ours on another address, and no UDP socket on
    one of our ports. Asterisk asks name servers from a port that the kernel chose."""
    first_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for kind, state in (("tcp", "0A"), ("udp", "07"), ("tcp6", "0A"), ("udp6", "07")):
        for pid in here.processes():
            lines = Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]
            open_sockets = {
                os_link.removeprefix("socket:[").rstrip("]")
                for os_link in _links(pid)
                if os_link.startswith("socket:[")
            }
            for line in lines:
                fields = line.split()
                asks = (
                    kind.startswith("udp")
                    and int(fields[1].rpartition(":")[2], 16) >= first_ephemeral
                )
                if fields[9] in open_sockets and fields[3] == state and not asks:
                    assert fields[1].startswith("0100007F:"), (kind, line, here.processes()[pid])


def _links(pid: int) -> Iterator[str]:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            yield str(link.readlink())
        except FileNotFoundError:
            continue


def test_the_three_printed_commands_work_when_pasted(here: Installation) -> None:
    message, call, log = re.findall(r"(?m)^curl .*$", here.said())
    sent = paste(message, 202)
    assert sent["status"] == "queued"
    assert sent["message_id"].startswith("msg_")
    placed = paste(call, 202)
    assert placed["call_id"].startswith("call_")
    assert placed["caller_id"] == "+15550111222"
    here.reached(placed["call_id"], "answered")
    here.reached(placed["call_id"], "completed")
    rows = {row["call_id"]: row for row in paste(log, 200)["data"]}
    assert rows[placed["call_id"]]["status"] == "answered"
    assert rows[placed["call_id"]]["cost"] > 0
    eventually(
        lambda: here.get(f"/sms/{sent['message_id']}").json()["status"] == "delivered",
        what="delivery",
    )


def test_data_is_for_the_platforms_own_user(here: Installation) -> None:
    private = [here.var / "sms-voip.db", here.var / "log/platform.log", here.var / "demo.json"]
    assert [path.stat().st_mode & 0o077 for path in private] == [0, 0, 0]
