"""Messages by members, on both databases: what the account's keys could, once for each form."""

import pytest

from db.database import Database
from telephony.billing import wallets
from telephony.clock import now
from telephony.errors import (
    AccountSuspendedError,
    InsufficientFundsError,
    KycRequiredError,
    MessageNotCancelableError,
    NotFoundError,
    Problem,
    ValidationFailedError,
)
from telephony.money import MICROS
from telephony.settings import Settings
from telephony.sms.drafts import Draft
from telephony.sms.send import Accepted
from telephony.users import messages
from telephony.users.problems import RoleMissingError
from telephony.users.sessions import Member
from tests.api.world import assert_books_balance, count
from tests.users.world import People

HELLO = Draft("+15551239999", "Hello")


@pytest.fixture
async def owner(people: People) -> Member:
    """Somebody with 1 USD of play money."""
    member = await people.owner()
    await people.database.write(
        wallets.fund, member.account_id, "test", MICROS, reference="first", actor="test", now=now()
    )
    return member


async def send(
    database: Database, member: Member, form: str = "form", mode: str = "test", draft: Draft = HELLO
) -> Accepted | None:
    return await database.write(messages.send, Settings(), member, mode, draft, form, now())


async def test_a_form_is_sent_once(database: Database, people: People, owner: Member) -> None:
    first = await send(database, owner)
    assert first is not None
    assert await send(database, owner) is None
    assert await send(database, owner, "another") is not None
    assert await count(database, "message") == 2
    assert (await people.acts())[-2:] == ["message.sent", "message.sent"]
    (row, _) = await database.all("SELECT * FROM message ORDER BY id")
    assert (row["id"], row["key_id"], row["status"]) == (first.message_id, "", "queued")
    await assert_books_balance(database)


async def test_a_refused_form_may_be_sent_again(database: Database, owner: Member) -> None:
    with pytest.raises(InsufficientFundsError):
        await send(database, owner, draft=Draft("+15551230010", "Hello"))
    assert await send(database, owner) is not None


@pytest.mark.parametrize(
    ("mode", "refused"), [("live", KycRequiredError), ("moon", ValidationFailedError)]
)
async def test_a_mode_that_does_not_work(
    database: Database, owner: Member, mode: str, refused: type[Problem]
) -> None:
    with pytest.raises(refused):
        await send(database, owner, mode=mode)


async def test_a_suspended_account_sends_nothing(
    database: Database, people: People, owner: Member
) -> None:
    suspend = "UPDATE account SET status = 'suspended' WHERE id = :id"
    await database.write(lambda conn: conn.run(suspend, id=owner.account_id))
    with pytest.raises(AccountSuspendedError):
        await send(database, await people.enter(owner.user_id))


async def test_only_who_may_build_sends_and_cancels(
    database: Database, people: People, owner: Member
) -> None:
    made = await send(database, owner)
    assert made is not None
    for role in ("billing", "read_only"):
        other = await people.colleague(owner, role, f"{role}@example.com")
        with pytest.raises(RoleMissingError):
            await send(database, other, role)
        with pytest.raises(RoleMissingError):
            await database.write(messages.cancel, other, "test", made.message_id, now())
    developer = await people.colleague(owner, "developer", "dev@example.com")
    await database.write(messages.cancel, developer, "test", made.message_id, now())
    with pytest.raises(MessageNotCancelableError):
        await database.write(messages.cancel, developer, "test", made.message_id, now())
    assert (await people.acts())[-1] == "message.canceled"
    await assert_books_balance(database)


async def test_another_accounts_message_is_not_there(
    database: Database, people: People, owner: Member
) -> None:
    made = await send(database, owner)
    assert made is not None
    stranger = await people.owner("bob@example.com", "Bob's")
    with pytest.raises(NotFoundError):
        await database.write(messages.cancel, stranger, "test", made.message_id, now())
    with pytest.raises(KycRequiredError):
        await database.write(messages.cancel, owner, "live", made.message_id, now())
