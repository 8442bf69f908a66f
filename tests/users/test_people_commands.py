"""People by command: administrators are made and unmade, kept out and let in again."""

import asyncio

import pytest

from db import sessions, users
from db.database import Database
from telephony.audit import Actor
from telephony.clock import now
from telephony.errors import NotFoundError, ValidationFailedError
from telephony.users import people as deeds
from telephony.users import register, tokens
from telephony.users.problems import LinkUsedError, SignInRefusedError
from telephony.users.sign_in import SignedIn, SignIn
from tests.money.test_commands import Run, run
from tests.users.world import HASH, ORIGIN, PASSWORD, People

__all__ = ["run"]

OPERATOR = Actor("cli:root", "cli:root")
ADA, NEW = "ada@example.com", "new@example.com"


async def test_an_administrator_is_made_with_a_link_that_sets_the_password(
    database: Database, people: People
) -> None:
    token = await database.write(
        deeds.set_platform_role, OPERATOR, " New@Example.com ", "admin", "Neo", now()
    )
    assert token is not None
    row = await people.user(NEW)
    assert (row["name"], row["platform_role"], row["verified_at"] is not None) == (
        "Neo", "admin", True,
    )  # fmt: skip
    await database.write(register.reset, people.post, token, HASH, "", now())
    member = await people.enter(row["id"])
    assert (member.roles, member.withheld) == (
        frozenset({"user"}), frozenset({"platform_admin"}),
    )  # fmt: skip


async def test_a_role_that_changes_ends_sessions(database: Database, people: People) -> None:
    owner = await people.owner(ADA)
    for role, kept in (("support", ""), ("support", owner.session_id), ("none", "")):
        if kept:
            owner = await people.enter(owner.user_id)
        token = await database.write(deeds.set_platform_role, OPERATOR, ADA, role, "", now())
        assert token is None
        row = await database.write(sessions.by_id, owner.session_id)
        assert (row is not None) == bool(kept), role
    assert (await people.user(ADA))["platform_role"] == ""
    for email, role in ((ADA, "emperor"), ("nobody@example.com", "none")):
        with pytest.raises((ValidationFailedError, NotFoundError)):
            await database.write(deeds.set_platform_role, OPERATOR, email, role, "", now())


async def test_who_is_disabled_is_out_until_enabled(
    database: Database, people: People, gate: SignIn
) -> None:
    owner = await people.owner(ADA)
    link = await database.write(deeds.new_password_token, OPERATOR, ADA, now())
    await database.write(deeds.set_disabled, OPERATOR, ADA, True, now())
    assert await database.write(sessions.by_id, owner.session_id) is None
    with pytest.raises(LinkUsedError):
        await tokens.look(database, "reset", link, now())
    with pytest.raises(SignInRefusedError):
        await gate.by_password(ADA, PASSWORD, ORIGIN, "", now())
    with pytest.raises(ValidationFailedError):
        await database.write(deeds.new_password_token, OPERATOR, ADA, now())
    await database.write(deeds.set_disabled, OPERATOR, ADA, False, now())
    found = await gate.by_password(ADA, PASSWORD, ORIGIN, "", now())
    assert isinstance(found, SignedIn)
    acts = await people.acts()
    assert acts.index("user.disabled") < acts.index("user.enabled")


async def test_a_lost_phone_is_helped_by_the_operator(
    database: Database, people: People, gate: SignIn
) -> None:
    admin = await people.admin()
    await database.write(deeds.switch_off_two_factor, OPERATOR, admin.email, now())
    assert await database.write(sessions.by_id, admin.session_id) is None
    found = await gate.by_password(admin.email, PASSWORD, ORIGIN, "", now())
    assert isinstance(found, SignedIn)
    member = await people.member(found.token)
    assert "platform_admin" not in member.roles
    assert await database.write(deeds.sign_out, OPERATOR, admin.email, now()) == 1
    with pytest.raises(NotFoundError):
        await database.write(deeds.sign_out, OPERATOR, "nobody@example.com", now())


async def test_the_commands_print_what_to_do(database: Database, people: People, run: Run) -> None:
    await people.owner(ADA)

    async def said(*words: str, status: int = 0) -> str:
        return (await asyncio.to_thread(run, "user", *words, status=status)).strip()

    made = await said("administer", NEW, "--name", "Neo")
    assert f"{NEW} is now: admin." in made
    (token,) = [line.rpartition("/reset/")[2] for line in made.splitlines() if "/reset/" in line]
    assert (await tokens.look(database, "reset", token.strip(), now()))["email"] == NEW
    listed = await said("list")
    assert ADA in listed
    assert "admin" in next(line for line in listed.splitlines() if NEW in line)
    assert "is disabled" in await said("disable", ADA)
    assert "Enable the user first" in await said("reset-link", ADA, status=1)
    assert "is enabled" in await said("enable", ADA)
    assert "/reset/" in await said("reset-link", ADA)
    assert "by password alone" in await said("two-factor-off", ADA)
    assert "0 sessions" in await said("sign-out", ADA)
    assert "There is no user" in await said("sign-out", "nobody@example.com", status=1)
    assert "A role is one of" in await said("administer", ADA, "--role", "emperor", status=1)
    assert len(await database.write(users.page, "", 10)) == 2
