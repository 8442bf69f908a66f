"""Recordings in a bucket: obstore against an S3 endpoint that checks every signature."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from api.app import create_app
from db.connection import Row
from db.database import Database
from telephony.settings import Settings
from telephony.voice.recordings.bucket import PART_BYTES, RETRIES_MAX, S3Recordings
from telephony.voice.recordings.store import RecordingStore, open_store
from telephony.voice.recordings.wav import Wav
from tests.api.world import client_of
from tests.factories import Customer, customer
from tests.s3 import ACCESS_KEY, BUCKET, REGION, SECRET_KEY, Bucket, bucket
from tests.voice.calling import VAULT, add_phone
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


@pytest.fixture
def kept() -> Iterator[Bucket]:
    with bucket() as running:
        yield running


def s3_settings(folder: Path, kept: Bucket, **changes: Any) -> Settings:
    values = {
        "recordings_bucket": BUCKET, "recordings_endpoint": kept.endpoint,
        "recordings_region": REGION, "recordings_access_key_id": ACCESS_KEY,
        "recordings_secret_access_key": SecretStr(SECRET_KEY),
    }  # fmt: skip
    return folder_settings(folder, **(values | changes))


@pytest.fixture
def settings(tmp_path: Path, kept: Bucket) -> Settings:
    return s3_settings(tmp_path, kept)


async def read(store: RecordingStore, key: str, start: int, stop: int) -> bytes:
    return b"".join([chunk async for chunk in await store.read(key, start, stop)])


async def test_from_the_spool_through_the_bucket_to_the_customer(
    database: Database, settings: Settings, kept: Bucket
) -> None:
    who: Customer = await customer(database, sip_funds="5")
    await add_phone(database, who)
    row: Row = await over(database, who)
    raw = spool(settings, row, tones(1, LEFT_HZ, RIGHT_HZ))
    assert await mover(database, settings).step() == 1
    recording = await recording_of(database, row["id"])
    assert recording
    (audio,) = kept.objects.values()
    assert kept.objects.keys() == {recording["stored_as"]} != {""}
    assert kept.types[recording["stored_as"]] == "audio/wav"
    assert (recording["status"], recording["size"]) == ("stored", len(audio))
    left, right = channels(audio)
    assert hears(left, LEFT_HZ)
    assert hears(right, RIGHT_HZ)
    assert not raw.exists()
    assert stored_files(settings) == []
    path = f"/api/v1/voice/recordings/{recording['id']}"
    headers = {"Authorization": f"Bearer {who.key}"}
    async with client_of(create_app(settings, database, VAULT)) as client:
        assert (await client.get(path, headers=headers)).content == audio
        part = await client.get(path, headers={**headers, "Range": "bytes=44-99"})
        assert (part.status_code, part.content) == (206, audio[44:100])
        kept.fail_next = RETRIES_MAX + 1
        failed = await client.get(path, headers=headers)
        assert (failed.status_code, failed.json()["code"]) == (503, "store_unavailable")
        assert failed.headers["retry-after"] == "5"
        kept.objects.clear()
        assert (await client.get(path, headers=headers)).status_code == 404
    assert kept.refused == []


async def test_a_long_one_goes_in_parts(
    settings: Settings, kept: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = tmp_path / "raw"
    raw.write_bytes(bytes(range(256)) * (PART_BYTES * 2 // 256 + 1))
    wav = Wav(raw, 2, raw.stat().st_size)
    store = open_store(settings)
    store.put("acc/rec.wav", wav)
    assert kept.asked["POST"] == 2
    assert kept.asked["PUT"] == 3
    audio = kept.objects["acc/rec.wav"]
    assert (len(audio), audio[44:]) == (wav.size, raw.read_bytes())
    assert kept.types["acc/rec.wav"] == "audio/wav"
    assert await read(store, "acc/rec.wav", 1_000_000, 9_000_000) == audio[1_000_000:9_000_000]
    assert kept.refused == []


async def test_what_is_not_there(settings: Settings, kept: Bucket) -> None:
    store = open_store(settings)
    assert isinstance(store, S3Recordings)
    with pytest.raises(FileNotFoundError):
        await store.read("acc/none.wav", 0, 10)
    await store.delete("acc/none.wav")
    kept.objects["acc/rec.wav"] = b"audio"
    await store.delete("acc/rec.wav")
    assert kept.objects == {}


async def test_a_bucket_that_stumbles_is_asked_again(
    settings: Settings, kept: Bucket, tmp_path: Path
) -> None:
    raw = tmp_path / "raw"
    raw.write_bytes(tones(0.1, LEFT_HZ))
    kept.fail_next = 1
    open_store(settings).put("acc/rec.wav", Wav(raw, 1, raw.stat().st_size))
    assert len(kept.objects["acc/rec.wav"]) == 44 + raw.stat().st_size


async def test_a_bucket_that_refuses_keeps_the_audio_on_the_pbx(
    database: Database, tmp_path: Path, kept: Bucket
) -> None:
    wrong = s3_settings(tmp_path, kept, recordings_secret_access_key=SecretStr("another"))
    who = await customer(database, sip_funds="5")
    await add_phone(database, who)
    row = await over(database, who)
    raw = spool(wrong, row, tones(0.5, LEFT_HZ, RIGHT_HZ))
    assert await mover(database, wrong).step() == 0
    assert (raw.exists(), kept.objects) == (True, {})
    recording = await recording_of(database, row["id"])
    assert recording
    assert recording["status"] == "recording"
    assert "the signature is wrong" in kept.refused
    assert await mover(database, s3_settings(tmp_path, kept)).step() == 1
