"""A suspension by an administrator reaches what goes on, on both databases: calls that wait or are
up, and phones. That a real Asterisk hangs up is tests/voice/test_sip_account_ends.py."""

import pytest

from db.database import Database
from telephony.admin import accounts as deeds
from telephony.audit import Actor
from telephony.clock import now
from tests.api.world import assert_books_balance
from tests.factories import Customer, customer
from tests.voice.calling import add_phone, call, dialing, placed

ROOT = Actor("usr_root", "root@example.com")


@pytest.fixture
async def caller(database: Database) -> Customer:
    """A customer with a phone and money for calls."""
    who = await customer(database, sip_funds="5", name="Caller")
    await add_phone(database, who)
    return who


async def free(database: Database, who: Customer) -> int:
    row = await database.one(
        "SELECT balance - held AS free FROM ledger_account WHERE account_id = :id"
        " AND mode = :mode AND kind = 'sip'",
        id=who.account_id, mode=who.mode,
    )  # fmt: skip
    assert row is not None
    return int(row["free"])


async def test_calls_end_and_what_was_held_comes_back(database: Database, caller: Customer) -> None:
    before = await free(database, caller)
    up = (await placed(database, caller)).call_id
    await dialing(database, up, now())
    waiting = (await placed(database, caller)).call_id
    other = await customer(database, sip_funds="5", name="Other")
    await add_phone(database, other, "bob", "+15550111333")
    theirs = (await placed(database, other)).call_id
    await database.write(deeds.suspend, ROOT, now(), caller.account_id, "fraud")
    row = await call(database, up)
    assert (row["status"], row["hangup_reason"]) == ("dialing", "account_suspended")
    assert row["hangup_at"] is not None
    row = await call(database, waiting)
    assert (row["status"], row["hangup_cause"]) == ("canceled", "account_suspended")
    assert (await call(database, theirs))["status"] == "queued"
    held = before - await free(database, caller)
    assert 0 < held < before  # of the call that is still up
    await assert_books_balance(database)


async def test_phones_are_provisioned_anew_once_for_each_change(
    database: Database, caller: Customer
) -> None:
    async def generation() -> int:
        row = await database.one("SELECT generation FROM sip_account WHERE username = 'alice'")
        assert row is not None
        return int(row["generation"])

    before = await generation()
    await database.write(deeds.suspend, ROOT, now(), caller.account_id, "fraud")
    stopped = await generation()
    assert stopped > before
    await database.write(deeds.suspend, ROOT, now(), caller.account_id, "again")
    assert await generation() == stopped
    await database.write(deeds.lift, ROOT, now(), caller.account_id, "cleared")
    assert await generation() > stopped
