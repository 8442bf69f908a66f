"""Calls of the API on a real Asterisk, to the simulated carrier: states, causes, events, money."""

import asyncio
import time

import pytest

from db import calls as stored_calls
from telephony.voice.place import Wish
from tests.fixtures_pbx import Pbx
from tests.voice.calling import call
from tests.voice.real_pbx import BOTH, Voice, per_second_tariff, seconds_between

RANG, ANSWERED, DONE = "call_ringing", "call_answered", "call_completed"
TALKED = [RANG, ANSWERED, DONE]
MINUTE = 12_000
NUMBERS = {
    "0001": ("completed", "time_limit", TALKED, 1, MINUTE),
    "0002": ("busy", "user_busy", [DONE], 0, 0),
    "0003": ("no_answer", "no_answer", [RANG, DONE], 0, 0),
    "0004": ("failed", "call_rejected", [DONE], 0, 0),
    "0005": ("failed", "unallocated_number", [DONE], 0, 0),
    "0006": ("no_answer", "no_answer", [RANG, DONE], 0, 0),
    "0007": ("completed", "normal_clearing", TALKED, 3, MINUTE),
    "4711": ("completed", "time_limit", TALKED, 1, MINUTE),
}


@pytest.mark.parametrize("voice", BOTH, indirect=True)
async def test_every_number_of_the_simulated_carrier(voice: Voice) -> None:
    """In test mode, with a phone that is not registered: a simulated one answers for it."""
    who = await voice.customer()
    calls = {}
    for last in NUMBERS:
        limit = 4 if last == "0007" else 1
        ring = 5 if last == "4711" else 2
        to = f"+1555010{last}"
        calls[last] = await voice.place(who, to, ring_seconds=ring, time_limit_seconds=limit)
    found = {last: await voice.outcome(call_id) for last, call_id in calls.items()}
    assert found == NUMBERS
    balance, held = await voice.wallet(who)
    assert (balance, held) == (5_000_000 - 3 * MINUTE, 0)
    for call_id in calls.values():
        assert len(await voice.records(call_id)) == 1
    dead = await voice.database.all("SELECT * FROM dead_letter")
    assert dead == []


async def test_the_whole_story_of_one_call(voice: Voice) -> None:
    who = await voice.customer()
    began = time.time()
    call_id = await voice.place(who, "+15550104711", time_limit_seconds=2, reference="order 7")
    row = await voice.ended(call_id)
    steps = await stored_calls.timeline(voice.database, call_id)
    assert [(step["status"], step["detail"]) for step in steps] == [
        ("queued", ""), ("dialing", ""), ("dialing", "first_leg_ringing"),
        ("dialing", "first_leg_answered"), ("ringing", ""), ("answered", ""),
        ("completed", "time_limit"),
    ]  # fmt: skip
    # A simulated phone answers after 1 s, the number rings 2 s, talk is cut after 2 s.
    assert seconds_between(row, "started_at", "ringing_at") == pytest.approx(1, abs=0.7)
    assert seconds_between(row, "ringing_at", "answered_at") == pytest.approx(2, abs=0.5)
    assert seconds_between(row, "answered_at", "ended_at") == pytest.approx(2, abs=0.3)
    assert (row["billsec"], row["duration"]) == (2, 5)
    assert began <= row["created_at"] / 1e6 <= row["ended_at"] / 1e6 <= time.time()
    assert row["node"] == voice.settings.node
    first, second, last = await voice.told(call_id)
    assert (first["status"], second["status"], last["status"]) == (
        "ringing", "answered", "completed",
    )  # fmt: skip
    assert (last["billsec"], last["cost"], last["reference"]) == (2, 0.012, "order 7")


async def test_the_grant_cuts_the_call_and_caps_the_charge(voice: Voice) -> None:
    """200 millionths a second and money for 3 s and a bit: 3 s, and not a millionth more."""
    await per_second_tariff(voice.database)
    who = await voice.customer(sip_funds="0.000700")
    call_id = await voice.place(who, "+15550100001")
    assert (await call(voice.database, call_id))["max_seconds"] == 3
    row = await voice.ended(call_id)
    assert seconds_between(row, "answered_at", "ended_at") == pytest.approx(3, abs=0.5)
    assert (row["billsec"], row["cost"], row["hangup_cause"]) == (3, 600, "funds_exhausted")
    assert await voice.wallet(who) == (100, 0)


async def test_ringing_costs_nothing(voice: Voice) -> None:
    await per_second_tariff(voice.database)
    who = await voice.customer()
    rung = await voice.place(who, "+15550104711", time_limit_seconds=1)
    at_once = await voice.place(who, "+15550100001", time_limit_seconds=1)
    rows = [await voice.ended(call_id) for call_id in (rung, at_once)]
    assert rows[0]["duration"] - rows[1]["duration"] == pytest.approx(2, abs=1)
    assert [(row["billsec"], row["cost"]) for row in rows] == [(1, 200), (1, 200)]


@pytest.mark.parametrize("voice", BOTH, indirect=True)
async def test_twenty_calls_at_once_are_all_settled(voice: Voice) -> None:
    await per_second_tariff(voice.database)
    who = await voice.customer()
    wish = {"time_limit_seconds": 2, "simulated": True}
    calls = await asyncio.gather(
        *(voice.place(who, f"+15550{at:02}0001", **wish) for at in range(20))
    )
    rows = [await voice.ended(call_id, 20) for call_id in calls]
    assert {(row["status"], row["billsec"], row["cost"]) for row in rows} == {("completed", 2, 400)}
    for call_id in calls:
        kinds = [event["event"] for event in await voice.told(call_id)]
        assert kinds == TALKED
        assert len(await voice.records(call_id)) == 1
    assert await voice.wallet(who) == (5_000_000 - 20 * 400, 0)


async def test_a_live_call_from_a_phone_that_is_away_fails_at_once_and_is_free(
    voice: Voice,
) -> None:
    who = await voice.customer(mode="live")
    call_id = await voice.place(who, "+15550100001")
    failed = ("failed", "phone_not_registered", [DONE], 0, 0)
    assert await voice.outcome(call_id) == failed
    row = await call(voice.database, call_id)
    assert seconds_between(row, "created_at", "ended_at") < 2
    assert await voice.wallet(who) == (5_000_000, 0)
    assert await voice.records(call_id) == []


async def test_a_phone_of_one_s_own_that_is_away_is_no_answer_and_free(voice: Voice) -> None:
    who = await voice.customer(phones=2)
    call_id = await voice.place(who, f"sip:{voice.phones[1]}", origin=voice.phones[0])
    status, cause, _, billsec, cost = await voice.outcome(call_id)
    assert (status, cause, billsec, cost) == ("failed", "subscriber_absent", 0, 0)


def test_a_wish_has_the_limits_that_the_dialplan_accepts(pbx: Pbx) -> None:
    wish = Wish(to="+15550100001")
    assert 0 < wish.ring_seconds <= 600
    assert 0 < wish.time_limit_seconds <= 86_400
