"""Tokens of links, waiting sign-ins and challenges: once, not for long, for one thing."""

import asyncio
import re

import pytest

from db import one_use_tokens
from db.connection import Conn
from db.database import Database
from telephony.clock import SECOND, now
from telephony.users import sweeper, tokens
from telephony.users.problems import LinkUsedError
from telephony.users.tokens import LIFE_SECONDS, token_hash
from tests.users.world import MINUTE, People

ADA = "ada@example.com"
KINDS = tuple(LIFE_SECONDS)


def test_every_kind_has_a_life() -> None:
    assert set(KINDS) == set(one_use_tokens.KINDS)
    assert LIFE_SECONDS["second_factor"] < LIFE_SECONDS["reset"] < LIFE_SECONDS["invitation"]


def test_a_token_is_long_and_safe_in_a_url() -> None:
    made = {tokens.new_token() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(re.fullmatch(r"[\w-]{43}", token) for token in made)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_lives_to_its_end_and_not_longer(database: Database, kind: str) -> None:
    at = now()
    end = at + LIFE_SECONDS[kind] * SECOND
    token = await database.write(tokens.give, kind, at)
    assert (await tokens.look(database, kind, token, end - 1))["kind"] == kind
    with pytest.raises(LinkUsedError):
        await tokens.look(database, kind, token, end)
    with pytest.raises(LinkUsedError):
        await database.write(tokens.use, kind, token, end)
    again = await database.write(tokens.give, kind, at)
    assert (await database.write(tokens.use, kind, again, end - 1))["kind"] == kind


@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_is_good_for_one_thing(database: Database, kind: str) -> None:
    token = await database.write(tokens.give, kind, now())
    for other in set(KINDS) - {kind}:
        with pytest.raises(LinkUsedError):
            await database.write(tokens.use, other, token, now())
    assert await database.write(tokens.use, kind, token, now())
    with pytest.raises(LinkUsedError):
        await database.write(tokens.use, kind, token, now())


async def test_looking_uses_nothing_up_and_nothing_readable_is_kept(database: Database) -> None:
    token = await database.write(tokens.give, "reset", now(), None)
    for _ in range(3):
        assert (await tokens.look(database, "reset", token, now()))["tries"] == 0
    (row,) = await database.all("SELECT * FROM one_use_token")
    assert token not in str(row)
    assert row["sha256"] == token_hash(token) != token
    for wrong in ("", token[:-1], token + "x", token.swapcase(), row["sha256"]):
        with pytest.raises(LinkUsedError):
            await tokens.look(database, "reset", wrong, now())


async def test_of_many_who_use_a_token_at_once_one_succeeds(database: Database) -> None:
    token = await database.write(tokens.give, "invitation", now())
    jobs = [database.write(tokens.use, "invitation", token, now()) for _ in range(12)]
    found = await asyncio.gather(*jobs, return_exceptions=True)
    assert sum(isinstance(one, dict) for one in found) == 1
    assert sum(isinstance(one, LinkUsedError) for one in found) == 11


async def test_tries_are_counted_even_of_those_who_try_at_once(database: Database) -> None:
    token = await database.write(tokens.give, "second_factor", now())

    def attempt(conn: Conn) -> bool:
        row = one_use_tokens.try_once(conn, "second_factor", token_hash(token), now(), 5)
        return row is not None

    found = await asyncio.gather(*(database.write(attempt) for _ in range(12)))
    assert sum(found) == 5
    at = now()
    late = at + LIFE_SECONDS["second_factor"] * SECOND
    other = await database.write(tokens.give, "second_factor", at)
    row = await database.write(one_use_tokens.try_once, "second_factor", token_hash(other), late, 5)
    assert row is None


async def test_links_of_an_address_end_together_and_others_stay(database: Database) -> None:
    old = [await database.write(lambda conn: tokens.give(conn, "reset", now(), email=ADA))
           for _ in range(2)]  # fmt: skip
    kept = await database.write(lambda conn: tokens.give(conn, "register", now(), email=ADA))
    other = await database.write(lambda conn: tokens.give(conn, "reset", now(), email="eve@x.org"))
    await database.write(one_use_tokens.forget_links, "reset", ADA)
    for token in old:
        with pytest.raises(LinkUsedError):
            await tokens.look(database, "reset", token, now())
    assert await tokens.look(database, "register", kept, now())
    assert await tokens.look(database, "reset", other, now())


async def test_invitations_of_an_account_are_listed_replaced_and_taken_back(
    database: Database, people: People
) -> None:
    owner, other = await people.owner(), await people.owner("bob@example.com", "Bob's")

    def invite(conn: Conn, email: str, account_id: str, at: int) -> str:
        return tokens.give(
            conn, "invitation", at, email=email, role="billing", account_id=account_id
        )

    at = now()
    await database.write(invite, "one@example.com", owner.account_id, at)
    token = await database.write(invite, "two@example.com", owner.account_id, at)
    await database.write(invite, "one@example.com", other.account_id, at)
    long_ago = at - LIFE_SECONDS["invitation"] * SECOND
    await database.write(invite, "old@example.com", owner.account_id, long_ago)
    listed = await one_use_tokens.invitations(database, owner.account_id, at)
    assert [row["email"] for row in listed] == ["one@example.com", "two@example.com"]
    assert "sha256" not in listed[0]
    assert (await tokens.look(database, "invitation", token, at))["account"] == owner.account
    await database.write(one_use_tokens.forget_invitation, owner.account_id, "one@example.com")
    first, second = listed
    for account_id, token_id, found in (
        (owner.account_id, first["id"], False), (other.account_id, second["id"], False),
        (owner.account_id, second["id"], True), (owner.account_id, second["id"], False),
    ):  # fmt: skip
        row = await database.write(one_use_tokens.take_back, account_id, token_id)
        assert bool(row) is found
    assert await one_use_tokens.invitations(database, owner.account_id, at) == []
    assert len(await one_use_tokens.invitations(database, other.account_id, at)) == 1


async def test_what_was_begun_in_a_users_name_ends_with_it(
    database: Database, people: People
) -> None:
    one, two = await people.owner(), await people.owner("bob@example.com", "Bob's")

    def begin(conn: Conn, user_id: str) -> str:
        return tokens.give(conn, "second_factor", now(), user_id=user_id)

    mine, theirs = [await database.write(begin, who.user_id) for who in (one, two)]
    await database.write(one_use_tokens.forget_of_user, one.user_id)
    with pytest.raises(LinkUsedError):
        await tokens.look(database, "second_factor", mine, now())
    assert await tokens.look(database, "second_factor", theirs, now())


async def test_old_things_are_swept_and_young_ones_stay(database: Database, people: People) -> None:
    member = await people.owner()
    at = now()
    young = await database.write(tokens.give, "invitation", at)
    await database.write(tokens.give, "reset", at)
    soon = at + LIFE_SECONDS["reset"] * SECOND
    await database.write(sweeper.sweep, soon)
    rows = await database.all("SELECT kind FROM one_use_token ORDER BY kind")
    assert [row["kind"] for row in rows] == ["invitation"]
    assert await tokens.look(database, "invitation", young, soon)
    assert len(await database.all("SELECT * FROM session")) == 1
    await database.write(sweeper.sweep, at + 400 * 24 * 60 * MINUTE)
    assert await database.all("SELECT * FROM session WHERE user_id = :id", id=member.user_id) == []
    assert await database.all("SELECT * FROM one_use_token") == []
