"""Calls from a carrier on the real Asterisk: who rings, what the caller hears, what it costs."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from db import accounts
from tests.factories import Customer
from tests.pbx.sip_client import SipClient
from tests.pbx.sipp import refusing, ringing
from tests.ports import free_port
from tests.voice.carriers import add_trunk, calling_in, own, told
from tests.voice.real_pbx import Voice, per_second_tariff
from tests.voice.test_calls_phone import cancel
from tests.voice.test_calls_trunk import phone

RANG, ANSWERED, DONE = "call_ringing", "call_answered", "call_completed"
CALLER = "+15557654321"
BUSY = refusing("486 Busy Here")


@pytest.fixture
async def port(voice: Voice) -> int:
    """A carrier that Asterisk knows; where its calls come from."""
    found = free_port()
    await per_second_tariff(voice.database)
    await add_trunk(voice.database, "car", voice.vault, port=found)
    await told(voice, "car", found)
    return found


async def dialled(
    voice: Voice, port: int, number: str, talk_seconds: float = 0.5, caller: str = CALLER
) -> int:
    """The answer that a caller gets, who hangs up after a while."""
    with calling_in(voice, port, caller) as carrier:
        carrier.patience_seconds = 15
        status = await asyncio.to_thread(carrier.invite, number)
        if status == 200:
            await asyncio.sleep(talk_seconds)
            assert await asyncio.to_thread(carrier.bye) == 200
        return status


async def test_one_phone_rings_and_answers(voice: Voice, port: int, tmp_path: Path) -> None:
    who = await voice.customer(mode="live")
    await own(voice.database, who, "+15550100101", targets=voice.phones)
    async with phone(voice, voice.phones[0], tmp_path):
        assert await dialled(voice, port, "+15550100101", 1.2) == 200
    row = await voice.only_call(who)
    found = await voice.outcome(row["id"])
    assert found == ("completed", "normal_clearing", [RANG, ANSWERED, DONE], 1, 0)
    row = await voice.only_call(who)
    wanted = {
        "direction": "inbound", "from_number": CALLER, "to_number": "+15550100101",
        "caller_id": CALLER, "sip_account": voice.phones[0], "trunk": "car", "mode": "live",
    }  # fmt: skip
    assert row | wanted == row
    events = await voice.told(row["id"])
    assert {(one["direction"], one["from"], one["to"]) for one in events} == {
        ("inbound", CALLER, "+15550100101")
    }
    assert await voice.wallet(who) == (5_000_000, 0)


@pytest.mark.parametrize(
    ("strategy", "scenarios", "answers"),
    [("all", (BUSY, ""), 1), ("order", (BUSY, ""), 1), ("order", (ringing(), ""), 1),
     ("order", ("", BUSY), 0)],
)  # fmt: skip
async def test_several_phones(
    voice: Voice, port: int, tmp_path: Path, strategy: str, scenarios: tuple[str, str], answers: int
) -> None:
    """Whoever answers is the call's SIP account."""
    who = await voice.customer(mode="live", phones=2)
    one, two = voice.phones
    number = "+15550100102"
    await own(voice.database, who, number, targets=(one, two), strategy=strategy)
    async with phone(voice, one, tmp_path, scenarios[0]), phone(voice, two, tmp_path, scenarios[1]):
        assert await dialled(voice, port, number) == 200
    row = await voice.ended((await voice.only_call(who))["id"])
    assert (row["status"], row["sip_account"]) == ("completed", voice.phones[answers])


async def forwarded(voice: Voice, port: int, folder: Path, **facts: Any) -> Customer:
    """A customer whose phone is busy and whose number goes on to the default carrier."""
    who = await voice.customer(mode="live", **facts)
    forward = {"targets": voice.phones, "forward_to": "+15559871234"}
    await own(voice.database, who, "+15550100103", **forward)
    async with phone(voice, voice.phones[0], folder, BUSY):
        expected = 200 if "sip_funds" not in facts else 486
        assert await dialled(voice, port, "+15550100103", 1.2) == expected
    return who


async def test_nobody_answers_so_it_is_forwarded_and_paid(
    voice: Voice, port: int, tmp_path: Path
) -> None:
    who = await forwarded(voice, port, tmp_path)
    row = await voice.ended((await voice.only_call(who))["id"])
    assert (row["status"], row["direction"], row["billsec"]) == ("completed", "inbound", 1)
    assert (row["cost"], row["trunk"]) == (200, "car")
    assert row["legs"] == "trunk:default:+15559871234:+15550100103"
    assert await voice.wallet(who) == (5_000_000 - 200, 0)
    details = await voice.database.all("SELECT detail FROM call_moment WHERE call_id = :id",
                                       id=row["id"])  # fmt: skip
    assert "forwarded to +15559871234" in [line["detail"] for line in details]


async def test_without_money_nothing_is_forwarded(voice: Voice, port: int, tmp_path: Path) -> None:
    who = await forwarded(voice, port, tmp_path, sip_funds="0")
    row = await voice.ended((await voice.only_call(who))["id"])
    assert (row["status"], row["hangup_cause"], row["cost"]) == ("busy", "user_busy", 0)


@pytest.mark.parametrize(
    ("scenario", "wanted"),
    [
        (BUSY, ("busy", "user_busy", [DONE], 0, 0)),
        (None, ("failed", "subscriber_absent", [DONE], 0, 0)),
    ],
)
async def test_nobody_is_there(
    voice: Voice, port: int, tmp_path: Path, scenario: str | None, wanted: Any
) -> None:
    """The caller hears a busy tone, the log tells why."""
    who = await voice.customer(mode="live")
    await own(voice.database, who, "+15550100104", targets=voice.phones)
    if scenario:
        async with phone(voice, voice.phones[0], tmp_path, scenario):
            assert await dialled(voice, port, "0015550100104") == 486
    else:
        assert await dialled(voice, port, "15550100104") == 486
    assert await voice.outcome((await voice.only_call(who))["id"]) == wanted


async def test_who_may_not_be_called(voice: Voice, port: int) -> None:
    """A number of nobody, and one whose owner is suspended."""
    assert await dialled(voice, port, "+15550100999") == 404
    who = await voice.customer(mode="live")
    await own(voice.database, who, "+15550100105", targets=voice.phones)
    await voice.database.write(accounts.change, who.account_id, status="suspended")
    assert await dialled(voice, port, "+15550100105") == 403
    row = await voice.only_call(who)
    assert (row["status"], row["hangup_cause"]) == ("failed", "account_suspended")
    assert (row["direction"], row["ended_at"] is not None) == ("inbound", True)


async def test_the_caller_gives_up(voice: Voice, port: int, tmp_path: Path) -> None:
    who = await voice.customer(mode="live")
    await own(voice.database, who, "+15550100106", targets=voice.phones)
    async with phone(voice, voice.phones[0], tmp_path, ringing()):
        with calling_in(voice, port, "anonymous") as carrier:
            asking = threading.Thread(target=carrier.invite, args=["+15550100106"])
            asking.start()
            row = await voice.only_call(who)
            await voice.reached(row["id"], "ringing")
            cancel(carrier, "+15550100106")
            found = await voice.outcome(row["id"])
            await asyncio.to_thread(asking.join, 5)
    assert found == ("canceled", "normal_clearing", [RANG, DONE], 0, 0)
    assert (await voice.only_call(who))["from_number"] == "anonymous"


async def test_only_a_carrier_gets_in(voice: Voice, port: int) -> None:
    """Its name opens nothing, and once it is removed its address opens nothing."""
    who = await voice.customer(mode="live")
    await own(voice.database, who, "+15550100107", targets=voice.phones)
    stranger = SipClient("127.0.0.1", voice.pbx.settings.sip_port, "_car", "guessed")
    with stranger:
        assert await asyncio.to_thread(stranger.invite, "+15550100107") == 401
    assert await voice.database.all("SELECT * FROM call") == []
