"""Which phones are registered, as a real Asterisk tells it, and the event of every change."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest

from db import sip
from telephony.clock import SECOND, now
from telephony.voice import registrations, sip_accounts
from telephony.voice.ami import DBDel
from tests.factories import Customer
from tests.voice.real_pbx import BOTH, SECRET, Voice

PATIENCE_SECONDS = 15


async def until(check: Callable[[dict[str, Any]], bool], voice: Voice, who: Customer) -> Any:
    """The account's only phone, as the API shows it, once it fits."""
    (name,) = voice.phones
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            row = await sip.find(voice.database, who.account_id, name)
            assert row
            (state,) = await sip.with_state(voice.database, [row])
            if check(state):
                return state
            await asyncio.sleep(0.02)


def contacts(count: int) -> Callable[[dict[str, Any]], bool]:
    return lambda state: len(state["contacts"]) == count


async def told(voice: Voice, who: Customer) -> list[dict[str, Any]]:
    """The events of the customer's phones, in order."""
    rows = await voice.database.all(
        "SELECT payload FROM event WHERE account_id = :id AND type = 'sip_registration'"
        " ORDER BY id", id=who.account_id,
    )  # fmt: skip
    return [json.loads(row["payload"]) for row in rows]


@pytest.mark.parametrize("voice", BOTH, indirect=True)
async def test_a_phone_comes_stays_and_goes(voice: Voice) -> None:
    who = await voice.customer()
    (name,) = voice.phones
    before = now()
    with voice.pbx.phone(name, SECRET) as one, voice.pbx.phone(name, SECRET) as another:
        assert await asyncio.to_thread(one.register, 120) == 200
        (contact,) = (await until(contacts(1), voice, who))["contacts"]
        assert (contact["node"], contact["address"]) == ("pbx1", one.address)
        assert contact["uri"].startswith(f"sip:{name}@{one.address}")
        assert before <= contact["registered_at"] <= now()
        assert 100 * SECOND < contact["expires_at"] - before < 140 * SECOND
        assert await asyncio.to_thread(one.register, 300) == 200
        later = await until(lambda state: expiry(state) > contact["expires_at"], voice, who)
        assert later["contacts"][0]["registered_at"] == contact["registered_at"]
        assert await asyncio.to_thread(another.register) == 200
        await until(contacts(2), voice, who)
        assert await asyncio.to_thread(one.register, 0) == 200
        await until(contacts(1), voice, who)
        assert [event["registered"] for event in await told(voice, who)] == [True]
        assert await asyncio.to_thread(another.register, 0) == 200
        await until(contacts(0), voice, who)
    events = await told(voice, who)
    assert [(event["sip_account"], event["registered"]) for event in events] == [
        (name, True), (name, False),
    ]  # fmt: skip
    assert [event["address"] for event in events] == [one.address, another.address]


def expiry(state: dict[str, Any]) -> int:
    return max((int(each["expires_at"]) for each in state["contacts"]), default=0)


async def test_it_can_come_and_go_again_and_again(voice: Voice) -> None:
    who = await voice.customer()
    (name,) = voice.phones
    with voice.pbx.phone(name, SECRET) as phone:
        for _ in range(3):
            for expires, count in ((120, 1), (0, 0)):
                assert await asyncio.to_thread(phone.register, expires) == 200
                await until(contacts(count), voice, who)
    assert [event["registered"] for event in await told(voice, who)] == [True, False] * 3


async def test_one_that_falls_silent_expires(voice: Voice) -> None:
    """Asterisk says nothing of it; the noted end of the registration is what is gone by."""
    who = await voice.customer()
    (name,) = voice.phones
    with voice.pbx.phone(name, SECRET) as phone:
        assert await asyncio.to_thread(phone.register) == 200
        (contact,) = (await until(contacts(1), voice, who))["contacts"]
    key = contact["uri"]
    await asyncio.to_thread(forget, voice, name, key)
    await voice.database.write(
        lambda conn: conn.run("UPDATE sip_contact SET expires_at = :at", at=now() - SECOND)
    )
    await until(contacts(0), voice, who)
    assert [event["registered"] for event in await told(voice, who)] == [True, False]


def forget(voice: Voice, name: str, uri: str) -> None:
    """What Asterisk does when a registration is over."""
    with voice.pbx.ami("provisioning") as ami:
        for row in ami.rows("DBGetTree", "DBGetTreeComplete", Family="registrar/contact"):
            if f"/{name};@" in row["Key"] and uri in row["Val"]:
                key = row["Key"].removeprefix("/registrar/contact/")
                ami.send(DBDel.name, Family="registrar/contact", Key=key)


@pytest.fixture
def often() -> Iterator[None]:
    """Compares twice a second; come before the worker starts."""
    with patch.object(registrations, "COMPARE_SECONDS", 0.5):
        yield


async def test_what_nobody_told_is_found_by_comparing(often: None, voice: Voice) -> None:
    who = await voice.customer()
    (name,) = voice.phones
    with (
        patch.object(registrations.Registrations, "look_at", lambda *_: None),
        voice.pbx.phone(name, SECRET) as phone,
    ):
        assert await asyncio.to_thread(phone.register) == 200
        (contact,) = (await until(contacts(1), voice, who))["contacts"]
        await asyncio.to_thread(forget, voice, name, contact["uri"])
        await until(contacts(0), voice, who)
    assert [event["registered"] for event in await told(voice, who)] == [True, False]


async def test_a_suspended_one_is_registered_no_more(voice: Voice) -> None:
    who = await voice.customer()
    (name,) = voice.phones
    with voice.pbx.phone(name, SECRET) as phone:
        assert await asyncio.to_thread(phone.register) == 200
        await until(contacts(1), voice, who)
        change = {"status": "suspended"}
        await voice.database.write(sip_accounts.change, who.account_id, name, change, now())
        await until(contacts(0), voice, who)
    assert [event["registered"] for event in await told(voice, who)] == [True, False]
