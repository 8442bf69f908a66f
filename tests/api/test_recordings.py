"""The audio of a recorded call at the door: by link or key, whole or in parts."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from db.connection import Row
from db.database import Database
from telephony.clock import SECOND, now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice.recordings.deeds import DAY
from telephony.voice.recordings.links import Links
from tests.api.client import URL, Api, good, problem
from tests.api.world import add_phone
from tests.factories import Customer, customer
from tests.voice.calling import call, told
from tests.voice.recorded import (
    change_recording,
    folder_settings,
    mover,
    over,
    recording_of,
    spool,
    stored_files,
    tones,
)

SECONDS = 2


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return folder_settings(tmp_path, trunk_host="127.0.0.1:5070", public_url=URL)


@pytest.fixture
async def who(database: Database, vault: Vault) -> Customer:
    owner = await customer(database, sip_funds="5")
    await add_phone(database, vault, owner)
    return owner


@pytest.fixture
async def row(database: Database, settings: Settings, vault: Vault, who: Customer) -> Row:
    """A call whose recording is stored."""
    ended = await over(database, who)
    spool(settings, ended, tones(SECONDS, 440, 1004))
    assert await mover(database, settings, vault=vault).step() == 1
    return ended


@pytest.fixture
async def link(database: Database, row: Row) -> str:
    """Path and query of the link that the webhook told."""
    event = (await told(database, row["id"]))[-1]
    assert event["event"] == "call_recording"
    url: str = event["recording_url"]
    assert url.startswith(f"{URL}/api/v1/voice/recordings/rec_")
    return url.removeprefix(f"{URL}/api/v1")


def whole(settings: Settings) -> bytes:
    """What is in the store."""
    (path,) = stored_files(settings)
    return path.read_bytes()


def plain(link: str) -> str:
    return link.partition("?")[0]


async def ranged(api: Api, link: str, value: str, **headers: str) -> httpx.Response:
    given = {"Range": value, **{name.replace("_", "-"): text for name, text in headers.items()}}
    return await api.send("GET", link, headers=given)


async def test_the_whole_by_link_and_by_key(
    api: Api, settings: Settings, who: Customer, link: str, row: Row
) -> None:
    audio = whole(settings)
    assert len(audio) == 44 + SECONDS * 8000 * 4
    for answer in (await api.get(link), await api.using(who).get(plain(link))):
        assert (answer.status_code, answer.content) == (200, audio)
        assert answer.headers["content-type"] == "audio/wav"
        assert answer.headers["content-length"] == str(len(audio))
        assert answer.headers["accept-ranges"] == "bytes"
        assert "content-range" not in answer.headers
        assert f"{row['id']}.wav" in answer.headers["content-disposition"]
        assert re.fullmatch(r'"[0-9a-f]{64}"', answer.headers["etag"])


async def test_parts(api: Api, settings: Settings, link: str) -> None:
    audio = whole(settings)
    size = len(audio)
    for value, start, stop in [
        ("bytes=0-0", 0, 1),
        ("bytes=0-43", 0, 44),
        ("bytes=100-", 100, size),
        ("bytes=-5", size - 5, size),
        (f"bytes=-{size + 9}", 0, size),
        (f"bytes=10-{size + 9}", 10, size),
        (f"bytes={size - 1}-", size - 1, size),
        ("Bytes=44-70000", 44, min(size, 70001)),
    ]:
        answer = await ranged(api, link, value)
        assert (answer.status_code, answer.content) == (206, audio[start:stop]), value
        assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{size}"
        assert answer.headers["content-length"] == str(stop - start)


async def test_a_range_that_says_nothing_gets_the_whole(
    api: Api, settings: Settings, link: str
) -> None:
    audio = whole(settings)
    for value in ("bytes=-", "bytes=5-1", "lines=0-4", "bytes=0-1,5-6", "bytes=a-b", "0-4",
                  "bytes=0-" + "9" * 30):  # fmt: skip
        answer = await ranged(api, link, value)
        assert (answer.status_code, answer.content) == (200, audio), value


async def test_a_range_behind_the_end(api: Api, settings: Settings, link: str) -> None:
    size = len(whole(settings))
    for value in (f"bytes={size}-", f"bytes={size + 5}-{size + 9}", "bytes=-0"):
        answer = await ranged(api, link, value)
        body = problem(answer, 416, "range_not_satisfiable")
        assert answer.headers["content-range"] == f"bytes */{size}"
        assert body["size"] == size


async def test_if_range(api: Api, settings: Settings, link: str) -> None:
    """A part of what the client has already, or the whole of what it has not."""
    etag = (await api.get(link)).headers["etag"]
    same = await ranged(api, link, "bytes=0-9", If_Range=etag)
    assert (same.status_code, len(same.content)) == (206, 10)
    other = await ranged(api, link, "bytes=0-9", If_Range='"another"')
    assert (other.status_code, other.content) == (200, whole(settings))


async def test_head_tells_the_size_and_reads_nothing(
    api: Api, settings: Settings, link: str
) -> None:
    audio = whole(settings)
    stored_files(settings)[0].unlink()
    answer = await api.send("HEAD", link, headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(audio))
    gone = problem(await api.get(link), 404, "not_found")
    assert "no longer in the store" in gone["detail"]


async def test_a_forged_link_opens_nothing(
    api: Api, database: Database, vault: Vault, who: Customer, link: str
) -> None:
    path, _, query = link.partition("?")
    values = {name: found[0] for name, found in parse_qs(query).items()}
    later = int(values["expires"]) + 1
    wrong = values["signature"][:-1] + ("0" if values["signature"][-1] != "0" else "1")
    for forged in (
        f"{path}?expires={later}&signature={values['signature']}",
        f"{path}?expires={values['expires']}&signature={wrong}",
        f"{path}?expires={values['expires']}&signature=",
        f"{path}?expires={values['expires']}&signature=%C3%A9",
        f"{path}?expires={values['expires']}",
        f"{path}?signature={values['signature']}",
        f"{path[:-1]}{'0' if path[-1] != '0' else '1'}?{query}",
    ):
        problem(await api.get(forged), 403, "link_invalid")
        # A key does not make a bad link good: the customer learns that it is bad.
        problem(await api.using(who).get(forged), 403, "link_invalid")
    problem(await api.get(f"{path}?expires=soon&signature=x"), 400, "validation_error")
    problem(await api.get(f"{link}&more=1"), 400, "unknown_field")


async def test_a_link_ends(
    api: Api, settings: Settings, vault: Vault, database: Database, row: Row, link: str
) -> None:
    found = await recording_of(database, row["id"])
    assert found
    links = Links(settings, vault)
    long_ago = now() - (settings.recording_url_seconds + 1) * SECOND
    old = links.make(found["id"], long_ago, now() + DAY)
    answer = problem(await api.get(old.url.removeprefix(f"{URL}/api/v1")), 403, "link_expired")
    assert "new one" in answer["title"]
    assert parse_qs(urlsplit(link).query)["expires"] != [str(old.expires_at // SECOND)]
    # No link outlives its recording.
    assert links.make(found["id"], now(), now() + SECOND).expires_at <= now() + SECOND


async def test_who_may_hear_it(api: Api, database: Database, who: Customer, link: str) -> None:
    path = plain(link)
    problem(await api.get(path), 401, "missing_api_key")
    problem(await api.using("sk_test_wrong").get(path), 401, "invalid_api_key")
    stranger = await customer(database)
    answer = problem(await api.using(stranger).get(path), 404, "not_found")
    assert answer["detail"] == "There is no such recording."
    mute = await customer(database, scopes=("voice:call",))
    problem(await api.using(mute).get(path), 403, "scope_missing")
    unknown = await api.using(who).get("/voice/recordings/rec_00000000000000000000000000")
    assert problem(unknown, 404, "not_found")["detail"] == answer["detail"]


async def test_calls_and_call_log_show_the_link(
    api: Api, database: Database, who: Customer, row: Row
) -> None:
    quiet = await over(database, who, "")
    waiting = await over(database, who, "mixed")
    door = api.using(who)
    shown = good(await door.get(f"/voice/calls/{row['id']}"))["recording_url"]
    page = good(await door.get("/voip/logs"))["data"]
    urls = {one["call_id"]: one["recording_url"] for one in page}
    assert (urls[quiet["id"]], urls[waiting["id"]]) == (None, None)
    for url in (shown, urls[row["id"]]):
        assert (await api.get(url.removeprefix(f"{URL}/api/v1"))).status_code == 200
    assert good(await door.get(f"/voice/calls/{quiet['id']}"))["recording_url"] is None
    table = await door.get("/voip/logs", headers={"Accept": "text/csv"})
    assert table.text.count("/api/v1/voice/recordings/rec_") == 1


@pytest.mark.parametrize(
    ("asked", "record"),
    [
        ({"record": True}, "stereo"), ({"record": "stereo"}, "stereo"),
        ({"record": "mixed"}, "mixed"), ({"record": False}, ""), ({}, "stereo"),
        ({"record": None}, "stereo"),
    ],
)  # fmt: skip
async def test_a_call_asks_to_be_recorded(
    plain: Api, sqlite: Database, vault: Vault, asked: dict[str, Any], record: str
) -> None:
    """Of an account that records what is not said otherwise."""
    who = await customer(sqlite, sip_funds="5", record="outbound")
    await add_phone(sqlite, vault, who)
    body = {"to": "+15559876543", **asked}
    call_id = good(await plain.using(who).post("/voice/call", body), 202)["call_id"]
    assert (await call(sqlite, call_id))["record"] == record


@pytest.mark.parametrize("asked", ["loud", "", 1, "true", ["stereo"]])
async def test_a_call_cannot_be_recorded_so(
    plain: Api, sqlite: Database, vault: Vault, asked: object
) -> None:
    who = await customer(sqlite, sip_funds="5")
    await add_phone(sqlite, vault, who)
    body = {"to": "+15559876543", "record": asked}
    answer = problem(await plain.using(who).post("/voice/call", body), 400, "validation_error")
    assert all(finding["field"].startswith("record") for finding in answer["errors"])


async def test_what_cannot_be_heard_says_why(
    api: Api, database: Database, settings: Settings, vault: Vault, who: Customer
) -> None:
    ended = await over(database, who)
    found = await recording_of(database, ended["id"])
    assert found
    path = f"/voice/recordings/{found['id']}"
    for status, why in [
        ("recording", "not complete"), ("missing", "no audio"), ("deleted", "was deleted"),
    ]:  # fmt: skip
        await change_recording(database, found["id"], status=status)
        answer = problem(await api.using(who).get(path), 404, "not_found")
        assert why in answer["detail"]
    assert good(await api.using(who).get(f"/voice/calls/{ended['id']}"))["recording_url"] is None
