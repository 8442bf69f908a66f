"""Whatever a write returned for is there after kill -9, and the file can be opened again."""

import subprocess
import sys
from pathlib import Path

import pytest

from db.session import open_database
from tests.db.killed_writer import AT_ONCE
from tests.db.test_writer import keep, names


@pytest.mark.parametrize("acknowledged_min", [5, 300])
async def test_kill_9_loses_nothing_that_was_answered(
    database_url: str, acknowledged_min: int
) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.db.killed_writer", database_url],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert writer.stdout is not None
    acknowledged = [writer.stdout.readline().strip() for _ in range(acknowledged_min)]
    writer.kill()
    rest = writer.stdout.read().split("\n")
    writer.wait(5)
    writer.stdout.close()
    acknowledged += [line for line in rest[:-1] if line]

    database = await open_database(database_url)
    kept = set(await names(database))
    assert len(acknowledged) >= acknowledged_min
    assert set(acknowledged) <= kept
    assert len(kept) <= len(acknowledged) + AT_ONCE * 2
    await database.write(keep, "after")
    await database.close()
