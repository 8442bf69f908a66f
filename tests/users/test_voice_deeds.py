"""Phones, calls and numbers by members: the deeds check rights again, on both databases."""

from collections.abc import Callable
from typing import Any

import pytest

from db.connection import Conn
from db.database import Database
from telephony.clock import Instant, now
from telephony.errors import (
    AccountSuspendedError,
    CallAlreadyEndedError,
    CallerIdNotAllowedError,
    KycRequiredError,
    NotFoundError,
    Problem,
    SipAccountExistsError,
)
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.users import calling, numbers, phones
from telephony.users.problems import ConfirmFirstError, RoleMissingError
from telephony.users.sessions import Member
from telephony.voice.numbers import Rule
from telephony.voice.place import Placed, Wish
from tests.api.world import assert_books_balance
from tests.dashboard.voice_world import (
    NUMBER,
    OTHER_NUMBER,
    TO,
    add_phone,
    owner_of,
    queued,
    statuses,
)
from tests.users.world import MINUTE, People

SETTINGS = Settings()
FORM = "form-of-the-test"
RULE = Rule(("alice",), "all", 25, "")
Deed = Callable[[Conn, Member, Vault, Instant], object]

DEEDS: dict[str, Deed] = {
    "create": lambda conn, who, vault, at: phones.create(
        conn, vault, SETTINGS, who, "test", "desk", {}, at),
    "secret": lambda conn, who, vault, at: phones.new_secret(
        conn, vault, SETTINGS, who, "alice", at),
    "change": lambda conn, who, vault, at: phones.change(conn, who, "alice", {"label": "x"}, at),
    "delete": lambda conn, who, vault, at: phones.delete(conn, who, "alice", at),
    "link": lambda conn, who, vault, at: phones.sign_in_link(conn, who, "alice", at),
    "call": lambda conn, who, vault, at: calling.call(
        conn, SETTINGS, who, "test", Wish(to=TO), FORM, at),
    "hang up": lambda conn, who, vault, at: calling.hang_up(conn, who, "call_x", at),
    "rule": lambda conn, who, vault, at: numbers.set_rule(conn, who, "+15550222001", RULE, at),
    "verify": lambda conn, who, vault, at: numbers.verify(
        conn, SETTINGS, vault, who, "test", OTHER_NUMBER, at),
    "code": lambda conn, who, vault, at: numbers.tell_code(
        conn, vault, who, "test", OTHER_NUMBER, "123456", at),
    "give up": lambda conn, who, vault, at: numbers.give_up(conn, who, "test", NUMBER, at),
}  # fmt: skip
SHOWS_A_SECRET = ("create", "secret", "link")
ALSO_WHEN_SUSPENDED = ("hang up",)


@pytest.fixture
async def owner(people: People) -> Member:
    member = await owner_of(people)
    await add_phone(people, member, "alice")
    return member


async def refused(
    people: People, name: str, who: Member, error: type[Problem], at: Instant | None = None
) -> None:
    with pytest.raises(error):
        await people.database.write(DEEDS[name], who, people.vault, at or now())


async def snapshot(database: Database) -> list[Any]:
    """What these deeds write."""
    tables = ("sip_account", "call", "owned_number", "caller_id", "caller_id_check", "audit_log")
    return [await database.all(f"SELECT * FROM {table}") for table in tables]


async def test_only_who_may_build_does_any_of_it(
    database: Database, people: People, owner: Member
) -> None:
    others = [await people.colleague(owner, role, f"{role}@example.com")
              for role in ("billing", "read_only")]  # fmt: skip
    before = await snapshot(database)
    for who in others:
        for name in DEEDS:
            await refused(people, name, who, RoleMissingError)
    assert await snapshot(database) == before


async def test_nothing_is_begun_in_a_suspended_account(
    database: Database, people: People, owner: Member
) -> None:
    await database.write(lambda conn: conn.run("UPDATE account SET status = 'suspended'"
                                               " WHERE id = :id", id=owner.account_id))  # fmt: skip
    who = await people.enter(owner.user_id)
    before = await snapshot(database)
    for name in DEEDS:
        error = NotFoundError if name in ALSO_WHEN_SUSPENDED else AccountSuspendedError
        await refused(people, name, who, error)
    assert await snapshot(database) == before


async def test_a_secret_is_for_who_has_confirmed_lately(
    database: Database, people: People, owner: Member
) -> None:
    for name in SHOWS_A_SECRET:
        await refused(people, name, owner, ConfirmFirstError, owner.confirmed_at + 11 * MINUTE)
    await database.write(DEEDS["change"], owner, people.vault, owner.confirmed_at + 11 * MINUTE)


async def test_what_belongs_to_others_is_not_there(
    database: Database, people: People, owner: Member
) -> None:
    bob = await owner_of(people, "bob@example.com", "Bob's")
    placed = await queued(database, owner)
    before = await snapshot(database)
    for name in ("secret", "change", "delete", "link", "rule"):
        await refused(people, name, bob, NotFoundError)
    with pytest.raises(NotFoundError):
        await database.write(calling.hang_up, bob, placed.call_id, now())
    assert await snapshot(database) == before


async def test_live_mode_needs_the_identity_check(
    database: Database, people: People, owner: Member
) -> None:
    await database.write(lambda conn: conn.run("UPDATE account SET kyc_approved_at = NULL"
                                               " WHERE id = :id", id=owner.account_id))  # fmt: skip
    who, at = await people.enter(owner.user_id), now()
    live: tuple[Deed, ...] = (
        lambda conn, who, vault, at: phones.create(
            conn, vault, SETTINGS, who, "live", "desk", {}, at),
        lambda conn, who, vault, at: calling.call(
            conn, SETTINGS, who, "live", Wish(to=TO), FORM, at),
        lambda conn, who, vault, at: numbers.verify(
            conn, SETTINGS, vault, who, "live", OTHER_NUMBER, at),
    )  # fmt: skip
    for deed in live:
        with pytest.raises(KycRequiredError):
            await database.write(deed, who, people.vault, at)
    await database.write(DEEDS["call"], who, people.vault, at)


async def test_a_phone_of_its_own_name_and_number(
    database: Database, people: People, owner: Member
) -> None:
    args = (people.vault, SETTINGS, owner, "test")
    made = await database.write(phones.create, *args, "desk", {"label": "Hall"}, now())
    assert (made.row["username"], made.row["label"], made.row["caller_id"]) == (
        "desk", "Hall", NUMBER,
    )  # fmt: skip
    assert made.secret not in str(await snapshot(database))
    with pytest.raises(SipAccountExistsError):
        await database.write(phones.create, *args, "desk", {}, now())
    with pytest.raises(CallerIdNotAllowedError):
        await database.write(phones.create, *args, "", {"caller_id": OTHER_NUMBER}, now())
    assert (await people.acts())[-1] == "sip_account.created"


async def test_what_stays_as_it_is_tells_no_node(
    database: Database, people: People, owner: Member
) -> None:
    row = await database.write(phones.change, owner, "alice", {"label": "Desk", "nat": True}, now())
    (before,) = await database.all("SELECT * FROM audit_log WHERE action = 'sip_account.changed'")
    assert (before["before"], before["after"]) == ('{"label": ""}', '{"label": "Desk"}')
    same = await database.write(phones.change, owner, "alice", {"label": "Desk"}, now())
    assert same["generation"] == row["generation"]
    assert (await people.acts()).count("sip_account.changed") == 1


async def test_a_suspended_phone_loses_its_calls(
    database: Database, people: People, owner: Member
) -> None:
    await queued(database, owner)
    await database.write(phones.change, owner, "alice", {"status": "suspended"}, now())
    assert await statuses(database) == ["canceled"]
    await assert_books_balance(database)


async def call(database: Database, owner: Member, form: str = FORM, **wish: Any) -> Placed | None:
    return await database.write(
        calling.call, SETTINGS, owner, "test", Wish(to=TO, **wish), form, now()
    )


async def test_one_form_places_one_call(database: Database, owner: Member) -> None:
    assert await call(database, owner)
    assert await call(database, owner) is None
    assert await call(database, owner, "another-form")
    assert await statuses(database) == ["queued", "queued"]
    await assert_books_balance(database)


async def test_a_call_that_is_refused_leaves_its_form_usable(
    database: Database, people: People, owner: Member
) -> None:
    with pytest.raises(CallerIdNotAllowedError):
        await call(database, owner, caller_id=OTHER_NUMBER)
    assert await call(database, owner)
    assert (await people.acts()).count("call.placed") == 1


async def test_a_call_is_hung_up_once_in_whichever_mode(
    database: Database, people: People, owner: Member
) -> None:
    placed = await call(database, owner)
    assert placed
    row = await database.write(calling.hang_up, owner, placed.call_id, now())
    assert row["status"] == "canceled"
    with pytest.raises(CallAlreadyEndedError):
        await database.write(calling.hang_up, owner, placed.call_id, now())
    assert (await people.acts()).count("call.hung_up") == 1
    await assert_books_balance(database)


async def test_a_code_is_told_back_once(database: Database, people: People, owner: Member) -> None:
    args = (owner, "test", OTHER_NUMBER)
    started = await database.write(numbers.verify, SETTINGS, people.vault, *args, now())
    assert started.code
    wrong = "000000" if started.code != "000000" else "000001"
    assert await database.write(numbers.tell_code, people.vault, *args, wrong, now()) == 4
    assert await database.write(numbers.tell_code, people.vault, *args, started.code, now()) is None
    again = await database.write(numbers.verify, SETTINGS, people.vault, *args, now())
    assert (again.call_id, again.code) == (None, None)
    await database.write(numbers.give_up, *args, now())
    acts = [act for act in await people.acts() if act.startswith("caller_id")]
    assert acts == ["caller_id.called", "caller_id.verified", "caller_id.removed"]
