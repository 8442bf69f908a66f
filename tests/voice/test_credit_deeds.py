"""When grants are looked at, what they take from the wallet and what the PBX is told; without a
PBX, at instants that the test chooses."""

import asyncio

import pytest

from db import calls
from db.database import Database
from telephony.errors import InsufficientFundsError
from telephony.voice.credit_control import (
    AGAIN_SECONDS,
    LEAD_SECONDS,
    confirm,
    lengthen_due,
    look_at,
)
from tests.voice.credit import Credit, credit, price, rate_of
from tests.voice.credit_looks import NODE, SLICE, START, answered, at, grant, look

LEAD = int(LEAD_SECONDS)


@pytest.fixture
def desk(database: Database) -> Credit:
    return credit(database, SLICE)


@pytest.mark.parametrize(
    ("steps", "funds", "limit", "granted", "lasts", "cause"),
    [
        ("1/1", price("1/1", 3600), 14_400, 60, 3600, "platform_unavailable"),
        ("1/1", price("1/1", 60), 14_400, 60, 60, "platform_unavailable"),
        ("1/1", price("1/1", 59), 14_400, 59, 59, "funds_exhausted"),
        ("1/1", price("1/1", 1), 14_400, 1, 1, "funds_exhausted"),
        ("1/1", price("1/1", 3600), 60, 60, 60, "time_limit"),
        ("1/1", price("1/1", 3600), 7, 7, 7, "time_limit"),
        ("30/6", price("30/6", 60) - 1, 14_400, 54, 54, "funds_exhausted"),
        ("30/6", price("30/6", 36), 14_400, 36, 36, "funds_exhausted"),
        ("30/6", price("30/6", 36) - 1, 14_400, 30, 30, "funds_exhausted"),
        ("30/6", price("30/6", 7200), 7, 7, 7, "time_limit"),
        ("60/60", price("60/60", 61) - 1, 14_400, 60, 60, "platform_unavailable"),
        ("60/60", price("60/60", 3600), 90, 60, 90, "platform_unavailable"),
        ("10 free", 0, 14_400, 10, 10, "funds_exhausted"),
        ("10 free", price("10 free", 11) - 1, 14_400, 10, 10, "funds_exhausted"),
        ("10 free", price("10 free", 11), 14_400, 16, 16, "funds_exhausted"),
        ("10 free", price("10 free", 3600), 14_400, 64, 3604, "platform_unavailable"),
    ],
)
async def test_a_call_begins_with_its_first_slice(
    desk: Credit, steps: str, funds: int, limit: int, granted: int, lasts: int, cause: str
) -> None:
    who = await desk.customer(funds)
    placed = await desk.place(who, steps, limit)
    assert (placed.granted_seconds, placed.max_seconds) == (granted, lasts)
    assert await grant(desk, placed.call_id) == (granted, granted, cause)
    row = await desk.call(placed.call_id)
    assert (row["time_limit_seconds"], row["max_seconds"]) == (limit, lasts)
    assert await desk.wallet(who) == (funds, price(steps, granted))


@pytest.mark.parametrize("steps", ["1/1", "6/6", "3/1", "30/6", "60/60"])
async def test_a_call_needs_its_first_step(desk: Credit, steps: str) -> None:
    first = price(steps, 1)
    who = await desk.customer(first - 1)
    with pytest.raises(InsufficientFundsError) as refused:
        await desk.place(who, steps)
    assert refused.value.extra == {"required": first / 1e6, "available": (first - 1) / 1e6}
    assert await desk.wallet(who) == (first - 1, 0)
    await desk.top_up(who, 1)
    await desk.place(who, steps)
    assert await desk.wallet(who) == (first, first)


async def test_nothing_is_due_before_the_end_of_a_grant_is_near(desk: Credit) -> None:
    who = await desk.customer(price("1/1", 3600))
    call_id = await answered(desk, who)
    due = await desk.database.write(calls.credit_due, NODE, at(0.4), 9)
    assert due == []  # the dialplan has not set its own limit yet
    assert await look(desk, 0.5) == {}
    assert (await desk.call(call_id))["extend_at"] == at(60 - LEAD)
    assert await look(desk, 60 - LEAD - 0.001) == {}
    assert await look(desk, 60 - LEAD) == {call_id: 120}
    assert await desk.wallet(who) == (price("1/1", 3600), price("1/1", 120))
    assert await grant(desk, call_id) == (120, 120, "platform_unavailable")
    assert await look(desk, 60 - LEAD + 1) == {}
    assert await look(desk, 120 - LEAD) == {call_id: 180}


async def test_only_its_own_node_lengthens_a_call(desk: Credit) -> None:
    await answered(desk, await desk.customer(price("1/1", 3600)))
    assert await desk.database.write(lengthen_due, "pbx2", SLICE, at(50)) == []
    assert len(await look(desk, 50)) == 1


@pytest.mark.parametrize(
    ("steps", "funds", "slices"),
    [
        ("1/1", price("1/1", 133), [60, 120, 133]),
        ("6/6", price("6/6", 133) - 1, [60, 120, 132]),
        ("30/6", price("30/6", 133), [60, 120, 138]),
        ("60/60", price("60/60", 180) - 1, [60, 120]),
        ("3/1", price("3/1", 61), [60, 61]),
        ("10 free", price("10 free", 133), [64, 124, 136]),
        ("10 free", price("10 free", 11), [16]),
    ],
)
async def test_the_last_step_is_as_long_as_the_money(
    desk: Credit, steps: str, funds: int, slices: list[int]
) -> None:
    who = await desk.customer(funds)
    call_id = await answered(desk, who, steps)
    found = [(await grant(desk, call_id))[0]]
    for second in range(1, 200):
        found += (await look(desk, second)).values()
    assert found == slices
    assert await grant(desk, call_id) == (slices[-1], slices[-1], "funds_exhausted")
    assert (await desk.call(call_id))["extend_at"] is None  # the last look was after its end
    assert (await desk.wallet(who))[1] == price(steps, slices[-1]) <= funds


async def test_a_call_without_funds_is_looked_at_until_its_end(desk: Credit) -> None:
    who = await desk.customer(price("1/1", 60))
    call_id = await answered(desk, who)
    await look(desk, 1)
    assert await look(desk, 50) == {}
    assert await grant(desk, call_id) == (60, 60, "funds_exhausted")
    assert (await desk.call(call_id))["extend_at"] == at(50 + AGAIN_SECONDS)
    await desk.top_up(who, price("1/1", 30))
    assert await look(desk, 51) == {call_id: 90}
    assert await look(desk, 89.999) == {}
    await desk.top_up(who, price("1/1", 30))
    assert await look(desk, 91) == {}  # too late: the PBX has cut the call
    assert await desk.wallet(who) == (price("1/1", 60) + 2 * price("1/1", 30), price("1/1", 90))


async def test_the_limit_is_never_passed(desk: Credit) -> None:
    who = await desk.customer(price("1/1", 3600))
    call_id = await answered(desk, who, limit=75)
    await look(desk, 1)
    assert await look(desk, 50) == {call_id: 75}
    assert await grant(desk, call_id) == (75, 75, "time_limit")
    assert (await desk.call(call_id))["extend_at"] is None
    assert (await desk.wallet(who))[1] == price("1/1", 75)


async def test_what_the_pbx_did_not_confirm_is_told_again_and_not_lengthened(desk: Credit) -> None:
    who = await desk.customer(price("1/1", 3600))
    call_id = await answered(desk, who)
    await look(desk, 1)
    assert await look(desk, 50, arm=False) == {call_id: 120}
    for second in range(51, 120):
        assert await look(desk, second, arm=False) == {call_id: 120}, second
    assert await grant(desk, call_id) == (120, 60, "platform_unavailable")
    assert await look(desk, 121, arm=False) == {}
    assert (await desk.wallet(who))[1] == price("1/1", 120)


async def test_a_late_confirmation_does_not_hide_a_longer_grant(desk: Credit) -> None:
    call_id = await answered(desk, await desk.customer(price("1/1", 3600)))
    told = await desk.database.write(lengthen_due, NODE, SLICE, at(50))
    assert await look(desk, 51) == {call_id: 120}
    assert await look(desk, 110, arm=False) == {call_id: 180}
    await desk.database.write(confirm, told, SLICE)
    assert (await grant(desk, call_id))[:2] == (180, 120)
    assert (await desk.call(call_id))["extend_at"] == at(110 + AGAIN_SECONDS)


def test_slices_shorter_than_the_lead_are_lengthened_at_half_time() -> None:
    row = {"answered_at": START, "granted_seconds": 8, "time_limit_seconds": 99}
    assert look_at(row, 4) == at(6)
    assert look_at(row | {"granted_seconds": 99}, 4) is None
    assert look_at(row | {"granted_seconds": 90}, 60) == at(90 - LEAD)


@pytest.mark.parametrize("steps", ["1/1", "6/6", "30/6"])
async def test_calls_of_one_account_never_hold_more_than_it_has(desk: Credit, steps: str) -> None:
    funds = 10 * price(steps, 60) + price(steps, 100)
    who = await desk.customer(funds)
    ids = [await answered(desk, who, steps) for _ in range(10)]
    for second in range(1, 200):
        await asyncio.gather(*(look(desk, second) for _ in range(3)))
        balance, held = await desk.wallet(who)
        assert held <= balance == funds
    rows = [await desk.call(call_id) for call_id in ids]
    assert held == sum(price(steps, row["granted_seconds"]) for row in rows)
    step = rate_of(steps).voice_increment_seconds
    assert funds - held <= price(steps, 60 + step) - price(steps, 60)
    assert {row["armed_seconds"] - row["granted_seconds"] for row in rows} == {0}


async def test_a_call_that_costs_nothing_is_granted_at_once(desk: Credit) -> None:
    who = await desk.customer(0)
    (phone,) = await desk.database.all("SELECT username FROM sip_account")
    call_id = await answered(desk, who, f"sip:{phone['username']}")
    assert await grant(desk, call_id) == (14_400, 14_400, "time_limit")
    assert (await desk.call(call_id))["extend_at"] is None
    assert await desk.wallet(who) == (0, 0)


async def test_a_spend_cap_is_used_to_its_last_step(desk: Credit) -> None:
    who = await desk.customer(price("1/1", 3600))
    call_id = await answered(desk, who)
    cap = "UPDATE account SET spend_day_max = :cap WHERE id = :id"
    await desk.database.write(lambda c: c.run(cap, cap=price("1/1", 63), id=who.account_id))
    found = [told for second in range(50, 70) for told in (await look(desk, second)).values()]
    assert found == [61, 62, 63]
    assert await grant(desk, call_id) == (63, 63, "spend_cap_reached")
    assert (await desk.wallet(who))[1] == price("1/1", 63)
