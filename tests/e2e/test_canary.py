"""No log holds a key, a secret, a text or a number, whatever a run has to tell: here at the
lowest level, of everything that is done often, done wrong or refused."""

import json
import secrets as random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.installation import Installation, running
from tests.fixtures_pbx import LoopThread, eventually
from tests.ports import free_port
from tests.webhooks.sinks import Sink, running_sink

TEXT = f"canary text {random.token_hex(8)}"
SECRET = f"canary-secret-{random.token_hex(8)}"
SMPP_PASSWORD = "canary8"
WRONG_KEY = "sk_test_" + "canary" * 6
TO, CALLED = "+15551234242", "+15550300007"
NOBODY = "+15550777888"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """With an SMSC that is away, at the level at which libraries talk, too."""
    changes: dict[str, Any] = {
        "log_level": "DEBUG", "log_format": "json", "smpp_host": "127.0.0.1",
        "smpp_port": free_port(), "smpp_system_id": "canary", "smpp_password": SMPP_PASSWORD,
    }  # fmt: skip
    with running(tmp_path_factory.mktemp("canary"), **changes) as installation:
        yield installation


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    """Refuses what it gets, so that its deliveries are told of."""
    thread = LoopThread()
    entered = running_sink()
    made = thread.run(entered.__aenter__())
    made.answers["/hook"] = 500
    yield made
    thread.run(entered.__aexit__(None, None, None))
    thread.close()


@pytest.fixture(scope="module")
def given(run: Installation, sink: Sink) -> set[str]:
    """Exercise the run; the secrets that it gave out meanwhile."""
    return _messages(run, f"{sink.url}/hook") | _hooks(run, f"{sink.url}/hook") | _voice(run)


def _messages(run: Installation, hook: str) -> set[str]:
    body = {"to": TO, "text": TEXT, "callback_url": hook}
    sent = run.post("/sms/send", body, idempotency=f"key {SECRET}")
    assert sent.status_code == 202, sent.text
    run.post("/sms/send", body, idempotency=f"key {SECRET}")
    run.post("/sms/send", {**body, "to": NOBODY}, idempotency=f"key {SECRET}")
    assert run.post("/sms/batch", {"messages": [body, {"to": TEXT}]}).status_code == 202
    live = run.post("/sms/send", {"to": TO, "text": TEXT}, key="live_key")
    for wrong in ({"to": TO, "text": 7}, {"to": TEXT, "text": TEXT}, {TEXT: TO}, [TEXT]):
        assert run.post("/sms/send", wrong).status_code == 400  # type: ignore[arg-type]
    for key in (WRONG_KEY, run.facts["test_key"][:-1] + "_"):
        refused = run.http.get(f"{run.api}/sms", headers={"Authorization": f"Bearer {key}"})
        assert refused.status_code == 401
    run.get(f"/sms?search={TO.removeprefix('+')}")
    inbound = {"from": TO, "to": "+15550111222", "text": TEXT}
    run.post("/sms/inbound/simulate", inbound)
    assert live.status_code in (202, 402, 403), live.text
    eventually(lambda: _ended(run, sent.json()["message_id"]), 20, "the end of the message")
    return set()


def _ended(run: Installation, message_id: str) -> bool:
    (row,) = run.rows("SELECT status FROM message WHERE id = :id", id=message_id)
    return bool(row["status"] == "delivered")


def _hooks(run: Installation, hook: str) -> set[str]:
    made = run.post("/webhooks", {"url": hook})
    assert made.status_code == 201, made.text
    endpoint = made.json()
    rotated = run.post(f"/webhooks/{endpoint['id']}/rotate-secret", {})
    run.post(f"/webhooks/{endpoint['id']}/test", {"event": "delivery_report"})
    eventually(lambda: run.rows("SELECT * FROM delivery_attempt"), 20, "an attempt")
    return {endpoint["secret"], rotated.json()["secret"]}


def _voice(run: Installation) -> set[str]:
    phone = run.facts["sip"][0]
    body = {"sip_account": phone["username"]}
    changed = run.post("/voip/password", body | {"sip_password": SECRET})
    assert changed.json()["applied"], changed.text
    assert run.post("/voip/password", body | {"sip_password": "short"}).status_code == 400
    made = run.post("/voip/password", body).json()["sip_password"]
    assert run.register(phone["username"], made) == 200
    assert run.register(phone["username"], SECRET) == 401
    link = run.post(f"/voip/accounts/{phone['username']}/setup", {})
    call_id = run.call(CALLED, caller_id="+15550111222")
    run.reached(call_id, "completed", "failed", seconds=30)
    run.get(f"/voip/logs?search={CALLED.removeprefix('+')}")
    url = link.json()["provisioning_url"]
    assert run.http.get(url).status_code == 200
    token = url.rpartition("/")[2]
    return {made, token}


def secrets_of(run: Installation, given: set[str]) -> set[str]:
    """Whatever nobody may read in a log."""
    facts, own = run.facts, json.loads((run.var / "secrets.json").read_text())
    known = {facts["test_key"], facts["live_key"], facts["webhook_secret"],
             facts["admin"]["password"], facts["ami"]["calls"], facts["ami"]["provisioning"],
             facts["sip"][1]["password"]}  # fmt: skip
    own_secrets = {value for value in own.values() if isinstance(value, str)}
    return known | own_secrets | given | {SECRET, SMPP_PASSWORD, WRONG_KEY, TEXT}


def logs(run: Installation) -> dict[Path, str]:
    """Every log of the platform and of the PBX, but for its file of call records."""
    found = [*(run.var / "log").rglob("*"), *(run.var / "asterisk/log").rglob("*")]
    return {
        path: path.read_text(errors="replace")
        for path in found
        if path.is_file() and "cdr-" not in str(path)
    }


def test_every_line_of_the_platform_is_an_object(run: Installation, given: set[str]) -> None:
    said = (run.var / "log/platform.log").read_text()
    lines = [json.loads(line) for line in said.splitlines()]
    assert given
    assert {"debug", "info", "warning"} <= {line["level"] for line in lines}
    assert all(line["message"] and line["logger"] and line["time"] for line in lines)
    assert {line["message"] for line in lines if line.get("request_id")}


def test_no_log_holds_a_secret_or_a_text(run: Installation, given: set[str]) -> None:
    found = logs(run)
    assert (run.var / "log/platform.log") in found
    assert len(secrets_of(run, given)) > 12
    held = {
        (path.name, secret)
        for path, said in found.items()
        for secret in secrets_of(run, given)
        if secret in said
    }
    assert held == set()


def test_no_line_of_the_platform_holds_a_number(run: Installation, given: set[str]) -> None:
    said = (run.var / "log/platform.log").read_text()
    numbers = {TO, CALLED, NOBODY, "+15550111222"}
    assert {one for one in numbers if one.removeprefix("+") in said} == set()


def test_the_canaries_are_found_where_they_are(run: Installation, given: set[str]) -> None:
    """The same search in the database, so that an empty result above means something."""
    rows = run.rows("SELECT body, to_number FROM message")
    assert (TEXT, TO) in {(row["body"], row["to_number"]) for row in rows}
    assert run.facts["test_key"] in run.said(), "shown to whoever starts it, on purpose"
    assert given
