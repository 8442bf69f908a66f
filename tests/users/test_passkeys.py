"""Passkeys, with an authenticator in software; tests/web has one in a real browser."""

import json

import pytest

from db import credentials
from db.database import Database
from telephony.clock import now
from telephony.settings import Settings
from telephony.users import passkeys
from telephony.users.passkeys import Site
from telephony.users.problems import ConfirmFirstError, LinkUsedError, PasskeyRefusedError
from telephony.users.sessions import Member
from telephony.users.sign_in import SignedIn
from tests.users.authenticator import PRESENT, Authenticator
from tests.users.world import MINUTE, ORIGIN, People

SITE = Site("sms-voip.example", "https://sms-voip.example")


async def add(people: People, member: Member, device: Authenticator, name: str = "Phone") -> None:
    held = await credentials.passkeys(people.database, member.user_id)
    options = await people.database.write(passkeys.add_options, SITE, member, held, now())
    answer = device.create(options)
    await people.database.write(passkeys.add, people.post, SITE, member, name, answer, now())


async def use(people: People, device: Authenticator) -> SignedIn:
    options = await people.database.write(passkeys.use_options, SITE, now())
    return await people.database.write(
        passkeys.sign_in, people.post, SITE, device.get(options), ORIGIN, now()
    )


async def test_a_passkey_signs_in(database: Database, people: People) -> None:
    member = await people.owner()
    device = Authenticator(SITE.origin)
    await add(people, member, device)
    (row,) = await credentials.passkeys(database, member.user_id)
    assert (row["name"], row["last_used_at"]) == ("Phone", None)
    found = await people.member((await use(people, device)).token)
    assert found.user_id == member.user_id
    (row,) = await credentials.passkeys(database, member.user_id)
    assert row["last_used_at"]
    *_, (recipient, _, body) = await people.mails()
    assert recipient == member.email
    assert "A passkey was added: Phone." in body
    assert "passkey.added" in await people.acts()


async def test_an_answer_is_taken_once(database: Database, people: People) -> None:
    member = await people.owner()
    device = Authenticator(SITE.origin)
    await add(people, member, device)
    options = await database.write(passkeys.use_options, SITE, now())
    answer = device.get(options)
    args = (people.post, SITE, answer, ORIGIN, now())
    await database.write(passkeys.sign_in, *args)
    with pytest.raises(LinkUsedError):
        await database.write(passkeys.sign_in, *args)


async def test_other_devices_and_other_sites_are_refused(
    database: Database, people: People
) -> None:
    member = await people.owner()
    device = Authenticator(SITE.origin)
    await add(people, member, device)
    thief = Authenticator(SITE.origin)
    thief.id = device.id
    for wrong in (thief, Authenticator(SITE.origin)):
        with pytest.raises(PasskeyRefusedError):
            await use(people, wrong)
    device.origin = "https://sms-voip.example.evil.test"
    with pytest.raises(PasskeyRefusedError):
        await use(people, device)
    device.origin, device.flags = SITE.origin, PRESENT
    with pytest.raises(PasskeyRefusedError):  # the device did not ask who holds it
        await use(people, device)
    with pytest.raises(PasskeyRefusedError):
        await add(people, member, Authenticator("https://evil.test"))
    assert len(await credentials.passkeys(database, member.user_id)) == 1


async def test_a_copied_device_is_noticed_by_its_counter(
    database: Database, people: People
) -> None:
    device = Authenticator(SITE.origin)
    await add(people, await people.owner(), device)
    for _ in range(3):
        await use(people, device)
    device.count = 1
    with pytest.raises(PasskeyRefusedError):
        await use(people, device)


async def test_many_devices_never_count(people: People) -> None:
    device = Authenticator(SITE.origin)
    await add(people, await people.owner(), device)
    for _ in range(2):
        device.count = -1
        await use(people, device)


async def test_disabled_people_are_refused(database: Database, people: People) -> None:
    device = Authenticator(SITE.origin)
    await add(people, await people.owner(), device)
    await database.write(lambda conn: conn.run('UPDATE "user" SET disabled_at = 1'))
    with pytest.raises(PasskeyRefusedError):
        await use(people, device)


async def test_a_passkey_confirms_its_own_user_alone(database: Database, people: People) -> None:
    ada, eve = await people.owner(), await people.owner("eve@example.com")
    device = Authenticator(SITE.origin)
    await add(people, ada, device)
    stale = await people.enter(ada.user_id, now() - 11 * MINUTE)
    options = await database.write(passkeys.use_options, SITE, now())
    token = await database.write(passkeys.confirm, SITE, stale, device.get(options), now())
    assert (await people.member(token)).confirmed(now())
    options = await database.write(passkeys.use_options, SITE, now())
    with pytest.raises(PasskeyRefusedError):
        await database.write(passkeys.confirm, SITE, eve, device.get(options), now())


async def test_adding_and_removing_need_a_confirmation(database: Database, people: People) -> None:
    member = await people.owner()
    stale = await people.enter(member.user_id, now() - 11 * MINUTE)
    device = Authenticator(SITE.origin)
    with pytest.raises(ConfirmFirstError):
        await add(people, stale, device)
    await add(people, member, device)
    (row,) = await credentials.passkeys(database, member.user_id)
    with pytest.raises(ConfirmFirstError):
        await database.write(passkeys.remove, people.post, stale, row["id"], now())
    eve = await people.owner("eve@example.com")
    await database.write(passkeys.remove, people.post, eve, row["id"], now())
    assert len(await credentials.passkeys(database, member.user_id)) == 1
    await database.write(passkeys.remove, people.post, member, row["id"], now())
    with pytest.raises(PasskeyRefusedError):
        await use(people, device)


async def test_a_device_is_registered_once_and_by_whom_it_was_asked(
    database: Database, people: People
) -> None:
    ada, eve = await people.owner(), await people.owner("eve@example.com")
    device = Authenticator(SITE.origin)
    options = await database.write(passkeys.add_options, SITE, ada, [], now())
    answer = device.create(options)
    with pytest.raises(PasskeyRefusedError):
        await database.write(passkeys.add, people.post, SITE, eve, "Mine", answer, now())
    await add(people, ada, device)
    with pytest.raises(PasskeyRefusedError):
        await add(people, eve, device)
    held = await credentials.passkeys(database, ada.user_id)
    told = json.loads(await database.write(passkeys.add_options, SITE, ada, held, now()))
    assert [one["id"] for one in told["excludeCredentials"]] == [held[0]["id"]]
    assert told["authenticatorSelection"]["userVerification"] == "required"


@pytest.mark.parametrize(
    "answer",
    ["", "x", "[]", "null", "{}", '{"response": 1}', '{"response": {"clientDataJSON": "e30"}}',
     '{"response": {"clientDataJSON": "%%%"}}', '{"response": {"clientDataJSON": "W10"}}',
     "[" * 10_000, '{"a": "' + "x" * 30_000 + '"}'],
)  # fmt: skip
async def test_garbage_is_refused(database: Database, people: People, answer: str) -> None:
    for deed in (lambda conn: passkeys.sign_in(conn, people.post, SITE, answer, ORIGIN, now()),):
        with pytest.raises((PasskeyRefusedError, LinkUsedError)):
            await database.write(deed)


def test_the_site_is_the_public_one_or_localhost() -> None:
    assert Site.of(Settings(public_url="https://sms.example.com:8443/")) == Site(
        "sms.example.com", "https://sms.example.com:8443"
    )
    assert Site.of(Settings(public_url="http://[::1]:8123")).host == "localhost"
    assert Site.of(Settings(public_url="http://192.0.2.7")).host == "192.0.2.7"
    assert Site.of(Settings(public_url="", http_port=8123)) == Site(
        "localhost", "http://localhost:8123"
    )
