"""The softphone of the demo, on the real PBX: it registers, talks, hears, and says what failed."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from telephony.voice.softphone import RegistrationRefused, Softphone, Talk, free_udp_port, tone
from tests.voice.real_pbx import SECRET, Voice


@asynccontextmanager
async def softphone(voice: Voice, at: int, secret: str = SECRET) -> AsyncIterator[Softphone]:
    phone = Softphone(f"127.0.0.1:{voice.pbx.settings.sip_port}", voice.phones[at], secret)
    try:
        yield phone
    finally:
        await asyncio.to_thread(phone.stop)


async def test_two_phones_hear_each_other_and_the_second_hangs_up(voice: Voice) -> None:
    who = await voice.customer(phones=2)
    async with softphone(voice, 0) as first, softphone(voice, 1) as second:
        for phone in (first, second):
            await asyncio.to_thread(phone.register)
        call_id = await voice.place(who, f"sip:{voice.phones[1]}", origin=voice.phones[0])
        caller: Talk = await asyncio.to_thread(first.answer)
        callee: Talk = await asyncio.to_thread(second.answer)
        await asyncio.gather(*(asyncio.to_thread(one.speak, 1.0) for one in (caller, callee)))
        await asyncio.to_thread(callee.hang_up)
        await asyncio.to_thread(caller.ended)
    row = await voice.ended(call_id)
    assert (row["status"], row["direction"], row["cost"]) == ("completed", "internal", 0)
    for talk in (caller, callee):
        assert talk.heard.loud > 25
        assert talk.heard.packets >= talk.heard.loud


async def test_a_phone_dials_and_hears_its_echo(voice: Voice) -> None:
    who = await voice.customer()
    async with softphone(voice, 0) as phone:
        await asyncio.to_thread(phone.register)
        talk = await asyncio.to_thread(phone.dial, "+15550104711")
        await asyncio.to_thread(talk.speak, 1.0)
        talk.hang_up()
        talk.hang_up()
    row = await voice.ended((await voice.only_call(who))["id"])
    assert (row["status"], row["billsec"], row["cost"]) == ("completed", 1, 12_000)
    assert talk.heard.loud > 25


async def test_silence_is_not_counted_as_sound(voice: Voice) -> None:
    who = await voice.customer()
    async with softphone(voice, 0) as phone:
        await asyncio.to_thread(phone.register)
        talk = await asyncio.to_thread(phone.dial, "+15550104711")
        await asyncio.sleep(0.6)
        talk.hang_up()
    await voice.ended((await voice.only_call(who))["id"])
    assert talk.heard.packets > 10
    assert talk.heard.loud < 5


async def test_a_wrong_secret_is_refused(voice: Voice) -> None:
    await voice.customer()
    async with softphone(voice, 0, "not the secret at all") as phone:
        with pytest.raises(RegistrationRefused, match="refused the user name and secret"):
            await asyncio.to_thread(phone.register)


async def test_a_pbx_that_is_not_there() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        phone = Softphone(f"127.0.0.1:{silent.getsockname()[1]}", "nobody", "a secret")
        try:
            with pytest.raises((TimeoutError, RegistrationRefused)):
                await asyncio.to_thread(phone.register, 0.5)
        finally:
            await asyncio.to_thread(phone.stop)


async def test_nobody_calls_and_nobody_answers(voice: Voice) -> None:
    who = await voice.customer()
    async with softphone(voice, 0) as phone:
        await asyncio.to_thread(phone.register)
        with pytest.raises(TimeoutError, match="no call came"):
            await asyncio.to_thread(phone.answer, 0.2)
        with pytest.raises(TimeoutError, match="the call is"):
            await asyncio.to_thread(phone.dial, "+15550100003", 1)
    row = await voice.only_call(who)
    assert row["status"] != "answered"


def test_a_tone_is_a_sine_of_unsigned_bytes() -> None:
    samples = tone(0.5)
    assert len(samples) == 4000
    assert (min(samples), max(samples)) == (38, 218)
    assert abs(sum(samples) / len(samples) - 128) < 1


def test_a_free_port_can_be_bound() -> None:
    port = free_udp_port("127.0.0.1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tried:
        tried.bind(("127.0.0.1", port))
