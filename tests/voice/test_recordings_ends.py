"""The end of recordings: deleted after their days; and what a kill left in the spool."""

from pathlib import Path

import pytest

from db.connection import Row
from db.database import Database
from telephony.clock import now
from telephony.settings import Settings
from telephony.voice.recordings import sweeper as sweepers
from telephony.voice.recordings.store import open_store
from telephony.voice.recordings.sweeper import LEFT_SECONDS, Sweeper
from tests.factories import Customer, customer
from tests.voice.calling import add_phone, call, placed, told
from tests.voice.recorded import (
    LEFT_HZ,
    change_recording,
    folder_settings,
    mover,
    over,
    recording_of,
    spool,
    stored_files,
    tones,
)

OLD = LEFT_SECONDS + 10


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return folder_settings(tmp_path)


@pytest.fixture
async def who(database: Database) -> Customer:
    owner = await customer(database, sip_funds="5")
    await add_phone(database, owner)
    return owner


@pytest.fixture
def sweeper(database: Database, settings: Settings) -> Sweeper:
    return Sweeper(database, settings, open_store(settings), mover(database, settings))


async def stored(database: Database, settings: Settings, who: Customer) -> Row:
    """A call whose recording is in the store."""
    row = await over(database, who, "mixed")
    spool(settings, row, tones(0.2, LEFT_HZ))
    assert await mover(database, settings).step() == 1
    return row


async def found(database: Database, row: Row) -> Row:
    recording = await recording_of(database, row["id"])
    assert recording
    return recording


async def age(database: Database, row: Row) -> None:
    """Let the days of a call's recording be over."""
    recording = await found(database, row)
    await change_recording(database, recording["id"], delete_at=now() - 1)


async def test_only_what_is_due_is_deleted(
    database: Database, settings: Settings, who: Customer, sweeper: Sweeper
) -> None:
    due, kept = [await stored(database, settings, who) for _ in range(2)]
    assert await sweeper.step() == 0
    await age(database, due)
    assert await sweeper.step() == 1
    gone, there = await found(database, due), await found(database, kept)
    assert (gone["status"], there["status"]) == ("deleted", "stored")
    assert stored_files(settings) == [settings.recordings_folder / there["stored_as"]]
    assert await sweeper.step() == 0
    assert len([one for one in await told(database, due["id"])
                if one["event"] == "call_recording"]) == 1  # fmt: skip


async def test_a_kill_between_store_and_database_is_mended(
    database: Database, settings: Settings, who: Customer, sweeper: Sweeper
) -> None:
    """The file is gone already, and the row does not say so."""
    row = await stored(database, settings, who)
    await age(database, row)
    stored_files(settings)[0].unlink()
    assert await sweeper.step() == 1
    assert (await found(database, row))["status"] == "deleted"


async def test_one_that_cannot_be_deleted_stops_no_other(
    database: Database, settings: Settings, who: Customer, sweeper: Sweeper,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """A customer's audio is not called deleted while it is there."""
    stuck, other = [await stored(database, settings, who) for _ in range(2)]
    for row in (stuck, other):
        await age(database, row)
    path = settings.recordings_folder / (await found(database, stuck))["stored_as"]
    path.unlink()
    path.mkdir()
    assert await sweeper.step() == 1
    assert (await found(database, stuck))["status"] == "stored"
    assert (await found(database, other))["status"] == "deleted"
    assert "still in the store" in caplog.text


async def test_many_are_deleted_in_batches(
    database: Database, settings: Settings, who: Customer, sweeper: Sweeper,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(sweepers, "BATCH_MAX", 2)
    for _ in range(3):
        await age(database, await stored(database, settings, who))
    assert [await sweeper.step() for _ in range(3)] == [2, 1, 0]
    assert stored_files(settings) == []


async def test_the_spool_is_tidied(
    database: Database, settings: Settings, who: Customer, sweeper: Sweeper,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """What a kill after the commit left goes, and what was made for an answer that did not come;
    work of others and of nobody stays."""
    safe, fresh = [await stored(database, settings, who) for _ in range(2)]
    running, quiet = await over(database, who, "mixed"), await over(database, who, "")
    rings = await placed(database, who, record="mixed")
    silent, ringing = await over(database, who, ""), await call(database, rings.call_id)
    nobodys = {"channel_id": "pbx9-1.1"}
    audio = tones(0.2, LEFT_HZ)
    gone = [spool(settings, safe, audio, OLD), spool(settings, silent, b"", OLD)]
    kept = [
        spool(settings, fresh, audio, LEFT_SECONDS - 60), spool(settings, running, audio, OLD),
        spool(settings, quiet, audio, OLD), spool(settings, ringing, b"", OLD),
        spool(settings, nobodys, audio, OLD),
    ]  # fmt: skip
    assert [await sweeper.step() for _ in range(2)] == [2, 0]
    assert [path.exists() for path in gone] == [False, False]
    assert [path.exists() for path in kept] == [True] * 5
    assert caplog.text.count("belongs to no recorded call") == 2
    assert len(stored_files(settings)) == 2


async def test_audio_that_came_too_late_is_taken_up(
    database: Database, settings: Settings, who: Customer, sweeper: Sweeper
) -> None:
    row = await over(database, who, "mixed")
    assert await mover(database, settings).step() == 1
    assert (await found(database, row))["status"] == "missing"
    late = spool(settings, row, tones(1, LEFT_HZ), OLD)
    await sweeper.step()
    assert (await found(database, row))["status"] == "stored"
    assert not late.exists()
    assert (await told(database, row["id"]))[-1]["event"] == "call_recording"


async def test_a_spool_that_is_not_there_yet(
    database: Database, tmp_path: Path, settings: Settings
) -> None:
    bare = Settings(var_dir=tmp_path / "elsewhere")
    assert await Sweeper(database, bare, open_store(bare), mover(database, bare)).step() == 0
