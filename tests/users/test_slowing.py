"""Guessing is slowed down, and locks nobody out."""

import asyncio

import pytest

from db.database import Database
from telephony.clock import SECOND, now
from telephony.secrets import Vault
from telephony.users import slowing
from telephony.users.problems import SignInRefusedError, SlowDownError
from telephony.users.sessions import Origin
from telephony.users.sign_in import SignedIn, SignIn
from tests.users.world import MINUTE, ORIGIN, PASSWORD, People

ADA = "ada@example.com"
WRONG = "a wrong password"


async def fail(database: Database, vault: Vault, times: int, address: str, email: str) -> None:
    who = slowing.subjects(vault, address, email)
    for _ in range(times):
        await database.write(slowing.failed, who, now())


async def test_an_address_that_fails_too_often_is_refused_for_a_while(
    database: Database, people: People, gate: SignIn
) -> None:
    await people.owner(ADA)
    for at in range(slowing.ADDRESS_FAILURES_MAX):
        await fail(database, people.vault, 1, ORIGIN.address, f"guess{at}@example.com")
    with pytest.raises(SlowDownError) as caught:
        await gate.by_password(ADA, PASSWORD, ORIGIN, "", now())
    assert 0 < (caught.value.retry_after_seconds or 0) <= slowing.WINDOW_SECONDS
    elsewhere = Origin("203.0.113.9", "")
    assert await gate.by_password(ADA, PASSWORD, elsewhere, "", now())
    later = now() + slowing.WINDOW_SECONDS * SECOND + MINUTE
    assert await gate.by_password(ADA, PASSWORD, ORIGIN, "", later)


async def test_an_email_that_is_guessed_at_is_answered_late_and_still_answered(
    database: Database, people: People, gate: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    await people.owner(ADA)
    for at in range(100):
        await fail(database, people.vault, 1, f"203.0.113.{at}", ADA)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    found = await gate.by_password(ADA, PASSWORD, ORIGIN, "", now())
    assert isinstance(found, SignedIn)
    assert waited == [slowing.DELAY_SECONDS_MAX]
    await gate.by_password(ADA, PASSWORD, ORIGIN, "", now())
    assert len(waited) == 1  # the right password has ended it


async def test_the_delay_grows(database: Database, people: People) -> None:
    who = slowing.subjects(people.vault, ORIGIN.address, ADA)
    found = []
    for at in range(10):
        found.append(await slowing.delay(database, who, now()))
        await fail(database, people.vault, 1, f"203.0.113.{at}", ADA)
    assert found == [0, 0, 0, 0, 0, 1, 2, 4, 8, 8]


async def test_a_browser_that_is_known_is_spared(
    database: Database, people: People, gate: SignIn
) -> None:
    await people.owner(ADA)
    found = await gate.by_password(ADA, PASSWORD, ORIGIN, "", now())
    assert isinstance(found, SignedIn)
    await fail(database, people.vault, slowing.ADDRESS_FAILURES_MAX, ORIGIN.address, ADA)
    assert await gate.by_password(ADA, PASSWORD, ORIGIN, found.known, now())
    with pytest.raises(SlowDownError):
        await gate.by_password("eve@example.com", WRONG, ORIGIN, found.known, now())
    await database.write(lambda conn: conn.run('UPDATE "user" SET password_argon2 = :h',
                                               h="changed"))  # fmt: skip
    with pytest.raises(SlowDownError):
        await gate.by_password(ADA, PASSWORD, ORIGIN, found.known, now())


async def test_what_a_browser_shows_must_be_ours_and_fresh(people: People) -> None:
    await people.owner(ADA)
    user, vault = await people.user(ADA), people.vault
    shown = slowing.known_browser(vault, user, now())
    assert slowing.is_known(vault, user, shown, now())
    assert not slowing.is_known(vault, user, shown, now() + (slowing.KNOWN_SECONDS + 1) * SECOND)
    user_id, at, proof = shown.split(".")
    for forged in ("", "..", "é.é.é", f"{user_id}.{int(at) + 1}.{proof}", f"{user_id}.{at}.0",
                   f"{user_id}.x.{proof}", f"{user_id}.²5.{proof}"):  # fmt: skip
        assert not slowing.is_known(vault, user, forged, now())
    assert not slowing.is_known(vault, None, shown, now())


async def test_wrong_passwords_count_in_both_ways(
    database: Database, people: People, gate: SignIn
) -> None:
    await people.owner(ADA)
    for _ in range(2):
        with pytest.raises(SignInRefusedError):
            await gate.by_password(ADA, WRONG, ORIGIN, "", now())
    rows = await database.all("SELECT failures FROM sign_in_failure")
    assert [row["failures"] for row in rows] == [2, 2]
    assert ADA not in str(await database.all("SELECT * FROM sign_in_failure"))
    await gate.by_password(ADA, PASSWORD, ORIGIN, "", now())
    rows = await database.all("SELECT failures FROM sign_in_failure")
    assert [row["failures"] for row in rows] == [2]  # the address keeps its own


async def test_a_flood_of_failures_does_not_fill_the_audit_log(
    database: Database, people: People, gate: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    await people.owner(ADA)
    monkeypatch.setattr(slowing, "DELAY_SECONDS_MAX", 0.0)
    for _ in range(8):
        with pytest.raises(SignInRefusedError):
            await gate.by_password(ADA, WRONG, ORIGIN, "", now())
    assert (await people.acts()).count("user.sign_in_refused") == 2


async def test_failures_are_forgotten_after_a_while(database: Database, people: People) -> None:
    who = slowing.subjects(people.vault, ORIGIN.address, ADA)
    long_ago = now() - slowing.WINDOW_SECONDS * SECOND - MINUTE
    for _ in range(30):
        await database.write(slowing.failed, who, long_ago)
    assert await slowing.delay(database, who, now()) == 0
    assert await database.write(slowing.failed, who, now()) == 1


async def test_only_so_many_wait_at_once(
    database: Database, people: People, gate: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    await people.owner(ADA)
    monkeypatch.setattr("telephony.users.sign_in.DELAYED_MAX", 0)
    for at in range(10):
        await fail(database, people.vault, 1, f"203.0.113.{at}", ADA)
    with pytest.raises(SlowDownError):
        await gate.by_password(ADA, PASSWORD, ORIGIN, "", now())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "unknown", False),
    ],
)
def test_ipv6_counts_by_customer(vault: Vault, one: str, other: str, same: bool) -> None:
    first, second = slowing.subjects(vault, one, ""), slowing.subjects(vault, other, "")
    assert (first.address == second.address) is same
