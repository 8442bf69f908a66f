"""The README's commands work as printed, with $API and $KEY set."""

import json
import os
import re
import subprocess
from pathlib import Path

from tests.e2e.installation import Installation

README = Path(__file__).parents[2] / "README.md"


def samples() -> list[str]:
    """The commands of the README's `sh` blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
    return [command for block in blocks for command in block.strip().split("\n\n")]


def test_the_readme_samples(here: Installation) -> None:
    environment = {**os.environ, "API": here.api, "KEY": here.facts["test_key"]}
    answers = []
    for command in samples():
        done = subprocess.run(
            ["sh", "-c", command.replace("curl ", "curl -sS --fail-with-body ", 1)],
            capture_output=True, text=True, timeout=20, env=environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        answers.append(json.loads(done.stdout))
    message, call, log = answers
    assert (message["status"], message["cost"]) == ("queued", 0.006)
    assert call["status"] == "queued"
    assert set(log) == {"data", "total", "total_exact", "limit", "offset", "next_cursor"}
