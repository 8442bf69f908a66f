"""Calls that somebody asks to end, on a real Asterisk: in every state that they can be in."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from telephony.clock import now
from telephony.errors import CallAlreadyEndedError
from telephony.voice.hangups import hang_up
from tests.factories import Customer
from tests.patience import PATIENCE_SECONDS
from tests.pbx.sipp import answering
from tests.voice.calling import call
from tests.voice.real_pbx import BOTH, ENDS, Voice, per_second_tariff, seconds_between
from tests.voice.test_calls_trunk import RINGS, RINGS_AND_ANSWERS, phone

RANG, ANSWERED, DONE = "call_ringing", "call_answered", "call_completed"
ASKED = "hangup_requested"
FUNDS = 5_000_000


async def hung_up(voice: Voice, who: Customer, call_id: str) -> None:
    await voice.database.write(hang_up, who.account_id, who.mode, call_id, now())


async def channels(voice: Voice) -> list[str]:
    """Channels that the PBX still has."""

    def look() -> list[str]:
        with voice.pbx.ami() as ami:
            rows = ami.rows("CoreShowChannels", "CoreShowChannelsComplete")
            return [one["Channel"] for one in rows]

    return await asyncio.to_thread(look)


async def first_leg_rings(voice: Voice, call_id: str) -> None:
    """Wait until the call's first channel is there."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (row := await call(voice.database, call_id))["last_seen_at"] == row["started_at"]:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("voice", BOTH, indirect=True)
async def test_while_a_phone_rings_or_the_number_does_or_they_talk(voice: Voice) -> None:
    await per_second_tariff(voice.database)
    who = await voice.customer()
    phone_rings = await voice.place(who, "+15550100001", simulated=True)
    await first_leg_rings(voice, phone_rings)
    await hung_up(voice, who, phone_rings)
    rings, talks = await asyncio.gather(
        voice.place(who, "+15550100003", ring_seconds=30, simulated=True),
        voice.place(who, "+15550100001", simulated=True),
    )
    await voice.reached(rings, "ringing")
    await hung_up(voice, who, rings)
    await voice.reached(talks, "answered")
    await asyncio.sleep(1.1)
    await hung_up(voice, who, talks)
    assert await voice.outcome(phone_rings) == ("canceled", ASKED, [DONE], 0, 0)
    assert await voice.outcome(rings) == ("canceled", ASKED, [RANG, DONE], 0, 0)
    status, cause, events, billsec, cost = await voice.outcome(talks)
    assert (status, cause, events) == ("completed", ASKED, [RANG, ANSWERED, DONE])
    row = await call(voice.database, talks)
    assert billsec == max(1, round(seconds_between(row, "answered_at", "ended_at")))
    assert cost == 200 * billsec
    assert seconds_between(row, "hangup_at", "ended_at") < 2
    assert await voice.wallet(who) == (FUNDS - cost, 0)
    for call_id in (phone_rings, rings, talks):
        assert len(await voice.records(call_id)) == 1
        with pytest.raises(CallAlreadyEndedError):
            await hung_up(voice, who, call_id)


@pytest.fixture
async def live(voice: Voice, tmp_path: Path) -> AsyncIterator[Customer]:
    """A customer with a phone that answers at once and one that only rings."""
    owner = await voice.customer(mode="live", phones=2)
    answers, rings = voice.phones
    async with (
        phone(voice, answers, tmp_path),
        phone(voice, rings, tmp_path, answering(60_000)),
    ):
        yield owner


async def test_at_a_real_carrier_and_a_real_phone(voice: Voice, live: Customer) -> None:
    answers, never = voice.phones
    rings, talks, waits = await asyncio.gather(
        voice.place(live, RINGS, origin=answers, ring_seconds=30),
        voice.place(live, RINGS_AND_ANSWERS, origin=answers),
        voice.place(live, RINGS, origin=never, ring_seconds=30),
    )
    await voice.reached(rings, "ringing")
    await voice.reached(talks, "answered")
    await first_leg_rings(voice, waits)
    await asyncio.gather(*(hung_up(voice, live, one) for one in (rings, talks, waits)))
    assert await voice.outcome(rings) == ("canceled", ASKED, [RANG, DONE], 0, 0)
    assert await voice.outcome(waits) == ("canceled", ASKED, [DONE], 0, 0)
    status, cause, *_ = await voice.outcome(talks)
    assert (status, cause) == ("completed", ASKED)


async def test_raced_with_the_answer_it_ends_one_way_or_the_other(voice: Voice) -> None:
    """The simulated phone answers after 1 s and the number at once: the askings fall around
    both answers."""
    await per_second_tariff(voice.database)
    who = await voice.customer()
    calls = [await voice.place(who, "+15550100001", simulated=True) for _ in range(12)]

    async def ask(call_id: str, after: float) -> dict[str, Any]:
        await voice.reached(call_id, "dialing", *ENDS)
        await asyncio.sleep(after)
        await hung_up(voice, who, call_id)
        return await voice.ended(call_id)

    rows = await asyncio.gather(*(ask(one, 0.9 + at / 20) for at, one in enumerate(calls)))
    for row in rows:
        assert row["hangup_cause"] == ASKED
        talked = row["answered_at"] is not None
        assert row["status"] == ("completed" if talked else "canceled")
        assert row["cost"] == 200 * row["billsec"]
        assert bool(row["billsec"]) == talked
    assert await voice.wallet(who) == (FUNDS - sum(row["cost"] for row in rows), 0)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await channels(voice):
            await asyncio.sleep(0.05)
