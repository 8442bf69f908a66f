"""Audio from the PBX's spool into the store: once, whole, and whoever dies on the way."""

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from db import accounts
from db.connection import Conn, Row
from db.database import Database
from telephony.clock import SECOND, now
from telephony.settings import Settings
from telephony.voice.recordings.deeds import DAY
from telephony.voice.recordings.links import Links
from telephony.voice.recordings.mover import spool_file
from telephony.voice.recordings.store import FolderRecordings
from telephony.voice.recordings.wav import Wav, header
from tests.factories import Customer, customer
from tests.voice.calling import CALLBACK, VAULT, add_phone, told
from tests.voice.recorded import (
    LEFT_HZ,
    RIGHT_HZ,
    channels,
    folder_settings,
    hears,
    mover,
    over,
    recording_of,
    spool,
    stored_files,
    tones,
)

EVENT = "call_recording"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return folder_settings(tmp_path)


@pytest.fixture
async def who(database: Database) -> Customer:
    owner = await customer(database, sip_funds="5")
    await add_phone(database, owner)
    return owner


async def found(database: Database, row: Row) -> Row:
    """The row of a call's recording, which must be there."""
    recording = await recording_of(database, row["id"])
    assert recording
    return recording


async def events(database: Database, row: Row) -> list[dict[str, Any]]:
    return [event for event in await told(database, row["id"]) if event["event"] == EVENT]


async def test_stereo_keeps_both_sides_apart(
    database: Database, settings: Settings, who: Customer
) -> None:
    row = await over(database, who)
    before = await found(database, row)
    assert (before["status"], before["channels"], before["size"]) == ("recording", 2, None)
    raw = spool(settings, row, tones(1.6, LEFT_HZ, RIGHT_HZ))
    assert await mover(database, settings).step() == 1
    (path,) = stored_files(settings)
    left, right = channels(path.read_bytes())
    assert (hears(left, LEFT_HZ), hears(left, RIGHT_HZ)) == (True, False)
    assert (hears(right, LEFT_HZ), hears(right, RIGHT_HZ)) == (False, True)
    after = await found(database, row)
    assert not raw.exists()
    assert after["status"] == "stored"
    assert after["size"] == path.stat().st_size
    assert after["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (after["duration"], after["repaired"]) == (2, False)
    assert settings.recordings_folder / after["stored_as"] == path
    assert after["delete_at"] == after["stored_at"] + settings.recording_days * DAY


async def test_the_event_has_the_link(
    database: Database, settings: Settings, who: Customer
) -> None:
    row = await over(database, who, "mixed")
    spool(settings, row, tones(1, LEFT_HZ))
    await mover(database, settings).step()
    (path,) = stored_files(settings)
    assert [hears(one, LEFT_HZ) for one in channels(path.read_bytes())] == [True]
    (event,) = await events(database, row)
    recording = await found(database, row)
    link = Links(settings, VAULT).make(recording["id"], recording["stored_at"], now() + 99 * DAY)
    expires = link.expires_at // SECOND
    assert event == {
        "event": EVENT, "call_id": row["id"], "recording_url": link.url, "duration": 1,
        "size": path.stat().st_size, "expires_at": event["expires_at"],
    }  # fmt: skip
    assert event["expires_at"].endswith("Z")
    assert expires == recording["stored_at"] // SECOND + settings.recording_url_seconds
    (delivery,) = await database.all("SELECT url FROM delivery d JOIN event e ON e.id = d.event_id"
                                     " WHERE e.type = :type", type=EVENT)  # fmt: skip
    assert delivery["url"] == CALLBACK


async def test_only_a_recorded_call_has_a_recording(
    database: Database, settings: Settings, who: Customer
) -> None:
    row = await over(database, who, "")
    assert await recording_of(database, row["id"]) is None
    assert await mover(database, settings).step() == 0
    assert await events(database, row) == []


async def test_it_waits_until_the_file_is_complete(
    database: Database, settings: Settings, who: Customer
) -> None:
    written = await over(database, who)
    spool(settings, written, tones(1, LEFT_HZ, RIGHT_HZ), age_seconds=0.1)
    fresh = await over(database, who, ended_seconds_ago=0.1)
    spool(settings, fresh, tones(1, LEFT_HZ, RIGHT_HZ))
    assert await mover(database, settings).step() == 0
    assert stored_files(settings) == []
    spool(settings, written, tones(1, LEFT_HZ, RIGHT_HZ))
    assert await mover(database, settings).step() == 1


async def test_one_that_grows_while_it_is_moved_is_moved_again(
    database: Database, settings: Settings, who: Customer
) -> None:
    row = await over(database, who, "mixed")

    class Growing(FolderRecordings):
        def put(self, key: str, wav: Wav) -> None:
            super().put(key, wav)
            with spool_file(settings.recording_spool, row["channel_id"]).open("ab") as file:
                file.write(tones(1, LEFT_HZ))

    spool(settings, row, tones(1, LEFT_HZ))
    assert await mover(database, settings, Growing(settings.recordings_folder)).step() == 0
    assert await events(database, row) == []
    path = spool_file(settings.recording_spool, row["channel_id"])
    spool(settings, row, path.read_bytes())
    assert await mover(database, settings).step() == 1
    assert (await found(database, row))["duration"] == 2


async def test_no_audio_is_missing_after_a_while(
    database: Database, settings: Settings, who: Customer
) -> None:
    early = await over(database, who, ended_seconds_ago=5)
    absent, empty = await over(database, who), await over(database, who)
    half = spool(settings, empty, b"\1\2\3")
    assert await mover(database, settings).step() == 2
    assert (await found(database, early))["status"] == "recording"
    for row in (absent, empty):
        assert (await found(database, row))["status"] == "missing"
        assert await events(database, row) == []
    assert not half.exists()


async def test_what_a_dying_pbx_left_is_repaired(
    database: Database, settings: Settings, who: Customer
) -> None:
    """Its last sample may be torn; the header fits to what is whole."""
    row = await over(database, who, cause="pbx_lost")
    spool(settings, row, tones(1, LEFT_HZ, RIGHT_HZ) + b"\1\2\3")
    assert await mover(database, settings).step() == 1
    recording = await found(database, row)
    assert (recording["repaired"], recording["duration"]) == (True, 1)
    (path,) = stored_files(settings)
    left, right = channels(path.read_bytes())
    assert len(left) == len(right) == 8000
    assert hears(right, RIGHT_HZ)


async def test_another_node_s_recordings_are_its_own(
    database: Database, settings: Settings, who: Customer
) -> None:
    row = await over(database, who, node="pbx2")
    spool(settings, row, tones(1, LEFT_HZ, RIGHT_HZ))
    assert await mover(database, settings).step() == 0
    there = settings.model_copy(update={"node": "pbx2"})
    assert await mover(database, there).step() == 1


async def test_one_that_cannot_be_moved_stops_no_other(
    database: Database, settings: Settings, who: Customer, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Where the batch is full of them, too."""
    monkeypatch.setattr("telephony.voice.recordings.mover.BATCH_MAX", 2)
    rows = [await over(database, who, "mixed") for _ in range(3)]
    for row in rows[:2]:
        path = spool_file(settings.recording_spool, row["channel_id"])
        path.mkdir()
        os.utime(path, (0, 0))
    spool(settings, rows[2], tones(1, LEFT_HZ))
    here = mover(database, settings)
    assert [await here.step() for _ in range(3)] == [0, 1, 0]
    assert [(await found(database, row))["status"] for row in rows] == [
        "recording", "recording", "stored",
    ]  # fmt: skip
    assert "stays on the PBX for now" in caplog.text


async def test_two_movers_tell_it_once(
    database: Database, settings: Settings, who: Customer
) -> None:
    rows = [await over(database, who, "mixed") for _ in range(4)]
    for row in rows:
        spool(settings, row, tones(0.5, LEFT_HZ))
    await asyncio.gather(*(mover(database, settings).step() for _ in range(3)))
    assert len(stored_files(settings)) == len(rows)
    for row in rows:
        assert len(await events(database, row)) == 1


async def test_the_account_says_how_long_it_is_kept(
    database: Database, settings: Settings, who: Customer
) -> None:
    await database.write(keep_days, who, 3)
    row = await over(database, who, "mixed")
    spool(settings, row, tones(0.5, LEFT_HZ))
    await mover(database, settings).step()
    recording = await found(database, row)
    assert recording["delete_at"] == recording["stored_at"] + 3 * DAY


def keep_days(conn: Conn, who: Customer, days: int) -> None:
    accounts.change(conn, who.account_id, recording_days=days)


def test_a_half_written_file_of_the_store_is_replaced(tmp_path: Path) -> None:
    store, raw = FolderRecordings(tmp_path / "store"), tmp_path / "raw"
    raw.write_bytes(tones(0.5, LEFT_HZ))
    half = tmp_path / "store/acc/rec.wav.part"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"what a killed process left" * 1000)
    wav = Wav(raw, 1, raw.stat().st_size)
    store.put("acc/rec.wav", wav)
    assert [path.name for path in half.parent.iterdir()] == ["rec.wav"]
    assert len((half.parent / "rec.wav").read_bytes()) == wav.size
    raw.write_bytes(b"")
    with pytest.raises(OSError, match="became shorter"):
        store.put("acc/rec.wav", wav)
    assert len((half.parent / "rec.wav").read_bytes()) == wav.size


def test_names_that_no_channel_has_are_refused() -> None:
    assert spool_file(Path("/spool"), "pbx1-1795417288.7") == Path("/spool/pbx1-1795417288.7.raw")
    for name in ("", "../x", "a/b", "a b", "a\n", "a;b", "é"):
        with pytest.raises(ValueError, match="no name"):
            spool_file(Path("/spool"), name)


def test_the_header_is_what_the_standard_library_reads() -> None:
    audio = tones(0.1, LEFT_HZ, RIGHT_HZ)
    left, right = channels(header(2, len(audio)) + audio)
    assert len(left) == len(right) == 800
