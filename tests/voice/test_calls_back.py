"""Call-back on a real Asterisk: a number of the account is called first, then `to`; each leg is
charged from its own answer on."""

import asyncio
from typing import Any

import pytest

from db import caller_ids
from telephony.billing.rating import Rate, call_cost
from telephony.clock import SECOND, now
from telephony.voice.hangups import hang_up
from tests.factories import Customer
from tests.patience import PATIENCE_SECONDS
from tests.voice.calling import call
from tests.voice.real_pbx import BOTH, Voice, per_second_tariff, seconds_between

RANG, ANSWERED, DONE = "call_ringing", "call_answered", "call_completed"
FUNDS = 5_000_000
PER_SECOND = 200
ANSWERS = "+15550100001"


async def mine(voice: Voice, who: Customer, *numbers: str) -> None:
    """Verify numbers of the customer."""
    for number in numbers:
        await voice.database.write(
            caller_ids.verify, who.account_id, number, "test", now()
        )  # fmt: skip


async def back(voice: Voice, who: Customer, first: str, to: str, **wish: Any) -> str:
    return await voice.place(who, to, origin=first, **wish)


def whole_seconds(row: dict[str, Any], since: str) -> int:
    return max(1, round(seconds_between(row, since, "ended_at")))


def cost_of_both(row: dict[str, Any]) -> int:
    """What the legs of an ended call cost, computed from its instants."""
    first = whole_seconds(row, "first_answered_at") if row["first_answered_at"] else 0
    rates = Rate.from_text(row["first_rate"]), Rate.from_text(row["rate"])
    return call_cost(rates[0], first) + call_cost(rates[1], row["billsec"])


@pytest.mark.parametrize("voice", BOTH, indirect=True)
async def test_both_legs_are_charged_and_each_end_has_its_cause(voice: Voice) -> None:
    await per_second_tariff(voice.database)
    who = await voice.customer()
    first = {last: f"+1555020{last}" for last in ("0001", "0002", "0003", "0004", "0005")}
    await mine(voice, who, *first.values())
    wishes = {
        "talk": (first["0001"], "+15550104711", {"time_limit_seconds": 2}),
        "busy": (first["0001"], "+15550100002", {}),
        "unanswered": (first["0001"], "+15550100003", {"ring_seconds": 2}),
        "first busy": (first["0002"], ANSWERS, {}),
        "first unanswered": (first["0003"], ANSWERS, {"ring_seconds": 2}),
        "first rejected": (first["0004"], ANSWERS, {}),
        "first unknown": (first["0005"], ANSWERS, {}),
    }
    ids = {
        name: await back(voice, who, leg, to, **wish) for name, (leg, to, wish) in wishes.items()
    }
    found = {name: await voice.outcome(call_id) for name, call_id in ids.items()}
    ends = {name: end[:4] for name, end in found.items()}
    assert ends == {
        "talk": ("completed", "time_limit", [RANG, ANSWERED, DONE], 2),
        "busy": ("busy", "user_busy", [DONE], 0),
        "unanswered": ("no_answer", "no_answer", [RANG, DONE], 0),
        "first busy": ("busy", "user_busy", [DONE], 0),
        "first unanswered": ("no_answer", "no_answer", [DONE], 0),
        "first rejected": ("failed", "call_rejected", [DONE], 0),
        "first unknown": ("failed", "unallocated_number", [DONE], 0),
    }
    total = 0
    for name, call_id in ids.items():
        row = await call(voice.database, call_id)
        assert row["cost"] == cost_of_both(row), name
        assert bool(row["cost"]) == (not name.startswith("first")), name
        assert (row["sip_account"], row["direction"]) == (None, "outbound")
        total += row["cost"]
    assert await voice.wallet(who) == (FUNDS - total, 0)
    # The first leg rings nobody: it answers at once, and `to` rings for 2 s, which it pays.
    assert (await call(voice.database, ids["unanswered"]))["cost"] >= 2 * PER_SECOND
    talk = await call(voice.database, ids["talk"])
    assert seconds_between(talk, "first_answered_at", "answered_at") == pytest.approx(2, abs=0.7)


async def test_the_story_of_one_and_how_it_is_ended(voice: Voice) -> None:
    who = await voice.customer()
    rings = "+15550200006"
    await mine(voice, who, rings)
    call_id = await back(voice, who, rings, ANSWERS, ring_seconds=30)
    rang = "SELECT 1 FROM call_moment WHERE call_id = :id AND detail = 'first_leg_ringing'"
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await voice.database.all(rang, id=call_id):
            await asyncio.sleep(0.05)
    row = await call(voice.database, call_id)
    assert (row["status"], row["first_answered_at"]) == ("dialing", None)
    # A minute of talk, for which the first leg may last 60 + 30 + 5 seconds: two minutes.
    assert await voice.wallet(who) == (FUNDS, 36_000)
    await voice.database.write(hang_up, who.account_id, who.mode, call_id, now())
    assert await voice.outcome(call_id) == ("canceled", "hangup_requested", [DONE], 0, 0)
    assert await voice.wallet(who) == (FUNDS, 0)


async def test_through_a_real_carrier(voice: Voice) -> None:
    who = await voice.customer(mode="live")
    answers, busy = "+15559871234", "+15559870486"
    await mine(voice, who, answers, busy)
    talks, refused, half = await asyncio.gather(
        back(voice, who, answers, "+15559870700", time_limit_seconds=2),
        back(voice, who, busy, answers),
        back(voice, who, answers, busy),
    )
    status, cause, events, billsec, cost = await voice.outcome(talks)
    assert (status, cause, events, billsec) == (
        "completed", "time_limit", [RANG, ANSWERED, DONE], 2
    )  # fmt: skip
    assert cost == 24_000
    assert await voice.outcome(refused) == ("busy", "user_busy", [DONE], 0, 0)
    assert await voice.outcome(half) == ("busy", "user_busy", [DONE], 0, 12_000)
    codes = [(await call(voice.database, one))["sip_code"] for one in (talks, refused, half)]
    assert codes == [200, 486, 486]
    assert await voice.wallet(who) == (FUNDS - 36_000, 0)


async def test_money_for_one_leg_is_not_enough(voice: Voice) -> None:
    """200 millionths a second for each leg: 3 s of talk need 3 + (3 + 5 + 5) seconds."""
    await per_second_tariff(voice.database)
    who = await voice.customer(sip_funds="0.003200")
    await mine(voice, who, "+15550200001")
    call_id = await back(voice, who, "+15550200001", ANSWERS)
    assert (await call(voice.database, call_id))["max_seconds"] == 3
    row = await voice.ended(call_id)
    assert (row["billsec"], row["hangup_cause"]) == (3, "funds_exhausted")
    assert row["cost"] == cost_of_both(row)
    assert row["cost"] <= 3_200
    assert row["answered_at"] - row["first_answered_at"] < 5 * SECOND
