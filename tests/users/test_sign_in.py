"""Signing in by password, confirming, and what a session is."""

import asyncio
from typing import Any

import pytest

from db import sessions as stored
from db import users
from db.database import Database
from telephony.clock import now
from telephony.errors import NotFoundError
from telephony.users import passwords, sessions, sign_in
from telephony.users.mails import Post
from telephony.users.password_change import change_password
from telephony.users.passwords import ARGON2
from telephony.users.problems import ConfirmFirstError, SignInRefusedError
from telephony.users.sessions import Member
from telephony.users.sign_in import SecondFactorNeeded, SignedIn, SignIn
from tests.users.world import HOUR, MINUTE, ORIGIN, PASSWORD, People, codes

ADA = "ada@example.com"


async def signed_in(gate: SignIn, email: str = ADA, password: str = PASSWORD) -> SignedIn:
    found = await gate.by_password(email, password, ORIGIN, "", now())
    assert isinstance(found, SignedIn)
    return found


async def test_a_password_signs_in(database: Database, people: People, gate: SignIn) -> None:
    owner = await people.owner(ADA)
    found = await signed_in(gate, " Ada@EXAMPLE.com ")
    member = await people.member(found.token)
    assert (member.user_id, member.account_id, member.role) == (
        owner.user_id, owner.account_id, "owner",
    )  # fmt: skip
    assert member.session_id != owner.session_id
    assert found.token not in str(await database.all("SELECT * FROM session"))
    row = (await sessions.listed(database, owner.user_id, now()))[0]
    assert (row["address"], row["user_agent"], row["how"]) == (
        ORIGIN.address, ORIGIN.user_agent, "password",
    )  # fmt: skip


async def test_the_refusal_does_not_tell_who_is_known(
    database: Database, people: People, gate: SignIn
) -> None:
    await people.owner(ADA)
    said = set()
    for email, password in ((ADA, "wrong password"), ("eve@example.com", PASSWORD)):
        with pytest.raises(SignInRefusedError) as caught:
            await signed_in(gate, email, password)
        said.add(caught.value.detail)
    assert len(said) == 1
    assert (await people.acts())[-1] == "user.sign_in_refused"


async def test_an_unknown_email_costs_a_hash_too(
    people: People, gate: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    same = passwords._same

    def watched(stored: str, password: str) -> bool:
        verified.append(password)
        return same(stored, password)

    monkeypatch.setattr(passwords, "_same", watched)
    with pytest.raises(SignInRefusedError):
        await signed_in(gate, "eve@example.com", "some password")
    assert verified == ["some password"]


@pytest.mark.parametrize("change", [{"disabled_at": 1}, {"verified_at": None}])
async def test_who_may_not_sign_in_is_refused_and_put_out(
    database: Database, people: People, gate: SignIn, change: dict[str, Any]
) -> None:
    member = await people.owner(ADA)
    token = await people.token(member.user_id)
    await database.write(users.change, member.user_id, **change)
    with pytest.raises(SignInRefusedError):
        await signed_in(gate)
    if "disabled_at" in change:
        assert await sessions.member(database, token, "", now()) is None


async def test_a_hash_of_other_cost_is_renewed(
    database: Database, people: People, gate: SignIn
) -> None:
    member = await people.owner(ADA)
    cheap = ARGON2.__class__(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    await database.write(users.change, member.user_id, password_argon2=cheap)
    await signed_in(gate)
    stored = (await people.user(ADA))["password_argon2"]
    assert "m=19456,t=2,p=1" in stored
    await signed_in(gate)


async def test_a_session_ends_when_idle_and_when_old(database: Database, people: People) -> None:
    member = await people.owner(ADA)
    start = now()
    token = await people.token(member.user_id, start)
    assert await sessions.member(database, token, "", start + 11 * HOUR)
    assert await sessions.member(database, token, "", start + 13 * HOUR) is None
    session_id = (await people.member(token, start)).session_id
    for half_day in range(1, 28):
        at = start + half_day * (12 * HOUR - MINUTE)
        assert await sessions.member(database, token, "", at)
        await database.write(stored.touch, session_id, at, "203.0.113.5")
    assert await sessions.member(database, token, "", start + 14 * 24 * HOUR) is None


async def test_use_is_noted_once_a_minute(people: People) -> None:
    member = await people.owner(ADA)
    assert not member.seen_is_news(member.last_seen_at + MINUTE - 1)
    assert member.seen_is_news(member.last_seen_at + MINUTE)


async def test_sessions_are_ended_by_their_user_alone(database: Database, people: People) -> None:
    ada, eve = await people.owner(ADA), await people.owner("eve@example.com")
    elsewhere = await people.token(ada.user_id)
    there = await people.member(elsewhere)
    with pytest.raises(NotFoundError):
        await database.write(sessions.end, eve, there.session_id, now())
    await database.write(sessions.end, ada, there.session_id, now())
    assert await sessions.member(database, elsewhere, "", now()) is None
    await people.token(ada.user_id)
    assert await database.write(sessions.end_others, ada, now()) == 1
    (left,) = await sessions.listed(database, ada.user_id, now())
    assert left["id"] == ada.session_id
    await database.write(sessions.end, ada, ada.session_id, now())
    assert await sessions.listed(database, ada.user_id, now()) == []
    assert await sessions.listed(database, eve.user_id, now())
    acts = [act for act in await people.acts() if act not in ("account.opened", "user.signed_in")]
    assert acts == ["session.ended", "session.others_ended", "user.signed_out"]


async def late(people: People, member: Member) -> Member:
    """The same member in a session in which the last proof is old."""
    old = now() - 11 * MINUTE
    return await people.member(await people.token(member.user_id, old))


async def test_a_confirmation_is_needed_again_after_a_while(
    database: Database, people: People, gate: SignIn
) -> None:
    member = await late(people, await people.owner(ADA))
    with pytest.raises(ConfirmFirstError):
        member.must_be_confirmed(now())
    with pytest.raises(SignInRefusedError):
        await gate.confirm(member, "wrong", now())
    token = await gate.confirm(member, PASSWORD, now())
    again = await people.member(token)
    again.must_be_confirmed(now())
    assert again.session_id == member.session_id
    assert (await people.acts())[-1] == "user.confirmed"


async def test_a_confirmation_gives_the_session_another_token(
    database: Database, people: People, gate: SignIn
) -> None:
    owner = await people.owner(ADA)
    before = await people.token(owner.user_id)
    after = await gate.confirm(await people.member(before), PASSWORD, now())
    assert await sessions.member(database, before, "", now()) is None
    assert await sessions.member(database, after, "", now())


async def test_a_new_password_ends_the_other_sessions(
    database: Database, people: People, gate: SignIn
) -> None:
    owner = await people.owner(ADA)
    here, there = await people.token(owner.user_id), await people.token(owner.user_id)
    new_hash = ARGON2.hash("a wholly different password")
    post: Post = people.post
    member = await people.member(here)
    token = await database.write(change_password, post, member, new_hash, now())
    assert await sessions.member(database, here, "", now()) is None
    assert await sessions.member(database, there, "", now()) is None
    assert (await people.member(token)).session_id == member.session_id
    await signed_in(gate, password="a wholly different password")
    with pytest.raises(SignInRefusedError):
        await signed_in(gate)
    old = await late(people, owner)
    with pytest.raises(ConfirmFirstError):
        await database.write(change_password, post, old, new_hash, now())


async def test_many_sign_in_at_once(people: People, gate: SignIn) -> None:
    await people.owner(ADA)
    found = await asyncio.gather(*(signed_in(gate) for _ in range(5)))
    assert len({one.token for one in found}) == 5


async def test_an_administrator_needs_no_account(people: People, gate: SignIn) -> None:
    admin = await people.admin()
    waiting = await gate.by_password(admin.email, PASSWORD, ORIGIN, "", now())
    assert isinstance(waiting, SecondFactorNeeded)
    found = await gate.by_code(waiting.token, codes()[0], ORIGIN, now())
    member = await people.member(found.token)
    assert (member.platform_role, member.account_id, member.role) == ("admin", "", "")


async def test_entering_another_account_needs_a_membership(
    database: Database, people: People
) -> None:
    ada, eve = await people.owner(ADA), await people.owner("eve@example.com", "Other")
    with pytest.raises(NotFoundError):
        await database.write(sessions.enter, ada, eve.account_id, now())
    await database.write(users.join, ada.user_id, eve.account_id, "billing", now())
    token = await database.write(sessions.enter, ada, eve.account_id, now())
    member = await people.member(token)
    assert (member.account, member.role) == ("Other", "billing")
    assert [row["name"] for row in await users.accounts_of(database, ada.user_id)] == [
        "Engines", "Other",
    ]  # fmt: skip


def test_only_those_who_proved_their_address_may_sign_in() -> None:
    assert sign_in.may_sign_in({"disabled_at": None, "verified_at": 1})
