"""One call through the pages: its timeline, what its legs cost, its recording."""

import re
from pathlib import Path

import pytest

from db import caller_ids, calls
from db.connection import Row
from db.database import Database
from telephony.clock import SECOND, now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.users.sessions import Member
from tests.dashboard.visitor import Visitor
from tests.dashboard.voice_world import (
    ADA,
    HOSTILE,
    OTHER_NUMBER,
    add_phone,
    answered,
    finished,
    log_calls,
    owner_of,
    queued,
)
from tests.users.world import URL, People
from tests.voice.recorded import (
    change_recording,
    channels,
    folder_settings,
    hears,
    mover,
    recording_of,
    spool,
    tones,
)

HERE = "/dashboard/calls"
SECONDS = 2


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return folder_settings(tmp_path, public_url=URL)


@pytest.fixture
async def owner(people: People, ada: Visitor) -> Member:
    member = await owner_of(people)
    await add_phone(people, member, "alice")
    await ada.sign_in(ADA)
    return member


async def recorded(database: Database, owner: Member, record: str = "stereo") -> Row:
    """A recorded call that was answered and has ended, an hour ago as it seems."""
    placed = await queued(database, owner, record=record)
    await answered(database, placed.call_id)
    return await ended_long_ago(database, placed.call_id)


async def ended_long_ago(database: Database, call_id: str) -> Row:
    """Let a call end, so that its audio is complete."""
    await finished(database, call_id)
    await database.write(lambda conn: conn.run(
        "UPDATE call SET ended_at = ended_at - :hour WHERE id = :id", hour=3600 * SECOND,
        id=call_id,
    ))  # fmt: skip
    row = await database.one("SELECT * FROM call WHERE id = :id", id=call_id)
    assert row is not None
    return row


async def stored(
    database: Database, settings: Settings, vault: Vault, owner: Member, *pitches: float
) -> Row:
    """A call whose recording is stored."""
    row = await recorded(database, owner, "stereo" if len(pitches) == 2 else "mixed")
    await moved(database, settings, vault, row, *pitches)
    return row


async def moved(
    database: Database, settings: Settings, vault: Vault, row: Row, *pitches: float
) -> None:
    """What the PBX has written of a call is taken into the store."""
    spool(settings, row, tones(SECONDS, *pitches))
    assert await mover(database, settings, vault=vault).step() == 1


async def test_a_call_tells_its_states_and_its_cost(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    placed = await queued(sqlite, owner, reference="order <7>")
    said = await ada.open(f"{HERE}/{placed.call_id}")
    assert "after the call" in said
    assert f'sse-connect="{HERE}/{placed.call_id}/live"' in said
    await answered(sqlite, placed.call_id, 31)
    assert "Ringing" in await ada.open(f"{HERE}/{placed.call_id}/live")
    await finished(sqlite, placed.call_id)
    said = await ada.open(f"{HERE}/{placed.call_id}")
    assert "sse-connect" not in said  # nothing of it changes any more
    steps = re.findall(r'<li>.*?tag-\w+">([\w ]+)</span>', said, re.DOTALL)
    assert steps == ["Queued", "Dialing", "Ringing", "Answered", "Completed"]
    assert "<strong>0.012 USD" in said
    assert re.search(r"<td>0:(3|4|5)\d</td>", said)
    assert "Normal clearing" in said
    assert "order &lt;7&gt;" in ada.page.text


async def test_both_legs_of_a_call_back_are_charged(
    sqlite: Database, owner: Member, people: People, ada: Visitor
) -> None:
    await sqlite.write(caller_ids.verify, owner.account_id, OTHER_NUMBER, "test", now())
    placed = await queued(sqlite, owner, origin=OTHER_NUMBER)
    at = await answered(sqlite, placed.call_id, 30)
    await sqlite.write(lambda conn: calls.change(conn, placed.call_id, first_answered_at=at))
    await finished(sqlite, placed.call_id)
    said = await ada.open(f"{HERE}/{placed.call_id}")
    legs = re.findall(
        r"<td class=\"text-nowrap\">To ([^<]+)</td>.*?(0\.\d+) USD</td></tr>", said, re.DOTALL
    )
    assert legs == [("+1 555-011-1333", "0.012"), ("+1 555-987-6543", "0.012")]
    assert "<strong>0.024 USD" in said


async def test_what_came_from_outside_is_escaped(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await log_calls(sqlite, owner, 7, from_number=HOSTILE, caller_id=HOSTILE, hangup_cause=HOSTILE,
                    sip_account=HOSTILE, direction="inbound", reference=HOSTILE)  # fmt: skip
    (row,) = await sqlite.all("SELECT id FROM call")
    for path in (f"{HERE}/{row['id']}", f"{HERE}?mode=test", f"{HERE}/{row['id']}/live"):
        await ada.open(path)
        assert "<script>alert" not in ada.page.text
        assert "&lt;script&gt;alert" in ada.page.text


async def test_a_recording_is_drawn_and_heard(
    sqlite: Database, settings: Settings, vault: Vault, owner: Member, ada: Visitor
) -> None:
    row = await stored(sqlite, settings, vault, owner, 440, 1004)
    said = await ada.open(f"{HERE}/{row['id']}")
    waves = re.findall(r'<path d="([^"]+)"', said[said.index('class="wave"') :])
    assert len(waves) == 2
    assert waves[0].count("M") == 200
    assert "Above: alice. Below: +1 555-987-6543." in said
    assert f'href="{HERE}/{row["id"]}#recording"' in await ada.open(f"{HERE}?mode=test")
    await ada.open(f"{HERE}/{row['id']}/recording")
    left, right = channels(ada.page.content)
    assert hears(left, 440)
    assert hears(right, 1004)
    assert ada.page.headers["cache-control"] == "private"


async def test_a_player_gets_the_part_that_it_asks_for(
    sqlite: Database, settings: Settings, vault: Vault, owner: Member, ada: Visitor
) -> None:
    row = await stored(sqlite, settings, vault, owner, 440)
    path = f"{HERE}/{row['id']}/recording"
    whole = (await ada.client.get(path)).content
    part = await ada.client.get(path, headers={"Range": "bytes=44-1043"})
    assert (part.status_code, part.content) == (206, whole[44:1044])
    assert part.headers["content-range"] == f"bytes 44-1043/{len(whole)}"
    beyond = await ada.client.get(path, headers={"Range": f"bytes={len(whole)}-"})
    assert beyond.status_code == 416
    head = await ada.client.head(path)
    assert (head.headers["content-length"], head.content) == (str(len(whole)), b"")
    said = await ada.open(f"{HERE}/{row['id']}")
    assert len(re.findall(r'<path d="M0.5 ', said)) == 1


async def test_a_recording_of_before_has_a_player_without_a_waveform(
    sqlite: Database, settings: Settings, vault: Vault, owner: Member, ada: Visitor
) -> None:
    row = await stored(sqlite, settings, vault, owner, 440)
    found = await recording_of(sqlite, row["id"])
    assert found
    await change_recording(sqlite, found["id"], peaks="")
    said = await ada.open(f"{HERE}/{row['id']}")
    assert "<audio" in said
    assert 'class="wave"' not in said


@pytest.mark.parametrize(
    ("status", "told", "heard"),
    [
        ("recording", "some seconds after the call", "not complete yet"),
        ("missing", "there is no audio of it", "there is no audio of it"),
        ("deleted", "the days that it is kept are over", "the days that it is kept are over"),
    ],
)
async def test_where_there_is_no_audio_it_is_said_why(
    sqlite: Database, owner: Member, ada: Visitor, status: str, told: str, heard: str
) -> None:
    row = await recorded(sqlite, owner)
    found = await recording_of(sqlite, row["id"])
    assert found
    await change_recording(sqlite, found["id"], status=status)
    said = await ada.open(f"{HERE}/{row['id']}")
    assert told in said
    assert "<audio" not in said
    assert ("sse-connect" in said) == (status == "recording")
    assert heard in await ada.open(f"{HERE}/{row['id']}/recording", 404)


async def test_a_recording_that_the_store_lost_is_an_error_with_a_sentence(
    sqlite: Database, settings: Settings, vault: Vault, owner: Member, ada: Visitor
) -> None:
    row = await stored(sqlite, settings, vault, owner, 440)
    found = await recording_of(sqlite, row["id"])
    assert found
    (settings.recordings_folder / found["stored_as"]).unlink()
    said = await ada.open(f"{HERE}/{row['id']}/recording", 404)
    assert "no longer in the store" in said


async def test_a_call_that_was_not_recorded_has_no_player(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    placed = await queued(sqlite, owner, record="")
    said = await ada.open(f"{HERE}/{placed.call_id}")
    assert 'id="recording"' not in said
    assert "was not recorded" in await ada.open(f"{HERE}/{placed.call_id}/recording", 404)
    other = await queued(sqlite, owner, record="stereo")
    assert "some seconds after the call" in await ada.open(f"{HERE}/{other.call_id}")
    await ada.send(f"{HERE}/{other.call_id}/hang-up")
    assert "Nobody answered" in ada.page.text
