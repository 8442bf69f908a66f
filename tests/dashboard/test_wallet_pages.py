"""Wallets through the pages: balances, the statement with its filters, money moved once."""

import pytest

from db.database import Database
from telephony.billing import wallets
from telephony.clock import now
from telephony.money import MICROS
from telephony.users.sessions import Member
from tests.api.world import assert_books_balance
from tests.dashboard.visitor import Visitor
from tests.users.world import People

ADA, BOB = "ada@example.com", "bob@example.com"
HERE = "/dashboard/wallet"


@pytest.fixture
async def owner(people: People) -> Member:
    """Somebody with 100 USD of play money."""
    member = await people.owner(ADA)
    await fund(people, member, 100, "first")
    return member


async def fund(people: People, member: Member, amount: int, reference: str) -> None:
    def deed(conn: object) -> None:
        wallets.fund(conn, member.account_id, "test", amount * MICROS, reference=reference,  # type: ignore[arg-type]
                     actor="test", now=now(), reason=f"paid <b>{reference}</b>")  # fmt: skip

    await people.database.write(deed)


async def test_money_is_moved_once_and_shown(sqlite: Database, owner: Member, ada: Visitor) -> None:
    await ada.sign_in(ADA)
    said = await ada.open(HERE)
    assert "100.00 USD" in said
    assert "&lt;b&gt;first" in ada.page.text
    before = ada.page
    await ada.send(f"{HERE}/top-up", amount="30.5")
    assert (ada.at, ada.page.url.params["mode"]) == (HERE, "test")
    assert "69.50 USD" in ada.page.text
    assert "−30.50 USD" in ada.page.text
    ada.page = before
    await ada.send(f"{HERE}/top-up", amount="30.5")  # a second click
    assert "69.50 USD" in ada.page.text
    assert "wallet.moved_to_sip" in await ada.open("/dashboard/audit")
    await assert_books_balance(sqlite)


@pytest.mark.parametrize(
    ("amount", "status", "told"),
    [
        ("100.01", 402, "does not cover it"),
        ("0", 400, "above 0"),
        ("-5", 400, "above 0"),
        ("a lot", 400, "Write an amount such as"),
        ("NaN", 400, "Write an amount such as"),
        ("1e30", 400, "rite an amount"),
        ("0.0000001", 400, "rite an amount"),
    ],
)
async def test_what_cannot_be_moved(
    sqlite: Database, owner: Member, ada: Visitor, amount: str, status: int, told: str
) -> None:
    await ada.sign_in(ADA)
    await ada.open(HERE)
    assert told in await ada.send(f"{HERE}/top-up", status, amount=amount)
    rows = await sqlite.all("SELECT id FROM journal WHERE kind = 'sip_topup'")
    assert rows == []


async def test_the_statement_is_filtered_by_the_url(
    people: People, owner: Member, ada: Visitor
) -> None:
    for number in range(55):
        await fund(people, owner, 1, f"more{number}")
    await ada.sign_in(ADA)
    said = await ada.open(f"{HERE}?mode=test&kind=fund")
    assert said.count("<td>Deposit") == 50
    older = said.split('rel="next" href="')[1].split('"')[0]
    assert "kind=fund" in older
    said = await ada.open(f"{HERE}{older}")
    assert said.count("<td>Deposit") == 6
    first = said.split('class="pages"')[1].split('href="')[1].split('"')[0]
    assert (await ada.open(f"{HERE}{first}")).count("<td>Deposit") == 50
    assert "No money has moved" in await ada.open(f"{HERE}?mode=test&kind=refund")
    assert "No money has moved" in await ada.open(f"{HERE}?mode=live")
    assert "No money has moved" in await ada.open(f"{HERE}?wallet=&kind=&from=&to=2001-01-01")
    for bad in ("mode=real", "kind=theft", "from=soon", "cursor=x"):
        await ada.open(f"{HERE}?{bad}", 400)


async def test_who_may_not_pay_looks_only(people: People, owner: Member, bob: Visitor) -> None:
    await people.colleague(owner, "developer", BOB)
    await bob.sign_in(BOB)
    said = await bob.open(HERE)
    assert "100.00 USD" in said
    assert f"{HERE}/top-up" not in bob.actions()
    await bob.form(f"{HERE}/top-up", {"mode": "test", "amount": "1", "form": "x" * 12}, 403)


async def test_another_accounts_money_is_not_seen(
    people: People, owner: Member, bob: Visitor
) -> None:
    await people.owner(BOB, "Bob's")
    await bob.sign_in(BOB)
    assert "100.00" not in await bob.open(f"{HERE}?mode=test")
