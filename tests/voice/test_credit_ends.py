"""What a call with a limit costs when it ends, and what is said of its end."""

import asyncio

import pytest

from db import calls
from db.calls import CallStatus
from db.database import Database
from telephony.voice import settle
from telephony.voice.reconcile import lost
from telephony.voice.settle import End
from tests.voice.credit import Credit, credit, price
from tests.voice.credit_looks import SLICE, START, answered, at, look


@pytest.fixture
def desk(database: Database) -> Credit:
    return credit(database, SLICE)


@pytest.mark.parametrize(
    ("talked", "cause", "billed"),
    [
        (59.95, "funds_exhausted", 60),
        (60.0, "funds_exhausted", 60),
        (63.0, "funds_exhausted", 60),  # a PBX that cuts late is the platform's loss
        (59.4, "normal_clearing", 59),
    ],
)
async def test_a_call_that_used_its_grant_says_why_it_ended(
    desk: Credit, talked: float, cause: str, billed: int
) -> None:
    who = await desk.customer(price("1/1", 60))
    call_id = await answered(desk, who)
    await look(desk, 50)
    end = End(CallStatus.completed, "normal_clearing", at(talked), START)
    assert await desk.database.write(settle.finish, await desk.call(call_id), end)
    row = await desk.call(call_id)
    assert (row["hangup_cause"], row["billsec"]) == (cause, billed)
    assert row["cost"] == price("1/1", billed)
    assert await desk.wallet(who) == (price("1/1", 60) - row["cost"], 0)
    (moment,) = [one for one in await calls.timeline(desk.database, call_id)
                 if one["status"] == "completed"]  # fmt: skip
    assert moment["detail"] == cause


async def test_a_call_that_nobody_lengthened_does_not_blame_the_money(desk: Credit) -> None:
    who = await desk.customer(price("1/1", 3600))
    unseen, unarmed = await answered(desk, who), await answered(desk, who)
    await desk.database.write(lambda conn: calls.change(conn, unseen, extend_at=None))
    assert await look(desk, 50, arm=False) == {unarmed: 120}
    for call_id in (unseen, unarmed):
        end = End(CallStatus.completed, "normal_clearing", at(60.004), START)
        await desk.database.write(settle.finish, await desk.call(call_id), end)
        row = await desk.call(call_id)
        assert (row["hangup_cause"], row["billsec"]) == ("platform_unavailable", 60)
        assert row["cost"] == price("1/1", 60)
    assert await desk.wallet(who) == (price("1/1", 3600) - 2 * price("1/1", 60), 0)


async def test_the_charge_follows_the_grant_as_it_is_when_the_call_ends(desk: Credit) -> None:
    """The record was matched with the call just before its grant grew."""
    who = await desk.customer(price("1/1", 3600))
    call_id = await answered(desk, who)
    before = await desk.call(call_id)
    await look(desk, 50)
    end = End(CallStatus.completed, "normal_clearing", at(70), START)
    await desk.database.write(settle.finish, before, end)
    assert (await desk.call(call_id))["billsec"] == 70
    assert await look(desk, 110) == {}


async def test_a_lost_call_is_charged_to_its_last_sign_of_life_and_within_its_hold(
    desk: Credit,
) -> None:
    who = await desk.customer(price("1/1", 3600))
    for seen, billed in ((7, 7), (900, 60)):
        call_id = await answered(desk, who)
        await desk.database.write(calls.seen, [call_id], at(seen))
        row = await desk.call(call_id)
        await desk.database.write(settle.finish, row, lost(row))
        row = await desk.call(call_id)
        assert (row["hangup_cause"], row["billsec"]) == ("pbx_lost", billed)
        assert row["cost"] == price("1/1", billed)


@pytest.mark.parametrize("seconds", [50, 59.9, 60.1])
async def test_a_call_may_end_while_it_is_lengthened(desk: Credit, seconds: float) -> None:
    funds = price("1/1", 3600)
    who = await desk.customer(funds)
    rows = [await desk.call(await answered(desk, who)) for _ in range(10)]
    end = End(CallStatus.completed, "normal_clearing", at(seconds), START)
    finishing = (desk.database.write(settle.finish, row, end) for row in rows)
    lengthening = (look(desk, seconds) for _ in range(5))
    await asyncio.gather(*finishing, *lengthening)
    rows = [await desk.call(row["id"]) for row in rows]
    assert {row["status"] for row in rows} == {"completed"}
    assert {row["billsec"] for row in rows} == {round(seconds)}
    assert await desk.wallet(who) == (funds - 10 * price("1/1", round(seconds)), 0)
