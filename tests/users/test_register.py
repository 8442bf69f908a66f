"""From an address to an account, and to a new password."""

import pytest

from db.database import Database
from telephony.clock import now
from telephony.errors import ValidationFailedError
from telephony.money import MICROS
from telephony.users import register, tokens
from telephony.users.emails import normal
from telephony.users.problems import LinkUsedError
from tests.api.world import assert_books_balance
from tests.factories import seed_platform
from tests.users.world import HASH, HOUR, ORIGIN, URL, People

ADA = "ada@example.com"


async def test_a_link_opens_an_account_once(database: Database, people: People) -> None:
    await database.write(seed_platform)
    await database.write(register.ask, people.post, ADA, now())
    assert await database.all('SELECT * FROM "user"') == []
    ((recipient, subject, body),) = await people.mails()
    assert (recipient, subject) == (ADA, "Confirm your email address")
    token = await people.mailed_token()
    assert token in body
    for table in ("mail", "one_use_token"):
        assert token not in str(await database.all(f"SELECT * FROM {table}"))
    args = (people.post, token, " Ada  Lovelace ", "Engines", HASH, ORIGIN.address, now())
    user = await database.write(register.open_account, *args, play_money=7)
    assert (user["name"], user["email"], user["verified_at"] > 0) == ("Ada Lovelace", ADA, True)
    with pytest.raises(LinkUsedError):
        await database.write(register.open_account, *args)
    member = await people.enter(user["id"])
    assert (member.account, member.role, member.live, member.status) == (
        "Engines", "owner", False, "active",
    )  # fmt: skip
    pots = await database.all(
        "SELECT mode, kind, balance FROM ledger_account WHERE account_id = :id",
        id=member.account_id,
    )
    assert {(pot["mode"], pot["kind"], pot["balance"]) for pot in pots} == {
        ("test", "wallet", 7 * MICROS), ("test", "sip", 7 * MICROS),
        ("live", "wallet", 0), ("live", "sip", 0),
    }  # fmt: skip
    await assert_books_balance(database)
    assert await people.acts() == ["account.opened", "user.signed_in"]


async def test_who_registers_twice_is_told_by_mail_alone(
    database: Database, people: People
) -> None:
    await people.owner(ADA)
    await database.write(register.ask, people.post, ADA, now())
    ((recipient, subject, body),) = await people.mails()
    assert (recipient, subject) == (ADA, "You have an account already")
    assert f"{URL}/sign-in" in body
    assert await database.all("SELECT * FROM one_use_token") == []


async def test_a_later_link_replaces_the_earlier_one(database: Database, people: People) -> None:
    await database.write(seed_platform)
    await database.write(register.ask, people.post, ADA, now())
    first = await people.mailed_token()
    await database.write(register.ask, people.post, ADA, now())
    with pytest.raises(LinkUsedError):
        await tokens.look(database, "register", first, now())
    await tokens.look(database, "register", await people.mailed_token(), now())


async def test_links_grow_old(database: Database, people: People) -> None:
    await database.write(register.ask, people.post, ADA, now() - 25 * HOUR)
    token = await people.mailed_token()
    with pytest.raises(LinkUsedError):
        await tokens.look(database, "register", token, now())
    with pytest.raises(LinkUsedError):
        await database.write(register.open_account, people.post, token, "Ada", "", HASH, "", now())


async def test_a_link_of_another_kind_is_not_taken(database: Database, people: People) -> None:
    await people.owner(ADA)
    await database.write(register.ask_reset, people.post, ADA, now())
    token = await people.mailed_token()
    with pytest.raises(LinkUsedError):
        await database.write(register.open_account, people.post, token, "Ada", "", HASH, "", now())
    await tokens.look(database, "reset", token, now())


async def test_a_new_password_ends_every_session(database: Database, people: People) -> None:
    member = await people.owner(ADA)
    await people.enter(member.user_id)
    await database.write(register.ask_reset, people.post, ADA, now())
    token = await people.mailed_token()
    await database.write(register.reset, people.post, token, "another hash", "", now())
    assert (await people.user(ADA))["password_argon2"] == "another hash"
    assert await database.all("SELECT * FROM session") == []
    *_, (recipient, subject, _) = await people.mails()
    assert (recipient, subject) == (ADA, "Your sign-in has changed")
    with pytest.raises(LinkUsedError):
        await database.write(register.reset, people.post, token, "a third", "", now())
    assert (await people.acts())[-1] == "password.reset"
    assert "another" not in str(await database.all("SELECT * FROM audit_log"))


async def test_no_mail_goes_to_strangers_and_disabled_people(
    database: Database, people: People
) -> None:
    await people.owner(ADA)
    await database.write(lambda conn: conn.run('UPDATE "user" SET disabled_at = 1'))
    for email in (ADA, "stranger@example.com"):
        await database.write(register.ask_reset, people.post, email, now())
    assert await people.mails() == []


async def test_a_name_is_one_visible_line(database: Database, people: People) -> None:
    await database.write(seed_platform)
    for name in ("", "  ", "x" * 101, "Ada\u202eevil", "Ada\0"):
        await database.write(register.ask, people.post, ADA, now())
        token = await people.mailed_token()
        with pytest.raises(ValidationFailedError):
            await database.write(
                register.open_account, people.post, token, name, "", HASH, "", now()
            )
        await tokens.look(database, "register", token, now())  # and the link is still good


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("  ada+tag@example.co.uk ", "ada+tag@example.co.uk"),
        ("o'hara@pbx".replace("'", ""), "ohara@pbx"),
        ("ÄDA@exämple.com", "äda@exämple.com"),
    ],
)
def test_an_address_has_one_spelling(written: str, stored: str) -> None:
    assert normal(written) == stored


@pytest.mark.parametrize(
    "written",
    ["", "ada", "@example.com", "ada@", "a b@example.com", "ada@example..com", "a@b@c.com",
     "ada@-example.com", "ada@example.com\nBcc: x@example.com", "<ada@example.com>",
     f"{'a' * 65}@example.com", f"a@{'b' * 260}.com", "ada@exa\0mple.com", "a,b@example.com"],
)  # fmt: skip
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(ValidationFailedError) as caught:
        normal(written)
    assert caught.value.extra["errors"][0]["field"] == "email"
