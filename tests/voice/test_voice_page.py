"""The tables of docs/voice.md say what the run on the real PBX found."""

from contextlib import AsyncExitStack
from pathlib import Path

from db.calls import CallStatus
from telephony.voice import refusals
from tests.pbx.sipp import answering, leaving, refusing, ringing
from tests.voice.real_pbx import Voice
from tests.voice.test_calls_trunk import phone
from tests.voice.voice_page import (
    CALL_BACK,
    CARRIER,
    FIRST_LEG,
    REFUSALS,
    Try,
    all_played,
    refused,
    shown,
    tables,
)

OUTCOME = ("call status", "hangup cause", "SIP code", "events", "talk", "cost")
SCENARIOS = {"answers": answering(), "rings": ringing(), "leaves": leaving(1_500)}


async def check(voice: Voice, folder: Path, subject: str, tries: dict[str, Try]) -> None:
    """Play every row of a table; the first cell says what is played."""
    phones = sorted({one.phone for one in tries.values()})
    who = await voice.customer(mode="live", phones=len(phones), calls_max=100, calls_per_second=100)
    origins = dict(zip(phones, voice.phones, strict=True))
    async with AsyncExitStack() as stack:
        for scenario, name in origins.items():
            if scenario:  # else nobody is registered there
                played = SCENARIOS.get(scenario) or refusing(scenario)
                await stack.enter_async_context(phone(voice, name, folder, played))
        found = await all_played(voice, who, tries, origins)
    print(f"\n{shown(found)}")
    (rows,) = tables(subject, *OUTCOME)
    assert found == rows


async def test_what_the_carrier_answers(voice: Voice, tmp_path: Path) -> None:
    await check(voice, tmp_path, "the carrier says", CARRIER)


async def test_what_the_first_leg_does(voice: Voice, tmp_path: Path) -> None:
    await check(voice, tmp_path, "the phone", FIRST_LEG)


async def test_what_the_number_does_that_is_called_first(voice: Voice, tmp_path: Path) -> None:
    await check(voice, tmp_path, "the number", CALL_BACK)


async def test_why_a_phone_s_call_is_refused(voice: Voice) -> None:
    found = [await refused(voice, one) for one in REFUSALS.values()]
    print(f"\n{shown(found)}")
    (rows,) = tables("reason", "Q.850", "SIP")
    assert found == rows
    assert [row[0] for row in rows] == list(REFUSALS)
    table = {one.problem.code: (one.cause, one.sip_status) for one in refusals.REFUSALS}
    del table["no_line_free"]  # test_trunks_real.py plays it
    del table["outgoing_stopped"]  # test_outgoing_stopped.py does
    played = {row[0].strip("`"): (int(row[1]), int(row[2])) for row in rows}
    assert played == table


def test_every_state_is_on_the_page() -> None:
    (rows,) = tables("state", "means", "event")
    assert [row[0].strip("`") for row in rows] == list(CallStatus)
