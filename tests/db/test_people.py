"""Users, memberships, sessions, passkeys, codes and failures to sign in, as rows."""

import asyncio
from typing import Any

import pytest

from db import credentials, mail, sessions, sign_in_failures, users
from db.connection import Conn
from db.database import Database
from tests.db.rows import START
from tests.factories import Customer, customer


@pytest.fixture
async def someone(database: Database) -> Customer:
    return await customer(database, name="Acme")


async def add(database: Database, email: str = "ada@example.com", **facts: Any) -> str:
    """A user; the id."""
    user_id = await database.write(lambda conn: users.add(conn, START, email, **facts))
    assert user_id
    return user_id


async def begin(database: Database, user_id: str, token: str, at: int = START, **facts: Any) -> str:
    """A session that lasts 100 microseconds; its id."""
    row = {"token_sha256": token, "user_id": user_id, "how": "password", "address": "",
           "user_agent": "", "expires_at": at + 100}  # fmt: skip
    return await database.write(lambda conn: sessions.add(conn, at, **{**row, **facts}))


async def test_an_address_is_one_users(database: Database) -> None:
    ada = await add(database, name="Ada")
    again = await database.write(lambda conn: users.add(conn, START, "ada@example.com"))
    assert again is None
    row = await users.by_email(database, "ada@example.com")
    assert row is not None
    assert (row["id"], row["name"], row["platform_role"]) == (ada, "Ada", "")
    assert await database.write(users.with_email, "ada@example.com") == row
    assert await users.by_email(database, "Ada@example.com") is None
    with pytest.raises(AssertionError):
        await database.write(users.by_id, "usr_none")


async def test_of_many_who_take_an_address_at_once_one_gets_it(database: Database) -> None:
    jobs = [database.write(lambda conn: users.add(conn, START, "a@b.example")) for _ in range(8)]
    found = await asyncio.gather(*jobs)
    assert sum(one is not None for one in found) == 1


async def test_a_step_of_the_codes_is_used_once_by_whoever_is_first(database: Database) -> None:
    ada = await add(database)
    jobs = [database.write(users.take_step, ada, 7) for _ in range(8)]
    assert sum(await asyncio.gather(*jobs)) == 1
    for step, taken in ((6, False), (7, False), (8, True), (8, False)):
        assert await database.write(users.take_step, ada, step) is taken


async def test_members_come_and_go(database: Database, someone: Customer) -> None:
    other = await customer(database, name="Other")
    ada, bob = await add(database), await add(database, "bob@example.com")
    account = someone.account_id
    await database.write(users.found_account, ada, account, START)
    assert await database.write(users.join, bob, account, "billing", START + 1)
    assert not await database.write(users.join, bob, account, "owner", START + 2)
    await database.write(users.join, ada, other.account_id, "read_only", START + 3)
    shown = [(row["email"], row["role"]) for row in await users.members(database, account)]
    assert shown == [("ada@example.com", "owner"), ("bob@example.com", "billing")]
    entered = [(row["name"], row["role"]) for row in await users.accounts_of(database, ada)]
    assert entered == [("Acme", "owner"), ("Other", "read_only")]
    assert await database.write(users.first_account, ada) == account
    assert await database.write(users.owners, account) == 1
    await database.write(users.set_role, bob, account, "owner")
    assert await database.write(users.owners, account) == 2
    await database.write(users.leave, ada, account)
    assert await database.write(users.role, ada, account) is None
    assert await database.write(users.role, ada, other.account_id) == "read_only"
    assert await database.write(users.first_account, ada) == other.account_id
    assert await database.write(users.owners, other.account_id) == 0


async def test_a_session_is_found_while_it_lasts(database: Database, someone: Customer) -> None:
    ada = await add(database)
    await database.write(users.found_account, ada, someone.account_id, START)
    session_id = await begin(database, ada, "t", account_id=someone.account_id)

    async def there(token: str = "t", now: int = START, seen_since: int = START - 9) -> bool:
        return await sessions.member(database, token, now, seen_since) is not None

    row = await sessions.member(database, "t", START, START - 9)
    assert row is not None
    assert (row["session_id"], row["account"], row["role"]) == (session_id, "Acme", "owner")
    assert [await there(now=START + at) for at in (99, 100)] == [True, False]
    assert [await there(seen_since=START + at) for at in (-1, 0)] == [True, False]
    assert not await there(token="other")
    await database.write(sessions.touch, session_id, START + 50, "192.0.2.1")
    assert await there(seen_since=START + 49)
    await database.write(lambda conn: users.change(conn, ada, disabled_at=START))
    assert not await there(now=START + 1, seen_since=START - 9)


async def test_a_session_without_membership_has_no_role(
    database: Database, someone: Customer
) -> None:
    ada = await add(database, platform_role="admin")
    await begin(database, ada, "t", account_id=someone.account_id)
    row = await sessions.member(database, "t", START, START - 9)
    assert row is not None
    assert (row["role"], row["account_id"], row["platform_role"]) == (None, None, "admin")


async def test_sessions_are_listed_and_ended(database: Database) -> None:
    ada, bob = await add(database), await add(database, "bob@example.com")
    ids = [await begin(database, ada, f"t{at}", START + at) for at in range(4)]
    theirs = await begin(database, bob, "theirs")

    async def listed(now: int = START + 10, since: int = 0) -> list[str]:
        return [row["id"] for row in await sessions.of_user(database, ada, now, since)]

    assert await listed() == ids[::-1]
    assert await listed(since=START + 1) == [ids[3], ids[2]]
    assert await listed(now=START + 101) == [ids[3], ids[2]]
    for user_id, session_id, ended in ((ada, theirs, False), (ada, ids[0], True)):
        assert await database.write(sessions.end, user_id, session_id) is ended
    assert await database.write(sessions.by_id, ids[0]) is None
    assert not await database.write(lambda conn: sessions.change(conn, ids[0], address="x"))
    assert await database.write(sessions.end_all, ada, ids[2]) == 2
    assert await listed() == [ids[2]]
    assert await database.write(sessions.sweep, START + 100) == 1
    assert await listed(now=START) == [ids[2]]


@pytest.mark.parametrize(
    ("counts", "taken"),
    [((0, 0, 0), [True, True, True]), ((1, 2, 9), [True, True, True]),
     ((5, 5), [True, False]), ((5, 4), [True, False]), ((5, 0), [True, False])],
)  # fmt: skip
async def test_a_passkeys_counter_never_goes_back(
    database: Database, counts: tuple[int, ...], taken: list[bool]
) -> None:
    ada = await add(database)
    key = {"id": "k", "user_id": ada, "name": "Phone", "public_key": "x", "sign_count": 0,
           "created_at": START}  # fmt: skip
    assert await database.write(lambda conn: credentials.add_passkey(conn, **key))
    assert not await database.write(lambda conn: credentials.add_passkey(conn, **key))
    found = [await database.write(credentials.passkey_used, "k", one, START) for one in counts]
    assert found == taken


async def test_a_passkey_is_removed_by_its_user_alone(database: Database) -> None:
    ada, bob = await add(database), await add(database, "bob@example.com")
    for at, name in enumerate(("one", "two")):

        def deed(conn: Conn, name: str = name, at: int = at) -> None:
            credentials.add_passkey(conn, id=name, user_id=ada, name=name, public_key="x",
                                    sign_count=0, created_at=START - at)  # fmt: skip

        await database.write(deed)
    assert [row["id"] for row in await credentials.passkeys(database, ada)] == ["two", "one"]
    assert await database.write(credentials.remove_passkey, bob, "one") is None
    row = await database.write(credentials.remove_passkey, ada, "one")
    assert row is not None
    assert row["name"] == "one"
    assert await database.write(credentials.passkey, "one") is None


async def test_recovery_codes_are_used_once_and_replaced_as_a_whole(database: Database) -> None:
    ada, bob = await add(database), await add(database, "bob@example.com")
    await database.write(credentials.set_codes, ada, ["a", "b"])
    jobs = [database.write(credentials.use_code, ada, "a", START) for _ in range(6)]
    assert sum(await asyncio.gather(*jobs)) == 1
    assert not await database.write(credentials.use_code, bob, "b", START)
    assert await credentials.codes_left(database, ada) == 1
    await database.write(credentials.set_codes, ada, ["c", "d", "e"])
    assert not await database.write(credentials.use_code, ada, "b", START)
    assert await credentials.codes_left(database, ada) == 3
    assert await credentials.codes_left(database, bob) == 0


async def test_failures_count_while_one_follows_the_other(database: Database) -> None:
    async def count(at: int, subject: str = "s") -> int:
        return await database.write(sign_in_failures.count, subject, START + at, START + at - 10)

    assert [await count(at) for at in (0, 10, 20, 31)] == [1, 2, 3, 1]
    await count(31, "other")
    assert await sign_in_failures.lately(database, ["s", "other", "none"], START + 31) == {
        "s": (1, START + 31), "other": (1, START + 31),
    }  # fmt: skip
    assert await database.write(sign_in_failures.recent, "s", START + 32) == 0
    await database.write(sign_in_failures.forget, "s")
    assert await database.write(sign_in_failures.recent, "s", 0) == 0
    assert await database.write(sign_in_failures.sweep, START + 32) == 1


async def test_those_who_fail_at_once_are_all_counted(database: Database) -> None:
    jobs = [database.write(sign_in_failures.count, "s", START, 0) for _ in range(10)]
    assert sorted(await asyncio.gather(*jobs)) == list(range(1, 11))


async def test_a_mail_is_one_workers_until_its_lease_ends(database: Database) -> None:
    def queue(conn: Conn) -> str:
        return mail.add(conn, START, recipient="a@b.example", subject="s", body_sealed="x")

    first, second = [await database.write(queue) for _ in range(2)]
    assert not await mail.is_due(database, START - 1)
    taken = await database.write(mail.claim, "one", START, START + 9, 1)
    assert len(taken) == 1
    (other,) = await database.write(mail.claim, "two", START, START + 9, 9)
    assert {taken[0]["id"], other["id"]} == {first, second}
    assert not await mail.is_due(database, START + 8)
    again = await database.write(mail.claim, "three", START + 9, START + 20, 9)
    assert {row["attempts"] for row in again} == {2}
    await database.write(mail.ended, first, "one", "sent")
    rows = await database.all("SELECT state FROM mail")
    assert [row["state"] for row in rows] == ["pending", "pending"]
    await database.write(mail.ended, first, "three", "sent")
    await database.write(mail.again, second, "three", START + 30, "busy")
    rows = await database.all("SELECT state, body_sealed FROM mail WHERE id = :id", id=first)
    assert rows == [{"state": "sent", "body_sealed": ""}]
    assert not await mail.is_due(database, START + 29)
    assert await mail.is_due(database, START + 30)
    assert await database.write(mail.sweep, START + 1) == 2
