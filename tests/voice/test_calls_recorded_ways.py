"""Recorded calls that no phone of ours begins: from a carrier, forwarded, called back."""

import asyncio
from pathlib import Path

from db import caller_ids
from telephony.clock import now
from tests.pbx.sipp import refusing
from tests.ports import free_port
from tests.voice.carriers import add_trunk, calling_in, own, told
from tests.voice.real_pbx import Voice
from tests.voice.recorded import stored_files
from tests.voice.test_calls_recorded import MILLIWATT, TALK_SECONDS, audio, softphone, speak
from tests.voice.test_calls_trunk import phone

OWNED = "+15550100701"


async def carrier_port(voice: Voice, name: str) -> int:
    """Where the calls of a carrier come from that the PBX knows."""
    port = free_port()
    await add_trunk(voice.database, name, voice.vault, port=port)
    await told(voice, name, port)
    return port


async def test_a_call_from_a_carrier(voice: Voice) -> None:
    """By the account's policy; the phone that answered is heard on the right."""
    port = await carrier_port(voice, "rec1")
    who = await voice.customer(mode="live", record="inbound")
    await own(voice.database, who, OWNED, targets=voice.phones)
    async with softphone(voice, voice.phones[0]) as ours:
        answered = asyncio.create_task(asyncio.to_thread(ours.answer))
        with calling_in(voice, port) as caller:
            caller.patience_seconds = 15
            assert await asyncio.to_thread(caller.invite, OWNED) == 200
            await speak(await answered)
    row = await voice.only_call(who)
    await voice.ended(row["id"])
    recording, heard = await audio(voice, row["id"])
    assert (recording["channels"], heard) == (2, [(False, False), (True, False)])


async def test_a_forwarded_call_has_one_recording(voice: Voice, tmp_path: Path) -> None:
    """To a number of the simulated carrier, which plays."""
    port = await carrier_port(voice, "rec2")
    who = await voice.customer(record="inbound")
    await own(voice.database, who, OWNED, targets=voice.phones, forward_to=MILLIWATT)
    async with phone(voice, voice.phones[0], tmp_path, refusing("486 Busy Here")):
        with calling_in(voice, port) as caller:
            caller.patience_seconds = 15
            assert await asyncio.to_thread(caller.invite, OWNED) == 200
            await asyncio.sleep(1.5)
            assert await asyncio.to_thread(caller.bye) == 200
    row = await voice.ended((await voice.only_call(who))["id"])
    assert (row["status"], row["route"], row["record"]) == ("completed", "simulated", "stereo")
    assert (await audio(voice, row["id"]))[1] == [(False, False), (False, True)]
    mine = [path for path in stored_files(voice.settings) if path.parent.name == who.account_id]
    assert len(mine) == 1


async def test_a_call_back_has_both_numbers(voice: Voice) -> None:
    who = await voice.customer()
    first = "+15550200001"
    await voice.database.write(caller_ids.verify, who.account_id, first, "test", now())
    call_id = await voice.place(
        who, MILLIWATT, origin=first, record="stereo", time_limit_seconds=TALK_SECONDS
    )
    await voice.ended(call_id)
    assert (await audio(voice, call_id))[1] == [(False, True), (False, True)]
