"""Calls that are recorded on the real PBX: who is heard in which channel, and who is not."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from api.app import create_app
from db.connection import Conn, Row
from telephony.voice.recordings.links import Links
from telephony.voice.recordings.store import open_store
from telephony.voice.recordings.sweeper import Sweeper
from telephony.voice.softphone import Softphone, Talk
from tests.api.world import client_of
from tests.factories import Customer
from tests.voice.real_pbx import SECRET, Voice
from tests.voice.recorded import (
    LEFT_HZ,
    RIGHT_HZ,
    becomes,
    channels,
    hears,
    mover,
    recording_of,
    stored_files,
)
from tests.voice.test_calls_trunk import phone as silent_phone

MILLIWATT = "+15550100001"
"""Of the simulated carrier: answers at once and plays RIGHT_HZ. A softphone speaks LEFT_HZ."""
TALK_SECONDS = 3
BOTH_SIDES = [(True, False), (False, True)]
"""Who hears LEFT_HZ and RIGHT_HZ in a stereo recording."""


@asynccontextmanager
async def softphone(voice: Voice, name: str) -> AsyncIterator[Softphone]:
    """A registered phone."""
    phone = Softphone(f"127.0.0.1:{voice.pbx.settings.sip_port}", name, SECRET)
    try:
        await asyncio.to_thread(phone.register)
        yield phone
    finally:
        await asyncio.to_thread(phone.stop)


async def speak(talk: Talk) -> None:
    await asyncio.to_thread(talk.speak, float(TALK_SECONDS))
    await asyncio.to_thread(talk.hang_up)


async def rung(voice: Voice, who: Customer, name: str, **wish: str) -> str:
    """A call of the API whose phone speaks; its id."""
    async with softphone(voice, name) as phone:
        call_id = await voice.place(who, MILLIWATT, origin=name, **wish)
        await speak(await asyncio.to_thread(phone.answer))
    await voice.ended(call_id)
    return call_id


async def dialled(voice: Voice, name: str) -> str:
    """A call that a phone dials; its id."""
    async with softphone(voice, name) as phone:
        await speak(await asyncio.to_thread(phone.dial, MILLIWATT))
    sql = "SELECT id FROM call WHERE sip_account = :name"
    (row,) = await voice.database.all(sql, name=name)
    await voice.ended(row["id"])
    return str(row["id"])


async def simulated(voice: Voice, who: Customer, **wish: str) -> str:
    """A call of the API whose first leg plays RIGHT_HZ as well; its id."""
    call_id = await voice.place(who, MILLIWATT, simulated=True, time_limit_seconds=TALK_SECONDS,
                                **wish)  # fmt: skip
    await voice.ended(call_id)
    return call_id


async def audio(voice: Voice, call_id: str) -> tuple[Row, list[tuple[bool, bool]]]:
    """The recording of a call, and who hears LEFT_HZ and RIGHT_HZ in it."""
    row = await becomes(voice.database, call_id, "stored")
    wav = (voice.settings.recordings_folder / row["stored_as"]).read_bytes()
    assert len(wav) == row["size"]
    return row, [(hears(one, LEFT_HZ), hears(one, RIGHT_HZ)) for one in channels(wav)]


def record(conn: Conn, name: str, policy: str) -> None:
    conn.run("UPDATE sip_account SET record = :record WHERE username = :name",
             record=policy, name=name)  # fmt: skip


async def test_what_is_recorded_and_what_is_not(voice: Voice) -> None:
    """By wish, by the phone's policy, by the account's; a call without any leaves no file."""
    asking = await voice.customer(phones=3)
    first, second, third = voice.phones
    bound = await voice.customer(record="outbound")
    await voice.database.write(record, third, "all")
    stereo, mixed, by_phone, by_account, refused, none = await asyncio.gather(
        rung(voice, asking, first, record="stereo"), rung(voice, asking, second, record="mixed"),
        dialled(voice, third), simulated(voice, bound), simulated(voice, bound, record=""),
        simulated(voice, asking, origin=first),
    )  # fmt: skip
    for call_id in (stereo, by_phone):
        row, heard = await audio(voice, call_id)
        assert heard == BOTH_SIDES
        assert (row["channels"], row["repaired"]) == (2, False)
        assert abs(row["duration"] - TALK_SECONDS) <= 1
    assert (await audio(voice, mixed))[1] == [(True, True)]
    assert (await audio(voice, by_account))[1] == [(False, True), (False, True)]
    files = stored_files(voice.settings)
    for call_id in (refused, none):
        assert await recording_of(voice.database, call_id) is None
        assert not list(voice.settings.recording_spool.glob(f"{call_id}*"))
    assert len([path for path in files if path.parent.name == asking.account_id]) == 3
    assert len([path for path in files if path.parent.name == bound.account_id]) == 1
    left = {path.stem for path in voice.settings.recording_spool.iterdir()}
    assert left.isdisjoint({stereo, mixed, by_account})


async def test_a_side_that_sends_nothing_is_silence(voice: Voice, tmp_path: Path) -> None:
    who = await voice.customer()
    async with silent_phone(voice, voice.phones[0], tmp_path):
        call_id = await voice.place(
            who, MILLIWATT, record="stereo", time_limit_seconds=TALK_SECONDS
        )
        await voice.ended(call_id)
    row, heard = await audio(voice, call_id)
    assert heard == [(False, False), (False, True)]
    assert abs(row["duration"] - TALK_SECONDS) <= 1


async def test_nobody_answers_so_nothing_is_recorded(voice: Voice) -> None:
    """Though it was asked for; the empty file that the PBX made goes with the next sweep."""
    who = await voice.customer()
    busy = await voice.place(who, "+15550100002", simulated=True, record="stereo")
    unanswered = await voice.place(who, "+15550100003", simulated=True, record="mixed",
                                   ring_seconds=2)  # fmt: skip
    for call_id in (busy, unanswered):
        assert (await voice.ended(call_id))["status"] in ("busy", "no_answer")
        assert await recording_of(voice.database, call_id) is None
        (file,) = voice.settings.recording_spool.glob(f"{call_id}*")
        assert file.stat().st_size == 0
        os.utime(file, (0, 0))
    store = open_store(voice.settings)
    sweeper = Sweeper(voice.database, voice.settings, store, mover(voice.database, voice.settings))
    await sweeper.tidy()
    assert not [path for path in voice.settings.recording_spool.iterdir()
                if path.stem in (busy, unanswered)]  # fmt: skip


async def test_the_event_leads_to_the_audio(voice: Voice) -> None:
    who = await voice.customer()
    call_id = await simulated(voice, who, record="stereo")
    row = await becomes(voice.database, call_id, "stored")
    kinds = [event["event"] for event in await voice.told(call_id)]
    assert kinds == ["call_ringing", "call_answered", "call_completed", "call_recording"]
    url = (await voice.told(call_id))[-1]["recording_url"]
    app = create_app(voice.settings, voice.database, voice.vault)
    async with client_of(app) as client:
        answer: httpx.Response = await client.get(httpx.URL(url).raw_path.decode())
    assert (answer.status_code, len(answer.content)) == (200, row["size"])
    fresh = Links(voice.settings, voice.vault).make(row["id"], row["stored_at"], row["delete_at"])
    assert fresh.url == url
