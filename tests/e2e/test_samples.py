"""The samples of the public page run as printed, against a whole installation: only host and key
are replaced, as a reader does it."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.installation import Installation
from tests.fixtures_pbx import eventually

SAMPLES = Path(__file__).parents[2] / "docs/samples"
PAGE_HOST = "https://api.sms-voip.local"
PAGE_KEY = re.compile(r"sk_live_\w+")
Answer = dict[str, Any]
Paste = Callable[[str], str]


@pytest.fixture
def page(here: Installation) -> Iterator[Paste]:
    """Makes a sample one of this installation; the phone whose secret it changes gets its own
    back."""

    def localized(name: str) -> str:
        sample = (SAMPLES / name).read_text()
        assert PAGE_HOST in sample
        assert PAGE_KEY.search(sample)
        sample = sample.replace(PAGE_HOST, here.facts["api_url"])
        return PAGE_KEY.sub(here.facts["test_key"], sample)

    yield localized
    phone = here.facts["sip"][0]
    body = {"sip_password": phone["password"], "sip_account": phone["username"]}
    assert here.post("/voip/password", body).json()["applied"]


def run(*command: str) -> str:
    """What a command prints; it must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def answers(printed: str) -> list[Answer]:
    """The JSON texts that follow each other in what was printed."""
    found, decoder, rest = [], json.JSONDecoder(), printed.strip()
    while rest:
        answer, end = decoder.raw_decode(rest)
        found.append(answer)
        rest = rest[end:].strip()
    return found


def newest_call(here: Installation) -> Answer:
    (row,) = here.rows("SELECT * FROM call ORDER BY id DESC LIMIT 1")
    return row


def money(here: Installation) -> int:
    (row,) = here.rows("SELECT SUM(balance) AS all_ FROM ledger_account WHERE mode = 'test'")
    return int(row["all_"])


def test_the_curl_samples_run_by_a_shell(here: Installation, page: Paste, tmp_path: Path) -> None:
    call_id = here.call("+15559870002")
    here.reached(call_id, "busy")
    script = tmp_path / "voip.sh"
    script.write_text(page("voip.sh"))
    before = money(here)
    caller_id, password, topup, logs = answers(run("sh", str(script)))
    first = here.facts["sip"][0]["username"]
    assert caller_id == {
        "sip_account": first, "caller_id": "+15550111222", "applied": True, "nodes": "1/1",
    }  # fmt: skip
    assert password == {"sip_account": first, "applied": True, "nodes": "1/1"}
    assert here.register(first, "NewStrongPassword123") == 200
    assert topup["amount"] == 25
    assert topup["transaction_id"].startswith("txn_")
    assert money(here) == before
    assert (logs["limit"], logs["offset"]) == (10, 0)
    # The raw + of the sample is a plus, not a space, of which no number has one.
    assert call_id in {row["call_id"] for row in logs["data"]}


def test_a_raw_plus_and_a_percent_encoded_one_mean_the_same(here: Installation) -> None:
    call_id = here.call("+491719870002")
    here.reached(call_id, "busy")
    raw, encoded = (
        here.get(f"/voip/logs?limit=5&search={plus}49171").json()["data"] for plus in ("+", "%2B")
    )
    assert raw == encoded
    assert raw[0]["call_id"] == call_id
    assert {row["to"][:6] for row in raw} == {"+49171"}


def test_the_node_sample_run_by_node(here: Installation, page: Paste, tmp_path: Path) -> None:
    before = newest_call(here)["id"]
    script = tmp_path / "voice.mjs"
    script.write_text(page("voice.mjs"))
    run("node", str(script))
    placed = newest_call(here)
    assert placed["id"] != before
    assert (placed["to_number"], placed["from_number"]) == ("+15559876543", "+15550111222")
    assert placed["caller_id"] == "+15550111222"
    here.reached(placed["id"], "answered")
    hang_up(here, placed["id"])
    here.reached(placed["id"], "completed")


def hang_up(here: Installation, call_id: str) -> None:
    eventually(lambda: call_id in here.channels(), what="a channel")
    with here.ami() as ami:
        assert ami.send("Hangup", Channel=call_id)["Response"] == "Success"
