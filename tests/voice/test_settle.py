"""How calls end: each state told once and in order, talk time charged once and never too much."""

import asyncio
from typing import Any

import pytest

from db.calls import CallStatus
from db.connection import Row
from db.database import Database
from telephony.billing.rating import Rate
from telephony.clock import SECOND, now
from telephony.voice import settle
from telephony.voice.reconcile import QUEUED_SECONDS_MAX, give_up_waiting, lost, settle_lost
from telephony.voice.settle import End, talk_seconds
from tests.factories import Customer, customer
from tests.voice.calling import (
    LIVE,
    NUMBER,
    TO,
    add_phone,
    call,
    dialing,
    placed,
    seconds,
    sip_wallet,
    timeline,
    told,
)

FUNDS = 5_000_000
START = 1_768_176_000 * SECOND  # 2026-01-12


@pytest.fixture
async def who(database: Database) -> Customer:
    owner = await customer(database, sip_funds="5")
    await add_phone(database, owner)
    return owner


async def begun(
    database: Database, who: Customer, to: str = TO, paid_seconds: int = 60, **wish: Any
) -> Row:
    """A call accepted at START, whose first leg is being rung since then. So many seconds of it
    are paid for."""
    settings = LIVE.model_copy(update={"call_slice_seconds": paid_seconds})
    done = await placed(database, who, to, settings, START, **wish)
    return await dialing(database, done.call_id, START)


def ended(
    after: float, answered: float | None = None, status: CallStatus = CallStatus.completed,
    cause: str = "normal_clearing", sip_code: int | None = None,
) -> End:  # fmt: skip
    at = None if answered is None else START + seconds(answered)
    return End(status, cause, START + seconds(after), at, sip_code)


async def test_a_call_from_ringing_to_its_end(database: Database, who: Customer) -> None:
    row = await begun(database, who, paid_seconds=3600, reference="mine")
    await database.write(settle.ringing, row, START + seconds(2))
    await database.write(settle.answered, row, START + seconds(5))
    assert await sip_wallet(database, who) == (FUNDS, 720_000)
    assert await database.write(settle.finish, row, ended(75, 5, sip_code=200))
    now_row = await call(database, row["id"])
    wanted: dict[str, Any] = {
        "status": "completed", "duration": 75, "billsec": 70, "cost": 24_000, "sip_code": 200,
        "hangup_cause": "normal_clearing", "ringing_at": START + seconds(2),
        "answered_at": START + seconds(5), "ended_at": START + seconds(75),
    }  # fmt: skip
    assert now_row | wanted == now_row
    states = ["queued", "dialing", "ringing", "answered", "completed"]
    assert await timeline(database, row["id"]) == states
    events = await told(database, row["id"])
    assert [event["event"] for event in events] == [
        "call_ringing", "call_answered", "call_completed",
    ]  # fmt: skip
    assert [event["status"] for event in events] == ["ringing", "answered", "completed"]
    assert events[-1] == {
        "event": "call_completed", "call_id": row["id"], "direction": "outbound", "from": "alice",
        "to": TO, "caller_id": NUMBER, "status": "completed", "duration": 75, "billsec": 70,
        "cost": 0.024, "hangup_cause": "normal_clearing", "reference": "mine",
    }  # fmt: skip
    assert (events[0]["cost"], events[0]["billsec"], events[0]["hangup_cause"]) == (0, 0, None)
    assert await sip_wallet(database, who) == (FUNDS - 24_000, 0)


@pytest.mark.parametrize("missed", [0, 1, 2])
async def test_states_that_were_missed_are_told_in_order(
    database: Database, who: Customer, missed: int
) -> None:
    row = await begun(database, who)
    for verb, at in [(settle.ringing, 2), (settle.answered, 5)][: 2 - missed]:
        await database.write(verb, row, START + seconds(at))
    await database.write(settle.finish, row, ended(65, 5))
    events = await told(database, row["id"])
    assert [event["status"] for event in events] == ["ringing", "answered", "completed"]
    assert (await call(database, row["id"]))["billsec"] == 60


async def test_everything_is_told_and_charged_once(database: Database, who: Customer) -> None:
    row = await begun(database, who, paid_seconds=3600)
    for _ in range(3):
        await database.write(settle.ringing, row, START + seconds(2))
        await database.write(settle.answered, row, START + seconds(5))
    finished = await asyncio.gather(
        *(database.write(settle.finish, row, ended(65 + 60 * n, 5)) for n in range(10))
    )
    assert finished.count(True) == 1
    before = await call(database, row["id"])
    await database.write(settle.ringing, row, START + seconds(99))
    await database.write(settle.answered, row, START + seconds(99))
    late = ended(99, status=CallStatus.failed)
    assert not await database.write(settle.finish, row, late)
    assert await call(database, row["id"]) == before
    assert len(await told(database, row["id"])) == 3
    assert await sip_wallet(database, who) == (FUNDS - before["cost"], 0)


@pytest.mark.parametrize(
    ("status", "cause", "sip_code"),
    [
        (CallStatus.busy, "user_busy", 486),
        (CallStatus.no_answer, "no_answer", 480),
        (CallStatus.failed, "unallocated_number", 404),
        (CallStatus.canceled, "normal_clearing", 487),
        (CallStatus.failed, "phone_not_registered", None),
    ],
)
@pytest.mark.parametrize("rang", [True, False])
async def test_a_call_that_nobody_answered_is_free(
    database: Database, who: Customer, status: CallStatus, cause: str, sip_code: int | None,
    rang: bool,
) -> None:  # fmt: skip
    row = await begun(database, who)
    if rang:
        await database.write(settle.ringing, row, START + seconds(1))
    end = ended(30, status=status, cause=cause, sip_code=sip_code)
    assert await database.write(settle.finish, row, end)
    found = await call(database, row["id"])
    assert (found["status"], found["hangup_cause"], found["sip_code"]) == (status, cause, sip_code)
    assert (found["cost"], found["billsec"], found["duration"]) == (0, 0, 30)
    assert found["answered_at"] is None
    events = [event["event"] for event in await told(database, row["id"])]
    assert events == ["call_ringing", "call_completed"][not rang :]
    assert await sip_wallet(database, who) == (FUNDS, 0)


async def test_talk_time_and_its_price(database: Database, who: Customer) -> None:
    for talked, billsec, cost in (
        (0.0, 1, 12_000),
        (0.4, 1, 12_000),
        (1.4, 1, 12_000),
        (1.5, 2, 12_000),
        (59.5, 60, 12_000),
        (60.4, 60, 12_000),
        (60.5, 61, 24_000),
        (120.0, 120, 24_000),
        (3600.0, 3600, 720_000),
    ):
        before, _ = await sip_wallet(database, who)
        row = await begun(database, who, paid_seconds=3600)
        await database.write(settle.finish, row, ended(7 + talked, 7))
        found = await call(database, row["id"])
        assert (found["billsec"], found["cost"]) == (billsec, cost), talked
        assert await sip_wallet(database, who) == (before - cost, 0)


@pytest.mark.parametrize(
    ("wish", "cause"), [({"time_limit_seconds": 60}, "time_limit"), ({}, "platform_unavailable")]
)
async def test_a_call_is_charged_at_most_what_was_granted(
    database: Database, who: Customer, wish: dict[str, Any], cause: str
) -> None:
    """The cut comes late; what the platform holds is all that it may take."""
    row = await begun(database, who, **wish)
    await database.write(settle.finish, row, ended(600, 7))
    found = await call(database, row["id"])
    assert (found["billsec"], found["cost"], found["duration"]) == (60, 12_000, 600)
    assert found["hangup_cause"] == cause
    assert await sip_wallet(database, who) == (FUNDS - 12_000, 0)


async def test_a_connect_fee_is_charged_once_answered(database: Database, who: Customer) -> None:
    row = await begun(database, who, "+4930123456")
    await database.write(settle.finish, row, ended(12, 7))
    assert (await call(database, row["id"]))["cost"] == 17_000


async def test_prices_that_change_in_mid_call_do_not_count(
    database: Database, who: Customer
) -> None:
    row = await begun(database, who)
    await database.write(lambda conn: conn.run("UPDATE rate SET voice_per_minute = 99000"))
    await database.write(settle.finish, row, ended(67, 7))
    assert (await call(database, row["id"]))["cost"] == 12_000


async def test_a_free_call_ends_like_any_other(database: Database, who: Customer) -> None:
    await add_phone(database, who, "bob", "+15550111333")
    row = await begun(database, who, "sip:bob")
    await database.write(settle.finish, row, ended(67, 7))
    found = await call(database, row["id"])
    assert (found["status"], found["billsec"], found["cost"]) == ("completed", 60, 0)
    assert len(await told(database, row["id"])) == 3
    assert await sip_wallet(database, who) == (FUNDS, 0)


async def test_a_clock_that_went_back_charges_no_negative_time(
    database: Database, who: Customer
) -> None:
    row = await begun(database, who)
    await database.write(settle.finish, row, ended(-3, 7))
    found = await call(database, row["id"])
    assert (found["duration"], found["billsec"], found["cost"]) == (0, 1, 12_000)


@pytest.mark.parametrize(
    ("events", "last_seen", "status", "billsec", "cost"),
    [
        ([], 20, "failed", 0, 0),
        (["ringing"], 20, "failed", 0, 0),
        (["ringing", "answered"], 67, "completed", 60, 12_000),
        (["ringing", "answered"], 3, "completed", 1, 12_000),  # no sign of life since the answer
    ],
)
async def test_a_call_that_the_pbx_lost(
    database: Database, who: Customer, events: list[str], last_seen: float, status: str,
    billsec: int, cost: int,
) -> None:  # fmt: skip
    row = await begun(database, who)
    for name, at in zip(events, (2, 7), strict=False):
        verb = {"ringing": settle.ringing, "answered": settle.answered}[name]
        await database.write(verb, row, START + seconds(at))
    seen = START + seconds(last_seen)
    await database.write(lambda conn: conn.run("UPDATE call SET last_seen_at = :at", at=seen))
    suspects = [await call(database, row["id"])]
    for _ in range(2):
        await database.write(settle_lost, suspects, set(), START + seconds(900))
    found = await call(database, row["id"])
    assert (found["status"], found["hangup_cause"]) == (status, "pbx_lost")
    assert (found["billsec"], found["cost"]) == (billsec, cost)
    assert [event["event"] for event in await told(database, row["id"])] == [
        *(f"call_{name}" for name in events), "call_completed",
    ]  # fmt: skip
    assert await sip_wallet(database, who) == (FUNDS - cost, 0)


async def test_a_call_with_a_channel_or_without_age_is_not_lost(
    database: Database, who: Customer
) -> None:
    row = await begun(database, who)
    later = START + seconds(60)
    await database.write(settle_lost, [row], {row["channel_id"]}, later)
    assert (await call(database, row["id"]))["last_seen_at"] == later
    await database.write(settle_lost, [row], set(), START + seconds(4))
    assert (await call(database, row["id"]))["status"] == "dialing"
    assert lost(await call(database, row["id"])).ended_at == later


async def test_a_call_that_no_pbx_took_in_time(database: Database, who: Customer) -> None:
    call_id = (await placed(database, who)).call_id
    await database.write(give_up_waiting, now() + (QUEUED_SECONDS_MAX - 5) * SECOND)
    assert (await call(database, call_id))["status"] == "queued"
    for _ in range(2):
        await database.write(give_up_waiting, now() + (QUEUED_SECONDS_MAX + 1) * SECOND)
    found = await call(database, call_id)
    assert (found["status"], found["hangup_cause"]) == ("failed", "pbx_unavailable")
    assert [event["event"] for event in await told(database, call_id)] == ["call_completed"]
    assert await sip_wallet(database, who) == (FUNDS, 0)


def test_talk_time_is_never_negative_and_never_more_than_granted() -> None:
    for talked in (-5, 0, 0.001, 59.4, 60, 61, 10_000):
        assert 1 <= talk_seconds(ended(talked, 0), 60) <= 60
    assert talk_seconds(ended(10), 60) == 0


def test_a_rate_survives_its_snapshot() -> None:
    rate = Rate("1555", "USD", 7_000, 12_000, 5_000, 30, 6)
    assert Rate.from_text(rate.to_text()) == rate
