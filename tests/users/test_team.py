"""Who works in an account: inviting, roles, leaving; the last owner stays."""

import asyncio

import pytest

from db import one_use_tokens, sessions, users
from db.database import Database
from telephony.clock import now
from telephony.errors import NotFoundError, ValidationFailedError
from telephony.users import team
from telephony.users.problems import (
    AlreadyMemberError,
    ConfirmFirstError,
    LastOwnerError,
    LinkUsedError,
    RoleMissingError,
)
from telephony.users.roles import RIGHTS, Right
from telephony.users.sessions import Member
from tests.users.world import HASH, MINUTE, ORIGIN, People

BOB = "bob@example.com"


async def invited(people: People, owner: Member, role: str = "developer", email: str = BOB) -> str:
    """The token of an invitation."""
    await people.database.write(team.invite, people.post, owner, email, role, now())
    return await people.mailed_token()


async def test_an_invitation_makes_a_new_user_a_member(database: Database, people: People) -> None:
    owner = await people.owner()
    token = await invited(people, owner, "billing", " Bob@Example.com ")
    (shown,) = await one_use_tokens.invitations(database, owner.account_id, now())
    assert (shown["email"], shown["role"]) == (BOB, "billing")
    assert "sha256" not in shown
    *_, (recipient, subject, body) = await people.mails()
    assert recipient == BOB
    assert owner.account in subject
    assert owner.email in body
    user, account_id = await database.write(
        team.accept_new, token, "Bob", HASH, ORIGIN.address, now()
    )
    assert account_id == owner.account_id
    bob = await people.enter(user["id"])
    assert (bob.account_id, bob.role) == (owner.account_id, "billing")
    with pytest.raises(LinkUsedError):
        await database.write(team.accept_new, token, "Bob", HASH, "", now())
    assert await one_use_tokens.invitations(database, owner.account_id, now()) == []
    assert [row["email"] for row in await users.members(database, owner.account_id)] == [
        owner.email, BOB,
    ]  # fmt: skip
    assert (await people.acts())[-3:] == ["member.invited", "member.joined", "user.signed_in"]


async def test_somebody_who_has_a_user_joins_with_it(database: Database, people: People) -> None:
    owner, bob = await people.owner(), await people.owner(BOB, "Bob's")
    token = await invited(people, owner)
    eve = await people.owner("eve@example.com", "Eve's")
    with pytest.raises(RoleMissingError):
        await database.write(team.accept, eve, token, now())
    session = await database.write(team.accept, bob, token, now())
    member = await people.member(session)
    assert (member.account_id, member.role) == (owner.account_id, "developer")
    assert len(await users.accounts_of(database, bob.user_id)) == 2


async def test_the_same_person_is_invited_once(database: Database, people: People) -> None:
    owner = await people.owner()
    first = await invited(people, owner)
    second = await invited(people, owner, "read_only")
    with pytest.raises(LinkUsedError):
        await database.write(team.accept_new, first, "Bob", HASH, "", now())
    await database.write(team.accept_new, second, "Bob", HASH, "", now())
    with pytest.raises(AlreadyMemberError):
        await invited(people, owner)


async def test_an_invitation_is_taken_back_by_its_account_alone(
    database: Database, people: People
) -> None:
    owner, eve = await people.owner(), await people.owner("eve@example.com")
    token = await invited(people, owner)
    (row,) = await one_use_tokens.invitations(database, owner.account_id, now())
    with pytest.raises(NotFoundError):
        await database.write(team.take_back, eve, row["id"], now())
    await database.write(team.take_back, owner, row["id"], now())
    with pytest.raises(LinkUsedError):
        await database.write(team.accept_new, token, "Bob", HASH, "", now())


@pytest.mark.parametrize("role", ["developer", "billing", "read_only"])
async def test_only_owners_manage_the_team(database: Database, people: People, role: str) -> None:
    owner = await people.owner()
    other = await people.colleague(owner, role, BOB)
    for deed in (
        lambda conn: team.invite(conn, people.post, other, "x@example.com", "owner", now()),
        lambda conn: team.change_role(conn, other, other.user_id, "owner", now()),
        lambda conn: team.change_role(conn, other, owner.user_id, "read_only", now()),
        lambda conn: team.remove(conn, other, owner.user_id, now()),
        lambda conn: team.take_back(conn, other, "tok_1", now()),
    ):
        with pytest.raises(RoleMissingError):
            await database.write(deed)
    assert {row["role"] for row in await users.members(database, owner.account_id)} == {
        "owner", role,
    }  # fmt: skip


async def test_another_accounts_people_are_out_of_reach(database: Database, people: People) -> None:
    owner, eve = await people.owner(), await people.owner("eve@example.com")
    with pytest.raises(NotFoundError):
        await database.write(team.change_role, eve, owner.user_id, "read_only", now())
    with pytest.raises(NotFoundError):
        await database.write(team.remove, eve, owner.user_id, now())


async def test_managing_needs_a_confirmation(database: Database, people: People) -> None:
    owner = await people.owner()
    bob = await people.colleague(owner, "billing", BOB)
    stale = await people.enter(owner.user_id, now() - 11 * MINUTE)
    with pytest.raises(ConfirmFirstError):
        await invited(people, stale, email="x@example.com")
    with pytest.raises(ConfirmFirstError):
        await database.write(team.change_role, stale, bob.user_id, "owner", now())
    with pytest.raises(ConfirmFirstError):
        await database.write(team.remove, stale, bob.user_id, now())


async def test_a_changed_role_ends_the_sessions_of_the_one_who_has_it(
    database: Database, people: People
) -> None:
    owner = await people.owner()
    bob = await people.colleague(owner, "developer", BOB)
    await database.write(team.change_role, owner, bob.user_id, "billing", now())
    assert await database.write(sessions.by_id, bob.session_id) is None
    assert await database.write(sessions.by_id, owner.session_id)
    assert (await people.enter(bob.user_id)).role == "billing"
    entry = await database.one("SELECT * FROM audit_log WHERE action = 'member.role_changed'")
    assert entry is not None
    assert (entry["before"], entry["after"]) == ('{"role": "developer"}', '{"role": "billing"}')
    with pytest.raises(ValidationFailedError):
        await database.write(team.change_role, owner, bob.user_id, "emperor", now())


async def test_the_last_owner_stays(database: Database, people: People) -> None:
    owner = await people.owner()
    with pytest.raises(LastOwnerError):
        await database.write(team.remove, owner, owner.user_id, now())
    with pytest.raises(LastOwnerError):
        await database.write(team.change_role, owner, owner.user_id, "billing", now())
    bob = await people.colleague(owner, "owner", BOB)
    await database.write(team.remove, owner, owner.user_id, now())
    (left,) = await users.members(database, owner.account_id)
    assert left["id"] == bob.user_id
    assert await database.write(sessions.by_id, owner.session_id) is None


async def test_of_two_owners_who_leave_at_once_one_stays(
    database: Database, people: People
) -> None:
    for round_ in range(5):
        one = await people.owner(f"one{round_}@example.com")
        two = await people.colleague(one, "owner", f"two{round_}@example.com")
        found = await asyncio.gather(
            database.write(team.remove, one, one.user_id, now()),
            database.write(team.remove, two, two.user_id, now()),
            return_exceptions=True,
        )
        assert [type(one) for one in found if one is not None] == [LastOwnerError]
        assert len(await users.members(database, one.account_id)) == 1


async def test_anybody_may_leave(database: Database, people: People) -> None:
    owner = await people.owner()
    bob = await people.colleague(owner, "read_only", BOB)
    await database.write(team.remove, bob, bob.user_id, now())
    assert (await people.enter(bob.user_id)).account_id == ""


def test_each_role_has_its_rights() -> None:
    assert RIGHTS["owner"] == frozenset(Right)
    assert all(Right.look in rights for rights in RIGHTS.values())
    assert {role for role, rights in RIGHTS.items() if Right.manage in rights} == {"owner"}
    assert {role for role, rights in RIGHTS.items() if Right.pay in rights} == {
        "owner", "billing",
    }  # fmt: skip
    assert set(RIGHTS) == set(users.ROLES)
