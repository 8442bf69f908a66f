"""Live calls through the trunk, with SIPp as the carrier; the first leg is a phone of SIPp's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.factories import Customer
from tests.pbx.sip_client import SipClient
from tests.pbx.sipp import answering, refusing, sipp
from tests.ports import free_port
from tests.voice.real_pbx import SECRET, Voice, seconds_between

ANSWERS, RINGS, RINGS_AND_ANSWERS = "+15559871234", "+15559870180", "+15559870700"
RANG, ANSWERED, DONE = "call_ringing", "call_answered", "call_completed"


@asynccontextmanager
async def phone(voice: Voice, name: str, folder: Path, scenario: str = "") -> AsyncIterator[None]:
    """A phone that registered; SIPp then plays it on the port that it registered from."""
    port = free_port()
    host, sip_port = "127.0.0.1", voice.pbx.settings.sip_port
    with SipClient(host, sip_port, name, SECRET, local_port=port) as client:
        assert await asyncio.to_thread(client.register) == 200
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(stack.enter_context, sipp(scenario or answering(), port, folder))
        yield


@pytest.fixture
async def who(voice: Voice, tmp_path: Path) -> AsyncIterator[Customer]:
    """A live customer with a phone that answers at once and stays until it is hung up."""
    owner = await voice.customer(mode="live")
    async with phone(voice, voice.phones[0], tmp_path):
        yield owner


@pytest.mark.parametrize(
    ("sip_code", "wanted"),
    [
        (486, ("busy", "user_busy", [DONE], 0, 0)),
        (503, ("failed", "no_circuit_available", [DONE], 0, 0)),
        (404, ("failed", "unallocated_number", [DONE], 0, 0)),
    ],
)
async def test_the_carrier_refuses(
    voice: Voice, who: Customer, sip_code: int, wanted: tuple[str, str, list[str], int, int]
) -> None:
    call_id = await voice.place(who, f"+15559870{sip_code}")
    assert await voice.outcome(call_id) == wanted
    assert (await voice.ended(call_id))["sip_code"] == sip_code
    assert await voice.wallet(who) == (5_000_000, 0)


async def test_the_carrier_rings_answers_and_the_grant_ends_it(voice: Voice, who: Customer) -> None:
    call_id = await voice.place(who, RINGS_AND_ANSWERS, time_limit_seconds=2)
    found = await voice.outcome(call_id)
    assert found == ("completed", "time_limit", [RANG, ANSWERED, DONE], 2, 12_000)
    row = await voice.ended(call_id)
    assert row["sip_code"] == 200
    assert seconds_between(row, "ringing_at", "answered_at") == pytest.approx(0.7, abs=0.4)


async def test_the_carrier_does_not_answer(voice: Voice, who: Customer) -> None:
    call_id = await voice.place(who, RINGS, ring_seconds=1)
    assert await voice.outcome(call_id) == ("no_answer", "no_answer", [RANG, DONE], 0, 0)


async def test_the_phone_refuses_the_first_leg(voice: Voice, tmp_path: Path) -> None:
    who = await voice.customer(mode="live")
    async with phone(voice, voice.phones[0], tmp_path, refusing("486 Busy Here")):
        call_id = await voice.place(who, ANSWERS)
        assert await voice.outcome(call_id) == ("busy", "phone_busy", [DONE], 0, 0)
