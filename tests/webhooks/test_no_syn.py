"""No packet leaves for an address where webhooks must not go: heard on the wire of a network
namespace whose default route leads out."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.webhooks.hostile import HOSTILE

NAMESPACE = ["unshare", "--net", "--mount"]
SECONDS_MAX = 120
REFUSED = (
    "Not sent:", "The URL is not valid", "The host name does not resolve",
    "No connection: Invalid argument",
)  # fmt: skip


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """What the process behind the wall prints."""
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    done = subprocess.run(
        [*NAMESPACE, *as_root, sys.executable, "-m", "tests.webhooks.walled"],
        capture_output=True, text=True, timeout=SECONDS_MAX, cwd=Path(__file__).parents[2],
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def test_nothing_leaves_for_a_blocked_address(told: dict[str, Any]) -> None:
    assert len(told["urls"]) >= 30
    assert told["syns"] == []


def test_the_wire_would_be_heard(told: dict[str, Any]) -> None:
    """The same client, once the operator allows the networks."""
    assert told["control"] == ["10.77.0.1", "10.9.9.9", "fd77::1"]


@pytest.mark.parametrize("trick", HOSTILE)
def test_each_is_refused_at_registration_or_at_the_socket(told: dict[str, Any], trick: str) -> None:
    outcome = told["urls"][trick]
    assert outcome["registration"] or trick.startswith(("name:", "trailing")), outcome
    for said in outcome["dialled"]:
        assert said.startswith(REFUSED), outcome


def test_redirects_and_rebinding_lead_nowhere(told: dict[str, Any]) -> None:
    assert told["redirected"] == "Redirects are not followed."
    assert told["rebound"][0] == "204"
    assert told["rebound"][1].startswith("Not sent:")
