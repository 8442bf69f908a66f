"""Customers' accounts through the administrators' pages: searched, suspended, limited; money."""

import csv
import io

import pytest

from db.connection import Conn
from db.database import Database
from telephony.billing import holds, wallets
from telephony.clock import now
from telephony.money import MICROS
from telephony.users.sessions import Member
from tests.api.world import assert_books_balance
from tests.dashboard.test_keys_pages import make, ping
from tests.dashboard.visitor import Visitor
from tests.users.world import MINUTE, People

ADA, BOB, ROOT = "ada@example.com", "bob@example.com", "root@example.com"
HERE = "/admin/accounts"


@pytest.fixture
async def owner(people: People) -> Member:
    return await people.owner(ADA, "Engines <b>& Co")


async def test_accounts_are_listed_searched_and_exported(
    people: People, owner: Member, root: Visitor
) -> None:
    for number in range(51):
        await people.database.write(people._open, f"u{number}@example.com", f"Firm {number}")
    said = await root.open(HERE)
    assert said.count("Not approved") == 50
    older = said.split('rel="next" href="')[1].split('"')[0]
    said = await root.open(f"{HERE}{older}")
    assert "Engines <b>& Co" in said
    assert "<b>" not in root.page.text
    said = await root.open(f"{HERE}?q=engi&status=")
    assert owner.account_id in said
    assert "Firm" not in said
    assert "No account is found" in await root.open(f"{HERE}?q=engi&status=suspended")
    await root.open(f"{HERE}.csv?q=firm+5")
    rows = list(csv.DictReader(io.StringIO(root.page.text)))
    assert [row["name"] for row in rows] == ["Firm 50", "Firm 5"]
    assert (rows[0]["status"], rows[0]["wallet"]) == ("active", "0.0")
    for bad in ("status=gone", "cursor=x", "more=1"):
        await root.open(f"{HERE}?{bad}", 400)


async def test_a_suspension_refuses_keys_at_once(
    sqlite: Database, owner: Member, ada: Visitor, root: Visitor
) -> None:
    await ada.sign_in(ADA)
    said = await make(ada)
    key = said.split("sk_test_")[1][:38]
    key = f"sk_test_{key}"
    assert await ping(ada.client, key) == 200
    page = f"{HERE}/{owner.account_id}"
    assert "Suspend this account" in await root.open(page)
    assert "Give a reason" in await root.send(f"{page}/suspend", 400, reason=" ")
    said = await root.send(f"{page}/suspend", reason="<i>unpaid</i>")
    assert (root.at, "Lift the suspension" in said) == (page, True)
    assert "&lt;i&gt;unpaid" in root.page.text
    assert await ping(ada.client, key) == 403
    assert "This account is suspended" in await ada.open("/dashboard")
    assert "account.suspended" in await ada.open("/dashboard/audit")
    await root.send(f"{page}/lift", reason="paid")
    assert await ping(ada.client, key) == 200


async def test_money_is_paid_in_corrected_and_refunded(
    sqlite: Database, owner: Member, root: Visitor
) -> None:
    page = f"{HERE}/{owner.account_id}"
    await root.open(f"{page}/money")
    form = root.page
    said = await root.send(f"{page}/money", what="paid_in", mode="live", amount="30.50",
                           reason="bank 17")  # fmt: skip
    assert root.at == page
    assert said.count("30.50 USD") >= 2
    root.page = form
    said = await root.send(f"{page}/money", what="paid_in", mode="live", amount="30.50",
                           reason="a second click")  # fmt: skip
    assert "61.00 USD" not in said
    await root.open(f"{page}/money")
    said = await root.send(f"{page}/money", what="correction", mode="live", wallet="wallet",
                           amount="-0.5", reason="twice")  # fmt: skip
    assert "30.00 USD" in said
    assert "Correction: twice" in said

    def sell(conn: Conn) -> None:
        holds.place(conn, owner.account_id, "live", "wallet", 6_000, reference="msg_1", now=now())
        holds.capture(conn, "msg_1", "live", 6_000, now())

    await sqlite.write(sell)
    said = await root.open(page)
    link = said.split(f'href="{page}/refund?')[1].split('"')[0]
    said = await root.open(f"{page}/refund?{link}")
    assert 'value="0.006"' in said
    assert 'name="mode" value="live"' in said
    charge = said.split('name="charge" type="text" value="')[1].split('"')[0]
    said = await root.send(f"{page}/refund", 400, charge=charge, amount="0.0061", reason="late")
    assert "0.006 USD is left to refund" in said
    said = await root.send(f"{page}/refund", charge=charge, amount="0.006", reason="late")
    assert "Refund: late" in said
    assert root.page.url.params["mode"] == "live"
    assert 'name="mode" value="test"' in await root.open(f"{page}/refund?mode=test")
    assert await sqlite.write(wallets.balance, owner.account_id, "live", "wallet") == 30 * MICROS
    await assert_books_balance(sqlite)


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({"amount": "1e30"}, 400, "Write an amount"),
        ({"amount": "nothing"}, 400, "Write an amount"),
        ({"amount": "-1"}, 400, "above 0"),
        ({"reason": ""}, 400, "Give a reason"),
        ({"mode": "play"}, 400, "Live"),
        ({"what": "correction", "amount": "-1"}, 402, "does not cover it"),
    ],
)
async def test_what_cannot_be_booked_is_said_in_the_form(
    sqlite: Database, owner: Member, root: Visitor, fields: dict[str, str], status: int, told: str
) -> None:
    page = f"{HERE}/{owner.account_id}/money"
    await root.open(page)
    given = {"what": "paid_in", "mode": "live", "amount": "1", "reason": "typed <i>",
             "form": "typed-once"} | fields  # fmt: skip
    said = await root.form(page, given, status)
    assert told in said
    if fields.get("reason") is None:
        assert 'value="typed &lt;i&gt;"' in root.page.text
    assert await sqlite.all("SELECT id FROM journal") == []


async def test_limits_are_shown_and_set(sqlite: Database, owner: Member, root: Visitor) -> None:
    page = f"{HERE}/{owner.account_id}"
    await root.open(f"{page}/limits")
    said = await root.send(f"{page}/limits", spend_day_max="12.5", calls_max="3")
    assert root.at == page
    assert "12.50 USD" in said
    said = await root.open(f"{page}/limits")
    assert 'value="12.5"' in said
    for wrong in ({"calls_max": "0"}, {"calls_per_second": "many"}, {"spend_month_max": "-1"}):
        await root.open(f"{page}/limits")
        assert "Write a" in await root.form(f"{page}/limits", wrong, 400)
    await root.open(f"{page}/limits")
    await root.send(f"{page}/limits")
    (row,) = await sqlite.all("SELECT * FROM account WHERE id = :id", id=owner.account_id)
    assert (row["spend_day_max"], row["calls_max"]) == (None, None)


async def test_support_looks_and_changes_nothing(
    people: People, owner: Member, bob: Visitor
) -> None:
    await people.admin("support", BOB)
    await bob.sign_in(BOB)
    page = f"{HERE}/{owner.account_id}"
    said = await bob.open(page)
    assert ADA in said
    assert not [action for action in bob.actions() if action.startswith(page)]
    for action, fields in {
        "suspend": {"reason": "r"}, "limits": {},
        "money": {"what": "paid_in", "mode": "live", "amount": "1", "reason": "r", "form": "x" * 9},
    }.items():  # fmt: skip
        await bob.open(page)
        await bob.form(f"{page}/{action}", fields, 403)
    await bob.open(f"{page}/money", 403)


async def test_money_asks_for_a_confirmation(
    sqlite: Database, owner: Member, root: Visitor
) -> None:
    page = f"{HERE}/{owner.account_id}/money"
    await root.open(page)
    old = now() - 11 * MINUTE
    await sqlite.write(lambda conn: conn.run("UPDATE session SET confirmed_at = :old", old=old))
    await root.send(page, 403, what="paid_in", mode="live", amount="1", reason="Mr. O'Neil <b>")
    assert await sqlite.all("SELECT id FROM journal") == []
    await root.confirm()
    assert "Mr. O'Neil <b>" in await root.open("/admin/audit")
    (journal,) = await sqlite.all("SELECT kind FROM journal")
    assert journal["kind"]


async def test_what_is_not_there_is_not_found(root: Visitor) -> None:
    for path in ("x", "acc_platform", "x/money", "x/refund", "x/limits"):
        await root.open(f"{HERE}/{path}", 404)
