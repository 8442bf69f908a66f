"""kill -9 in the middle of a recorded call: what was written is kept, and told once."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from db.connection import Row
from tests.e2e.conftest import SinkThread
from tests.e2e.installation import Installation
from tests.fixtures_pbx import eventually
from tests.voice.recorded import RIGHT_HZ, channels, hears

MILLIWATT = "+15550300001"
STORED_SECONDS = 40
WRITTEN_SECONDS = 3
"""Asterisk writes blocks of about one second of stereo; a kill costs what it has in memory."""


@pytest.fixture(autouse=True)
def _recorded(here: Installation) -> Iterator[None]:
    """Every call of the demo account is recorded for the length of a test."""
    (row,) = here.rows("SELECT DISTINCT account_id FROM api_key")
    command = ("account", "recording", row["account_id"], "--record")
    assert here.run(*command, "all")[0] == 0
    yield
    assert here.run(*command, "none")[0] == 0


def recording(here: Installation, call_id: str) -> Row:
    """The recording of a call, once it is in the store."""
    sql = "SELECT * FROM recording WHERE call_id = :id AND status = 'stored'"
    return eventually(lambda: here.rows(sql, id=call_id), STORED_SECONDS, "a stored recording")[0]


def heard(here: Installation, sink: SinkThread, call_id: str) -> list[list[int]]:
    """The channels of the audio behind the one event's link, which must lie nowhere else."""
    event = sink.wait(event="call_recording", call_id=call_id)
    assert [one["event"] for one in sink.of(call_id)].count("call_recording") == 1
    answer = here.http.get(event["recording_url"])
    assert answer.status_code == 200, answer.text
    row = recording(here, call_id)
    assert len(answer.content) == row["size"] == event["size"]
    files = [path.name for path in (here.var / "recordings").rglob("*") if path.is_file()]
    assert [name for name in files if row["id"] in name] == [f"{row['id']}.wav"]
    spool = here.settings.recording_spool / f"{call_id}.raw"
    eventually(lambda: not spool.exists(), what="an empty spool")
    return channels(answer.content)


def talking(here: Installation, sink: SinkThread, **body: int) -> str:
    """A call that both sides have talked in for a while; its id."""
    call_id = here.call(MILLIWATT, callback_url=sink.url, **body)
    here.reached(call_id, "answered")
    time.sleep(WRITTEN_SECONDS)
    return call_id


def test_asterisk_dies(here: Installation, sink: SinkThread) -> None:
    call_id = talking(here, sink)
    killed = here.kill("asterisk")
    here.restarted("asterisk", killed)
    row = recording(here, call_id)
    assert row["repaired"]
    assert here.row(call_id)["hangup_cause"] == "pbx_lost"
    left, right = heard(here, sink, call_id)
    assert hears(left, RIGHT_HZ)  # a simulated phone plays the same
    assert hears(right, RIGHT_HZ)
    assert 1 <= row["duration"] <= WRITTEN_SECONDS + 1
    here.wait_operational()


def test_the_platform_dies_and_the_call_ends_without_it(
    here: Installation, sink: SinkThread
) -> None:
    call_id = talking(here, sink, time_limit_seconds=WRITTEN_SECONDS + 2)
    supervisor = here.facts["pids"]["supervisor"]
    os.kill(supervisor, signal.SIGSTOP)
    try:
        killed = here.kill("platform")
        spool = here.settings.recording_spool / f"{call_id}.raw"
        records = here.settings.cdr_file
        eventually(lambda: records.exists() and call_id in records.read_text(), 15, "its record")
        assert spool.exists()
    finally:
        os.kill(supervisor, signal.SIGCONT)
    here.restarted("platform", killed)
    row = recording(here, call_id)
    assert (row["repaired"], row["channels"]) == (0, 2)
    assert all(hears(side, RIGHT_HZ) for side in heard(here, sink, call_id))
    assert abs(row["duration"] - (WRITTEN_SECONDS + 2)) <= 1
    here.wait_operational()
