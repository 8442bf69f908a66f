"""Whoever dies on the way: a recording is stored once, told once, and left nowhere else."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from db.connection import Row
from db.failpoints import VARIABLE
from db.session import open_database
from telephony.voice.recordings import deeds
from tests.factories import customer
from tests.fixtures_db import until_left
from tests.voice.calling import add_phone, told
from tests.voice.recorded import (
    LEFT_HZ,
    RIGHT_HZ,
    folder_settings,
    over,
    recording_of,
    spool,
    stored_files,
    tones,
)


@pytest.mark.parametrize("instant", ["before-commit", "after-commit"])
async def test_a_kill_around_the_commit_stores_and_tells_once(
    database_url: str, tmp_path: Path, instant: str
) -> None:
    """The next process goes on: one file in the store, one event, nothing in the spool."""
    settings, row = folder_settings(tmp_path), await ended_call(database_url)
    raw = spool(settings, row, tones(1, LEFT_HZ, RIGHT_HZ))
    assert moved(database_url, tmp_path, f"{instant}:{deeds.stored.__name__}") == -signal.SIGKILL
    assert raw.exists()
    assert len(stored_files(settings)) == 1
    assert moved(database_url, tmp_path) == 0
    database = await open_database(database_url)
    (path,) = stored_files(settings)
    recording = await recording_of(database, row["id"])
    assert recording
    assert (recording["status"], recording["size"]) == ("stored", path.stat().st_size)
    assert recording["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    kinds = [event["event"] for event in await told(database, row["id"])]
    assert kinds.count("call_recording") == 1
    # After the commit only the spool's file is left, and the sweeper's turn.
    assert raw.exists() == (instant == "after-commit")
    await database.close()


async def ended_call(url: str) -> Row:
    """A recorded call in a database that nobody has open."""
    database = await open_database(url)
    owner = await customer(database, sip_funds="5")
    await add_phone(database, owner)
    row = await over(database, owner)
    await database.close()
    return row


def moved(url: str, folder: Path, failpoint: str = "") -> int:
    """Exit status of a process that moves once."""
    command = [sys.executable, "-m", "tests.voice.killed_mover", url, str(folder)]
    environment = {**os.environ, VARIABLE: failpoint}
    root = Path(__file__).parents[2]
    code = subprocess.run(command, env=environment, cwd=root, timeout=60, check=False).returncode
    until_left(url)
    return code
