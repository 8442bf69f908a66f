"""HTTP load by wrk (https://github.com/wg/wrk), which spares the processor that it shares."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("lua") / "send.lua"
THREADS = 2
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Load:
    """What a server answered in one run; `spent` is microseconds of its processor a request."""

    requests: int
    rate: float
    p50_ms: float
    p99_ms: float
    refused: int
    broken: int
    spent: float


def load(
    url: str, key: str, *, pid: int, tag: str, connections: int, seconds: int, batch: int = 0,
    pause_ms: int = 0, callback: str = "", script: Path = SCRIPT,
) -> Load:  # fmt: skip
    """Keep-alive connections that ask again when they were answered and have paused. `tag` makes
    the idempotency keys of a run its own."""
    command = [
        "wrk", "-t", str(min(THREADS, connections)), "-c", str(connections),
        "-d", f"{seconds}s", "--timeout", "30s", "-s", str(script), url, "--", key, tag,
        str(batch), str(pause_ms), callback,
    ]  # fmt: skip
    before = processor_seconds(pid)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    spent = processor_seconds(pid) - before
    found = json.loads(done.stdout.splitlines()[-1])
    requests = max(1, found["requests"])
    return Load(
        requests, requests / found["microseconds"] * 1e6, found["p50"] / 1e3, found["p99"] / 1e3,
        found["refused"], found["broken"], spent / requests * 1e6,
    )  # fmt: skip


def processor_seconds(pid: int) -> float:
    """What a process has used, of both its own and the kernel's time."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS
