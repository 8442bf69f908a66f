"""A SIP account or a customer that is suspended or deleted in mid-call, on a real Asterisk: phones
are refused and channels gone within 2 s."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest

from db import caller_ids, sip, sip_nodes
from db.calls import CallStatus
from telephony.clock import now
from telephony.voice import sip_accounts
from telephony.voice.softphone import Softphone
from tests.factories import Customer
from tests.patience import PATIENCE_SECONDS
from tests.pbx.sip_client import SipClient
from tests.voice.calling import NUMBER
from tests.voice.real_pbx import BOTH, SECRET, Voice

WITHIN_SECONDS = 2.0  # as promised
ANSWERS = "+15550200001"
End = Callable[[Voice, Customer, str], Awaitable[object]]


async def suspend(voice: Voice, who: Customer, phone: str) -> None:
    change = {"status": "suspended"}
    await voice.database.write(sip_accounts.change, who.account_id, phone, change, now())


async def delete(voice: Voice, who: Customer, phone: str) -> None:
    await voice.database.write(sip_accounts.delete, who.account_id, phone, now())


async def suspend_customer(voice: Voice, who: Customer, _: str) -> None:
    await voice.database.write(sip_accounts.set_account_status, who.account_id, "suspended", now())


ENDS: list[tuple[End, str]] = [
    (suspend, "sip_account_suspended"),
    (delete, "sip_account_deleted"),
    (suspend_customer, "account_suspended"),
]


def channels(voice: Voice, phone: str) -> list[str]:
    with voice.pbx.ami() as ami:
        rows = ami.rows("CoreShowChannels", "CoreShowChannelsComplete")
    return [row["Channel"] for row in rows if row["Channel"].startswith(f"PJSIP/{phone}-")]


def attempt(voice: Voice, phone: str) -> tuple[int, int]:
    """Final status of a new REGISTER and of a new INVITE."""
    with voice.pbx.phone(phone, SECRET) as other:
        return other.register(), other.invite(ANSWERS)


async def refused(voice: Voice, phone: str) -> bool:
    return await asyncio.to_thread(voice.pbx.register, phone, SECRET) == 401


async def talking(voice: Voice, who: Customer, phone: SipClient) -> str:
    """Register and call; the id of the call, once it is answered."""
    assert await asyncio.to_thread(phone.register) == 200
    assert await asyncio.to_thread(phone.invite, ANSWERS) == 200
    row = await voice.only_call(who)
    await voice.reached(row["id"], CallStatus.answered)
    return str(row["id"])


async def ends_in_mid_call(voice: Voice, end: End, cause: str) -> tuple[Customer, str]:
    who = await voice.customer()
    (name,) = voice.phones
    with voice.pbx.phone(name, SECRET) as phone:
        call_id = await talking(voice, who, phone)
        await end(voice, who, name)
        began = time.monotonic()
        while await asyncio.to_thread(channels, voice, name) or not await refused(voice, name):
            assert time.monotonic() - began < WITHIN_SECONDS, f"{cause}: it lives on"
        assert await asyncio.to_thread(attempt, voice, name) == (401, 401)
    row = await voice.ended(call_id)
    assert (row["status"], row["hangup_cause"]) == ("completed", cause)
    return who, name


@pytest.mark.parametrize("voice", BOTH, indirect=True)
async def test_refused_and_gone_within_two_seconds(
    voice: Voice, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = request.node.callspec.params["voice"]
    monkeypatch.setenv("SMS_VOIP_DATABASE_URL", request.getfixturevalue(f"{kind}_url"))
    for end, cause in ENDS:
        await ends_in_mid_call(voice, end, cause)
    assert not await voice.database.all("SELECT 1 FROM hold WHERE state = 'held'")


async def test_a_call_without_a_phone_ends_with_its_customer_too(voice: Voice) -> None:
    """A call-back: no SIP account takes part in it."""
    who = await voice.customer()
    first = "+15550200301"
    await voice.database.write(caller_ids.verify, who.account_id, first, "test", now())
    call_id = await voice.place(who, ANSWERS, origin=first)
    assert (await voice.reached(call_id, CallStatus.answered))["sip_account"] is None
    await suspend_customer(voice, who, "")
    began = time.monotonic()
    row = await voice.ended(call_id)
    assert time.monotonic() - began < WITHIN_SECONDS
    assert (row["status"], row["hangup_cause"]) == ("completed", "account_suspended")


async def test_whoever_is_called_by_another_phone_is_cut_off_too(voice: Voice) -> None:
    who = await voice.customer(phones=2)
    caller, called = voice.phones
    with answering(voice, called) as ringing, voice.pbx.phone(caller, SECRET) as phone:
        assert await asyncio.to_thread(phone.register) == 200
        dialled = asyncio.create_task(asyncio.to_thread(phone.invite, called))
        await asyncio.to_thread(ringing.answer)
        assert await dialled == 200
        row = await voice.only_call(who)
        await voice.reached(row["id"], CallStatus.answered)
        await delete(voice, who, called)
        async with asyncio.timeout(WITHIN_SECONDS):
            while await asyncio.to_thread(channels, voice, caller) or not await refused(
                voice, called
            ):
                await asyncio.sleep(0.02)
        assert await asyncio.to_thread(attempt, voice, called) == (401, 401)
    row = await voice.ended(row["id"])
    assert (row["direction"], row["hangup_cause"]) == ("internal", "sip_account_deleted")


async def test_one_that_is_activated_again_registers(voice: Voice) -> None:
    who = await voice.customer()
    (name,) = voice.phones
    for status, answer in (("suspended", 401), ("active", 200)):
        change = {"status": status}
        await voice.database.write(sip_accounts.change, who.account_id, name, change, now())
        await applied(voice, name)
        assert await asyncio.to_thread(voice.pbx.register, name, SECRET) == answer


async def test_a_deleted_one_leaves_nothing_and_its_name_can_be_used(voice: Voice) -> None:
    who = await voice.customer()
    (name,) = voice.phones
    with voice.pbx.phone(name, SECRET) as one, voice.pbx.phone(name, SECRET) as another:
        for phone in (one, another):
            assert await asyncio.to_thread(phone.register) == 200
        assert len(await asyncio.to_thread(traces, voice, name)) == 5
        await delete(voice, who, name)
        while await sip.exists(voice.database, name):
            await asyncio.sleep(0.02)
        assert await asyncio.to_thread(traces, voice, name) == []
    await voice.database.write(
        sip_accounts.create, voice.vault, voice.settings.realm, account_id=who.account_id,
        username=name, secret="another good secret", caller_id=NUMBER, dial_mode="test", now=now(),
    )  # fmt: skip
    await applied(voice, name)
    assert await asyncio.to_thread(voice.pbx.register, name, SECRET) == 401
    assert await asyncio.to_thread(voice.pbx.register, name, "another good secret") == 200


def traces(voice: Voice, name: str) -> list[str]:
    """Keys of AstDB that have the name in them: three of the account, one of each contact."""
    with voice.pbx.ami("provisioning") as ami:
        keys = [row["Key"] for family in ("ps", "registrar")
                for row in ami.rows("DBGetTree", "DBGetTreeComplete", Family=family)]  # fmt: skip
    return [key for key in keys if re.search(rf"/{name}(;|$)", key)]


async def applied(voice: Voice, name: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await sip_nodes.nodes_applied(voice.database, name) != (1, 1):
            await asyncio.sleep(0.02)


@contextmanager
def answering(voice: Voice, name: str) -> Iterator[Softphone]:
    """A registered softphone."""
    phone = Softphone(f"127.0.0.1:{voice.settings.sip_port}", name, SECRET)
    phone.register()
    try:
        yield phone
    finally:
        phone.stop()
