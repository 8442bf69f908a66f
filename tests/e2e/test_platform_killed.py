"""kill -9 of the platform in mid-call: the call goes on, and is told and paid once."""

import json
import os
import signal
import time

import pytest

from db.connection import Row
from tests.e2e.conftest import SinkThread
from tests.e2e.installation import Installation
from tests.fixtures_pbx import eventually

STATES = ["call_ringing", "call_answered", "call_completed"]
PER_MINUTE = 12_000
RESTART_SECONDS = 30


def complete(here: Installation, sink: SinkThread, call_id: str) -> Row:
    """The ended call, after a look at all that must be complete and single."""
    row = here.reached(call_id, "completed")
    # What was on its way at the kill comes again after its lease, so maybe after later ones.
    *_, last = (sink.wait(event=state, call_id=call_id) for state in STATES)
    assert sorted(event["event"] for event in sink.of(call_id)) == sorted(STATES)
    told = here.rows("SELECT type FROM event WHERE subject = :id ORDER BY id", id=call_id)
    assert [event["type"] for event in told] == STATES
    timeline = here.rows("SELECT status FROM call_moment WHERE call_id = :id ORDER BY at, id",
                         id=call_id)  # fmt: skip
    states = list(dict.fromkeys(moment["status"] for moment in timeline))
    assert states == ["queued", "dialing", "ringing", "answered", "completed"]
    (hold,) = here.rows("SELECT * FROM hold WHERE reference = :id", id=call_id)
    assert (hold["state"], hold["captured"]) == ("captured", row["cost"])
    charges = here.rows("SELECT id FROM journal WHERE reference = :r", r=f"charge:{call_id}")
    assert len(charges) == 1
    assert len(here.rows("SELECT 1 FROM cdr WHERE uniqueid = :id", id=call_id)) == 1
    assert (last["billsec"], last["cost"]) == (row["billsec"], row["cost"] / 1_000_000)
    return row


def test_killed_before_ringing_while_ringing_and_after_the_answer(
    here: Installation, sink: SinkThread
) -> None:
    limit = {"callback_url": sink.url, "time_limit_seconds": 4}
    answered = here.call("+15550100001", **limit | {"time_limit_seconds": 6})
    here.reached(answered, "answered")
    ringing = here.call("+15550101234", **limit)
    here.reached(ringing, "ringing")
    dialing = here.call("+15550105678", **limit)
    eventually(lambda: here.row(dialing)["first_leg"].startswith("Local/"), what="first leg")
    eventually(lambda: dialing in here.channels(), what="a channel")
    assert here.row(dialing)["status"] == "dialing"
    assert here.row(ringing)["status"] == "ringing"
    killed = here.kill("platform")
    at = time.monotonic()
    assert {answered, ringing, dialing} <= here.channels()
    here.restarted("platform", killed)
    here.wait_operational()
    took = time.monotonic() - at
    print(f"\n  platform killed: operational again after {took:.1f} s")
    assert took < RESTART_SECONDS
    rows = {name: complete(here, sink, call_id)
            for name, call_id in [("a", answered), ("r", ringing), ("d", dialing)]}  # fmt: skip
    assert {name: row["billsec"] for name, row in rows.items()} == {"a": 6, "r": 4, "d": 4}
    assert {row["cost"] for row in rows.values()} == {PER_MINUTE}


def test_the_call_ends_while_the_platform_is_down(here: Installation, sink: SinkThread) -> None:
    call_id = here.call("+15550100007", callback_url=sink.url)
    here.reached(call_id, "dialing", "ringing", "answered")
    eventually(lambda: call_id in here.channels(), what="a channel")
    supervisor = here.facts["pids"]["supervisor"]
    os.kill(supervisor, signal.SIGSTOP)
    try:
        killed = here.kill("platform")
        eventually(lambda: call_id in here.settings.cdr_file.read_text(), 10, "its record")
        assert here.row(call_id)["status"] != "completed"
    finally:
        os.kill(supervisor, signal.SIGCONT)
    here.restarted("platform", killed)
    row = complete(here, sink, call_id)
    assert row["billsec"] == 3
    here.wait_operational()
    page = here.get("/voip/logs?search=%2B15550100007").json()
    (logged,) = [one for one in page["data"] if one["call_id"] == call_id]
    assert logged["status"] == "answered"
    assert logged["cost"] == pytest.approx(PER_MINUTE / 1e6)


def test_an_idempotent_retry_after_a_kill_places_no_second_call(
    here: Installation, sink: SinkThread
) -> None:
    """The customer saw no answer, and asks again with the same key once the API is back."""
    body = {"to": "+15550100002", "callback_url": sink.url, "reference": "once"}
    first = here.post("/voice/call", body, idempotency="once-only")
    killed = here.kill("platform")
    here.restarted("platform", killed)
    here.wait_operational()
    again = here.post("/voice/call", body, idempotency="once-only")
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    here.reached(first.json()["call_id"], "busy", "failed")
    assert len(here.rows("SELECT 1 FROM call WHERE reference = 'once'")) == 1
    payloads = here.rows("SELECT payload FROM event WHERE type = 'call_completed'")
    assert sum(json.loads(one["payload"])["reference"] == "once" for one in payloads) == 1
