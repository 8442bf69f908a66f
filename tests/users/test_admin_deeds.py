"""What administrators do to accounts and money, on both databases: who may, what is written down,
what is done once; and accounts found by what is known of them."""

from collections.abc import Callable
from typing import Any

import pytest

from db import account_search, accounts, audit_log
from db.connection import Conn
from db.database import Database
from telephony.admin import accounts as deeds
from telephony.admin import money
from telephony.admin.rights import as_admin
from telephony.audit import Actor
from telephony.billing import holds, wallets
from telephony.clock import now
from telephony.errors import InsufficientFundsError, NotFoundError, ValidationFailedError
from telephony.money import MICROS
from telephony.users.problems import ConfirmFirstError, RoleMissingError
from telephony.users.sessions import Member
from tests.api.world import assert_books_balance
from tests.users.world import MINUTE, People

ROOT = Actor("usr_root", "root@example.com", "198.51.100.7")
REFUSED = ValidationFailedError, NotFoundError


async def found(database: Database, search: str = "", **filters: Any) -> list[str]:
    rows = await account_search.page(database, limit=10, search=search, **filters)
    return [row["name"] for row in rows]


async def test_accounts_are_found_by_what_is_known_of_them(
    database: Database, people: People
) -> None:
    ada = await people.owner("ada@example.com", "Babbage & Sons Engines")
    await people.owner("bob@example.com", "Ärger-Engineering 24")
    await people.owner("eve@example.com", "=cmd|'calc'!A1 %_")
    assert await found(database) == ["=cmd|'calc'!A1 %_", "Ärger-Engineering 24",
                                     "Babbage & Sons Engines"]  # fmt: skip
    for search, names in {
        "eng": ["Ärger-Engineering 24", "Babbage & Sons Engines"],
        "ENGINES": ["Babbage & Sons Engines"],
        "sons  bab": ["Babbage & Sons Engines"],
        "ärger": ["Ärger-Engineering 24"],
        "24": ["Ärger-Engineering 24"],
        "sons 24": [],
        "ngines": [],
        "%": [],
        "'; --": [],
        "Ada@Example.com": ["Babbage & Sons Engines"],
        "ad@example.com": [],
        ada.account_id: ["Babbage & Sons Engines"],
        "acc_platform": [],
        "key_nothing": [],
        "platform": [],
    }.items():
        assert await found(database, search) == names, search
    await database.write(deeds.suspend, ROOT, now(), ada.account_id, "unpaid")
    assert await found(database, status="suspended") == ["Babbage & Sons Engines"]
    assert await found(database, "eng", status="active") == ["Ärger-Engineering 24"]
    assert await found(database, before=ada.account_id) == []
    read = [row async for rows in account_search.pages(database, "", None) for row in rows]
    assert len(read) == 3
    assert {row["wallet"] for row in read} == {0}


async def test_an_account_is_stopped_and_goes_on(database: Database, people: People) -> None:
    ada = await people.owner()
    for _ in range(2):  # a second click changes nothing
        await database.write(deeds.suspend, ROOT, now(), ada.account_id, " spam \n wave ")
    assert (await database.write(accounts.account, ada.account_id))["status"] == "suspended"
    await database.write(deeds.lift, ROOT, now(), ada.account_id, "was a mistake")
    assert (await database.write(accounts.account, ada.account_id))["status"] == "active"
    last, before, *_ = await audit_log.of_account(database, ada.account_id, 2**62, 3)
    assert (last["action"], before["action"]) == ("account.lifted", "account.suspended")
    assert before["after"] == '{"reason": "spam wave", "status": "suspended"}'
    assert (before["actor"], before["address"]) == (ROOT.id, ROOT.address)


async def test_limits_are_set_and_taken_away(database: Database, people: People) -> None:
    ada = await people.owner()
    change: Callable[..., None] = deeds.limit
    await database.write(change, ROOT, now(), ada.account_id, spend_day_max=5, calls_max=2)
    await database.write(change, ROOT, now(), ada.account_id, spend_day_max=None, calls_max=2)
    row = await database.write(accounts.account, ada.account_id)
    assert (row["spend_day_max"], row["calls_max"]) == (None, 2)
    (last, *_) = await audit_log.of_account(database, ada.account_id, 2**62, 1)
    assert (last["before"], last["after"]) == ('{"spend_day_max": 5}', '{"spend_day_max": null}')
    await database.write(change, ROOT, now(), ada.account_id, calls_max=2)
    assert (await people.acts()).count("account.limited") == 2


async def test_money_is_booked_once_for_each_form(database: Database, people: People) -> None:
    ada = await people.owner()

    def sell(conn: Conn) -> None:
        holds.place(conn, ada.account_id, "live", "wallet", 3 * MICROS, reference="m", now=now())
        holds.capture(conn, "m", "live", 3 * MICROS, now())

    async def free(wallet: str = "wallet") -> int:
        return await database.write(wallets.available, ada.account_id, "live", wallet)

    for done in (True, False):
        journal = await database.write(
            money.pay_in, ROOT, now(), ada.account_id, "live", 9 * MICROS, "bank 17", "form-one"
        )
        assert (journal is not None) == done
    await database.write(sell)
    for done in (True, False):
        journal = await database.write(
            money.correct, ROOT, now(), ada.account_id, "live", "sip", MICROS, "gift", "form-two"
        )
        assert (journal is not None) == done
    assert (await free(), await free("sip")) == (6 * MICROS, MICROS)
    for done in (True, False):
        journal = await database.write(
            money.refund, ROOT, now(), "charge:m", 2 * MICROS, "late", ada.account_id, "form-3"
        )
        assert (journal is not None) == done
    assert await free() == 8 * MICROS
    assert [act for act in await people.acts() if "." in act][-3:] == [
        "wallet.paid_in", "wallet.corrected", "charge.refunded",
    ]  # fmt: skip
    row = await database.one("SELECT * FROM journal WHERE kind = 'refund'")
    assert row is not None
    assert (row["actor"], row["reason"]) == (ROOT.id, "late")
    await assert_books_balance(database)


async def test_what_is_wrong_with_money_books_nothing(database: Database, people: People) -> None:
    ada, bob = await people.owner(), await people.owner("bob@example.com", "Bob's")

    def sell(conn: Conn) -> None:
        wallets.fund(conn, bob.account_id, "live", MICROS, reference="f", actor="t", now=now())
        holds.place(conn, bob.account_id, "live", "wallet", MICROS, reference="b", now=now())
        holds.capture(conn, "b", "live", MICROS, now())

    await database.write(sell)
    acts = await people.acts()
    to = ada.account_id
    with pytest.raises(InsufficientFundsError):
        await database.write(money.correct, ROOT, now(), to, "live", "wallet", -1, "r", "form-one")
    tried: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
        (money.pay_in, (to, "live", 0, "r")),
        (money.pay_in, (to, "live", -1, "r")),
        (money.pay_in, (to, "live", 10**12 + 1, "r")),
        (money.pay_in, (to, "play", 1, "r")),
        (money.pay_in, (to, "live", 1, " ")),
        (money.pay_in, (to, "live", 1, "x" * 501)),
        (money.pay_in, (accounts.PLATFORM, "live", 1, "r")),
        (money.pay_in, ("acc_nobody", "live", 1, "r")),
        (money.correct, (to, "live", "wallet", 0, "r")),
        (money.refund, ("charge:b", 1, "r", to)),
        (money.refund, ("charge:none", 1, "r", to)),
        (money.refund, ("charge:b", 0, "r", bob.account_id)),
        (money.refund, ("charge:b", MICROS + 1, "r", bob.account_id)),
        (deeds.suspend, (accounts.PLATFORM, "r")),
        (deeds.suspend, (to, "")),
    ]
    for deed, given in tried:
        with pytest.raises(REFUSED):
            await database.write(deed, ROOT, now(), *given)
    assert await people.acts() == acts
    await assert_books_balance(database)
    # the form whose money was not there may be sent again
    await database.write(money.pay_in, ROOT, now(), to, "live", 1, "r", "form-one")
    assert await database.write(wallets.balance, to, "live", "wallet") == 1


async def test_only_an_administrator_who_has_confirmed_may(
    database: Database, people: People
) -> None:
    owner = await people.owner()

    def suspend(who: Member) -> Any:
        return database.write(
            as_admin, who, now(), deeds.suspend, owner.account_id, "because"
        )  # fmt: skip

    support = await people.admin("support", "support@example.com")
    for who in (owner, support):
        with pytest.raises(RoleMissingError):
            await suspend(who)
    root = await people.admin()
    stale = await people.enter(root.user_id, now() - 11 * MINUTE)
    with pytest.raises(ConfirmFirstError):
        await suspend(stale)
    await suspend(root)
    assert (await people.acts())[-1] == "account.suspended"
