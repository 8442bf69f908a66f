"""A phone dials: the platform grants and pays, or refuses, and the log tells either."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from db import accounts
from db.connection import Conn
from tests.factories import Customer
from tests.fixtures_pbx import Pbx
from tests.patience import PATIENCE_SECONDS
from tests.pbx.sip_client import SipClient
from tests.voice.calling import NUMBER
from tests.voice.real_pbx import SECRET, Voice, per_second_tariff, seconds_between
from tests.voice.test_calls_trunk import RINGS, phone

DONE = "call_completed"


def client(voice: Voice, name: str) -> SipClient:
    return SipClient("127.0.0.1", voice.pbx.settings.sip_port, name, SECRET)


async def invite(voice: Voice, dialled: str) -> int:
    """Status of an INVITE of the first phone."""
    with client(voice, voice.phones[0]) as dialling:
        return await asyncio.to_thread(dialling.invite, dialled)


@pytest.mark.parametrize("voice", ["sqlite", "postgres"], indirect=True)
async def test_to_a_number_of_the_simulated_carrier(voice: Voice) -> None:
    await per_second_tariff(voice.database)
    who = await voice.customer()
    with client(voice, voice.phones[0]) as dialling:
        assert await asyncio.to_thread(dialling.invite, "+15550100001") == 200
        row = await voice.only_call(who)
        await voice.reached(row["id"], "answered")
        await asyncio.sleep(1.2)
        assert await asyncio.to_thread(dialling.bye) == 200
    events = ["call_ringing", "call_answered", DONE]
    assert await voice.outcome(row["id"]) == ("completed", "normal_clearing", events, 1, 200)
    row = await voice.only_call(who)
    assert (row["from_number"], row["to_number"], row["caller_id"], row["direction"]) == (
        voice.phones[0], "+15550100001", NUMBER, "outbound",
    )  # fmt: skip
    assert (row["channel_id"], row["key_id"]) != (row["id"], "")
    assert await voice.wallet(who) == (5_000_000 - 200, 0)


async def test_the_money_lasts_for_two_seconds(voice: Voice) -> None:
    await per_second_tariff(voice.database)
    who = await voice.customer(sip_funds="0.000400")
    with client(voice, voice.phones[0]) as dialling:
        assert await asyncio.to_thread(dialling.invite, "+15550100001") == 200
        await asyncio.to_thread(dialling.serve, "BYE")
    row = await voice.ended((await voice.only_call(who))["id"])
    assert seconds_between(row, "answered_at", "ended_at") == pytest.approx(2, abs=0.5)
    assert (row["billsec"], row["cost"], row["hangup_cause"]) == (2, 400, "funds_exhausted")
    assert await voice.wallet(who) == (0, 0)


async def test_to_another_phone_of_one_s_own(voice: Voice, tmp_path: Path) -> None:
    who = await voice.customer(phones=2)
    async with phone(voice, voice.phones[1], tmp_path):
        with client(voice, voice.phones[0]) as dialling:
            assert await asyncio.to_thread(dialling.invite, voice.phones[1]) == 200
            await asyncio.sleep(0.3)
            assert await asyncio.to_thread(dialling.bye) == 200
    row = await voice.ended((await voice.only_call(who))["id"])
    assert (row["status"], row["direction"], row["cost"]) == ("completed", "internal", 0)
    assert (row["to_number"], row["caller_id"]) == (voice.phones[1], voice.phones[0])
    assert await voice.wallet(who) == (5_000_000, 0)


@pytest.mark.parametrize(
    ("dialled", "facts", "sip_status", "cause"),
    [
        ("+15550100001", {"sip_funds": "0"}, 403, "insufficient_funds"),
        ("+15550100001", {"status": "suspended"}, 403, "account_suspended"),
        ("+4", {}, 484, "validation_error"),
        ("+819012345678", {}, 404, "destination_not_allowed"),
        ("no-such-phone", {}, 484, "validation_error"),
    ],
)
async def test_a_refusal_has_a_status_and_a_row(
    voice: Voice, dialled: str, facts: dict[str, Any], sip_status: int, cause: str
) -> None:
    """Suspended in this very moment: the PBX still knows the phones."""
    status = facts.get("status", "active")
    who = await voice.customer(**{name: facts[name] for name in facts if name != "status"})
    await voice.database.write(accounts.change, who.account_id, status=status)
    assert await invite(voice, dialled) == sip_status
    row = await voice.only_call(who)
    assert (row["status"], row["hangup_cause"], row["cost"]) == ("failed", cause, 0)
    assert (row["to_number"], row["sip_account"]) == (dialled, voice.phones[0])
    assert row["ended_at"] is not None
    channels = await asyncio.to_thread(dialled_numbers, voice.pbx, row["channel_id"])
    assert channels == []
    balance, held = await voice.wallet(who)
    assert (balance > 0, held) == ("sip_funds" not in facts, 0)


def dialled_numbers(pbx: Pbx, channel: str) -> list[str]:
    """Legs that the PBX made for a channel, by its record."""
    return [row["dstchannel"] for row in [pbx.cdr(channel)] if row["dstchannel"]]


async def test_a_phone_that_was_taken_out_of_service_dials_nobody(voice: Voice) -> None:
    who = await voice.customer()

    def suspend(conn: Conn) -> None:
        conn.run("UPDATE sip_account SET status = 'suspended' WHERE account_id = :id",
                 id=who.account_id)  # fmt: skip

    await voice.database.write(suspend)
    assert await invite(voice, "+15550100001") == 403
    assert await voice.database.all("SELECT * FROM call") == []


async def test_the_caller_hangs_up_while_it_rings(voice: Voice) -> None:
    who = await voice.customer(mode="live")
    with client(voice, voice.phones[0]) as dialling:
        asking = threading.Thread(target=dialling.invite, args=[RINGS])
        asking.start()
        row = await voice.only_call(who)
        await voice.reached(row["id"], "ringing")
        cancel(dialling, RINGS)
        found = await voice.outcome(row["id"])
        await asyncio.to_thread(asking.join, 5)
    assert found == ("canceled", "normal_clearing", ["call_ringing", DONE], 0, 0)


def cancel(dialling: SipClient, dialled: str) -> None:
    """CANCEL of the INVITE that waits, with its branch and sequence."""
    uri = f"sip:{dialled}@{dialling.host}"
    dialling._send("CANCEL", uri, f"<{uri}>", "", "")


async def test_two_calls_at_once_share_the_money(voice: Voice) -> None:
    """Money for 3 s: the first call holds all of it, and the second is refused."""
    await per_second_tariff(voice.database)
    who: Customer = await voice.customer(sip_funds="0.000600", phones=2)
    with client(voice, voice.phones[0]) as first, client(voice, voice.phones[1]) as second:
        assert await asyncio.to_thread(first.invite, "+15550100001") == 200
        assert await asyncio.to_thread(second.invite, "+15550100001") == 403
        assert await asyncio.to_thread(first.bye) == 200
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await voice.wallet(who))[1]:
            await asyncio.sleep(0.05)
    rows = await voice.database.all("SELECT status, cost FROM call ORDER BY id")
    assert [row["status"] for row in rows] == ["completed", "failed"]
