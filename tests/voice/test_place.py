"""Calls of the API: which phone rings first, what the other side sees, what is held."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from db.database import Database
from telephony.errors import (
    AccountSuspendedError,
    CallerIdNotAllowedError,
    DestinationNotAllowedError,
    InsufficientFundsError,
    NotFoundError,
    Problem,
    ValidationFailedError,
)
from telephony.settings import Settings
from tests.factories import Customer, customer
from tests.voice.calling import (
    CALLBACK,
    NUMBER,
    TO,
    add_phone,
    call,
    placed,
    sip_wallet,
    suspend_phone,
    timeline,
    told,
)

SECOND_NUMBER = "+15550111333"
FUNDS = 5_000_000


@pytest.fixture
async def who(database: Database) -> Customer:
    owner = await customer(database, sip_funds="5")
    await add_phone(database, owner, "alice", NUMBER)
    await add_phone(database, owner, "bob", SECOND_NUMBER)
    return owner


@pytest.mark.parametrize(
    ("origin", "first_leg", "shown_from", "caller_id"),
    [
        ("", "PJSIP/alice", "alice", NUMBER),
        ("alice", "PJSIP/alice", "alice", NUMBER),
        ("bob", "PJSIP/bob", "bob", SECOND_NUMBER),
        (NUMBER, "PJSIP/alice", NUMBER, NUMBER),
        (SECOND_NUMBER, "PJSIP/bob", SECOND_NUMBER, SECOND_NUMBER),
    ],
)
async def test_the_phone_of_the_origin_rings_first(
    database: Database, who: Customer, origin: str, first_leg: str, shown_from: str,
    caller_id: str,
) -> None:  # fmt: skip
    done = await placed(database, who, origin=origin, reference="mine", ring_seconds=20)
    assert (done.origin, done.caller_id, done.to) == (shown_from, caller_id, TO)
    row = await call(database, done.call_id)
    wanted: dict[str, Any] = {
        "status": "queued", "direction": "outbound", "route": "simulated", "first_leg": first_leg,
        "channel_id": done.call_id, "to_number": TO, "from_number": shown_from,
        "caller_id": caller_id, "ring_seconds": 20, "max_seconds": 4 * 3600, "mode": "test",
        "time_limit_seconds": 4 * 3600, "granted_seconds": 60, "armed_seconds": 60,
        "key_id": who.key_id, "callback_url": CALLBACK, "reference": "mine", "cost": 0,
        "sip_account": first_leg.removeprefix("PJSIP/"), "currency": "USD", "node": None,
    }  # fmt: skip
    assert row | wanted == row
    assert await timeline(database, done.call_id) == ["queued"]
    assert await told(database, done.call_id) == []


async def test_another_verified_number_may_be_shown(database: Database, who: Customer) -> None:
    done = await placed(database, who, origin="alice", caller_id=SECOND_NUMBER)
    assert done.caller_id == SECOND_NUMBER
    assert (await call(database, done.call_id))["sip_account"] == "alice"


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ({"caller_id": "+15550999999"}, CallerIdNotAllowedError),
        ({"origin": "carol"}, ValidationFailedError),
        ({"origin": "+15550999999"}, CallerIdNotAllowedError),
        ({"origin": "mallory"}, ValidationFailedError),
        ({"to": "+33123456789"}, DestinationNotAllowedError),
        ({"to": "sip:nobody"}, NotFoundError),
        ({"to": "sip:"}, NotFoundError),
        ({"to": "sip:mallory"}, NotFoundError),
    ],
)
async def test_what_is_refused_leaves_nothing(
    database: Database, who: Customer, wish: dict[str, Any], error: type[Problem]
) -> None:
    other = await customer(database, sip_funds="5", name="Other")
    await add_phone(database, other, "mallory", "+15550111444")
    with pytest.raises(error):
        await placed(database, who, **wish)
    assert await database.all("SELECT 1 FROM call") == []
    assert await database.all("SELECT 1 FROM hold") == []
    assert await sip_wallet(database, who) == (FUNDS, 0)


async def test_a_phone_without_a_number_is_told_how_to_get_one(database: Database) -> None:
    """Of the other mode, so that what it shows must be verified in this one."""
    who = await customer(database, mode="test", sip_funds="5")
    await add_phone(database, who, "mute", "", dial_mode="live")
    with pytest.raises(CallerIdNotAllowedError, match="no caller id to show") as refused:
        await placed(database, who)
    assert "/voip/caller-ids" in str(refused.value)


async def test_an_account_without_a_phone_cannot_call(database: Database) -> None:
    with pytest.raises(NotFoundError):
        await placed(database, await customer(database, sip_funds="5"))


async def test_a_phone_of_the_account_is_free(database: Database) -> None:
    poor = await customer(database)
    await add_phone(database, poor, "alice")
    await add_phone(database, poor, "bob", SECOND_NUMBER)
    done = await placed(database, poor, "sip:bob")
    assert (done.to, done.legs, done.max_seconds) == ("bob", "phones:bob", 4 * 3600)
    row = await call(database, done.call_id)
    assert (row["direction"], row["route"], row["to_number"]) == ("internal", "phone", "bob")
    assert await sip_wallet(database, poor) == (0, 0)
    await suspend_phone(database, "bob")
    with pytest.raises(NotFoundError):
        await placed(database, poor, "sip:bob")


async def test_a_suspended_phone_is_not_rung_first(database: Database, who: Customer) -> None:
    await suspend_phone(database, "alice")
    for origin in ("alice", NUMBER):
        with pytest.raises(AccountSuspendedError, match="alice is suspended"):
            await placed(database, who, origin=origin)
    await add_phone(database, who, "carol", NUMBER)
    for origin, rings in (("", "bob"), (NUMBER, "carol")):
        call_id = (await placed(database, who, origin=origin)).call_id
        assert (await call(database, call_id))["sip_account"] == rings


async def test_live_calls_need_a_trunk(database: Database) -> None:
    live = await customer(database, sip_funds="5", mode="live")
    await add_phone(database, live)
    done = await placed(database, live)
    assert (await call(database, done.call_id))["route"] == "trunk"
    with pytest.raises(DestinationNotAllowedError):
        await placed(database, live, settings=Settings())


async def test_what_the_money_lasts_for_is_told_and_the_first_slice_of_it_is_held(
    database: Database,
) -> None:
    for funds, to, limit, lasts, granted, held in (
        ("5", TO, 4 * 3600, 4 * 3600, 60, 12_000),
        ("5", TO, 90, 90, 60, 12_000),
        ("5", TO, 1, 1, 1, 12_000),
        ("0.012", TO, 4 * 3600, 60, 60, 12_000),
        ("0.023999", TO, 4 * 3600, 60, 60, 12_000),
        ("0.024", TO, 4 * 3600, 120, 60, 12_000),
        ("0.024", TO, 61, 61, 60, 12_000),
        ("0.017", "+4930123456", 4 * 3600, 60, 60, 17_000),
        ("0.028999", "+4930123456", 4 * 3600, 60, 60, 17_000),
        ("0.029", "+4930123456", 4 * 3600, 120, 60, 17_000),
    ):
        who = await customer(database, sip_funds=funds)
        await add_phone(database, who, f"phone-{limit}-{funds}-{to[1:3]}")
        done = await placed(database, who, to, time_limit_seconds=limit)
        assert (done.max_seconds, done.granted_seconds) == (lasts, granted), (funds, to, limit)
        assert (await sip_wallet(database, who))[1] == held, (funds, to, limit)


@pytest.mark.parametrize(
    ("funds", "to", "required"), [("0", TO, 0.012), ("0.011999", TO, 0.012),
                                  ("0.016999", "+4930123456", 0.017)]
)  # fmt: skip
async def test_less_than_the_first_step_is_not_enough(
    database: Database, funds: str, to: str, required: float
) -> None:
    who = await customer(database, funds="9", sip_funds=funds)
    await add_phone(database, who)
    with pytest.raises(InsufficientFundsError) as raised:
        await placed(database, who, to)
    assert raised.value.extra == {"required": required, "available": float(funds)}
    assert "The SIP wallet" in raised.value.detail
    assert "POST /voip/topup" in raised.value.detail
    assert (raised.value.status, raised.value.code) == (402, "insufficient_funds")


async def test_calls_at_once_never_hold_the_same_money(database: Database) -> None:
    who = await customer(database, sip_funds="0.089")  # seven minutes and a bit
    await add_phone(database, who)

    async def one() -> str:
        try:
            await placed(database, who, time_limit_seconds=60)
        except InsufficientFundsError:
            return "refused"
        return "placed"

    outcomes = Counter(await asyncio.gather(*(one() for _ in range(20))))
    assert outcomes == {"placed": 7, "refused": 13}
    assert await sip_wallet(database, who) == (89_000, 84_000)
