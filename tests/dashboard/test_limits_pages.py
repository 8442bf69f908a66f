"""Thresholds, caps, limits of keys and the statement as a file, through the pages."""

import csv
import io

import pytest

from db.database import Database
from telephony.accounts import create_key
from telephony.billing import wallets
from telephony.clock import now
from telephony.money import MICROS
from telephony.users.sessions import Member
from tests.dashboard.visitor import Visitor
from tests.users.world import People

ADA, BOB = "ada@example.com", "bob@example.com"
WALLET, HERE, KEYS = "/dashboard/wallet", "/dashboard/wallet/limits", "/dashboard/keys"


@pytest.fixture
async def owner(people: People) -> Member:
    """Somebody with two deposits, the second of which was told of in a hostile way."""
    member = await people.owner(ADA)
    for reference, reason in (("one", "transfer"), ("two", '=cmd|"/c calc"!A1')):
        await people.database.write(
            wallets.fund, member.account_id, "test", 100 * MICROS, reference=reference,
            actor="test", now=now(), reason=reason,
        )  # fmt: skip
    return member


async def test_thresholds_and_caps_are_set(sqlite: Database, owner: Member, ada: Visitor) -> None:
    await ada.sign_in(ADA)
    said = await ada.open(HERE)
    assert "It has 200.00 USD. You are not warned." in said
    said = await ada.send(f"{HERE}/threshold", threshold="250.5")
    assert (ada.at, ada.page.url.params["mode"]) == (HERE, "test")
    assert "You are warned once it falls below 250.50 USD" in said
    assert 'value="250.50"' in said
    said = await ada.send(f"{HERE}/threshold", nth=1, threshold="7")
    assert "below 7.00 USD" in said
    said = await ada.send(f"{HERE}/caps", day="1000", month="")
    assert 'value="1000.00"' in said
    assert "<dd>1,000.00 USD</dd>" in said
    assert "less than 250.50 USD" in await ada.open("/dashboard")
    said = await ada.open("/dashboard/audit")
    assert "wallet.threshold_set" in said
    assert "account.caps_set" in said
    assert '<span class="quiet">Own day max:</span> – → 1,000.00 USD' in said
    await ada.open(HERE)
    await ada.send(f"{HERE}/caps", day="", month="")
    assert "no cap" in await ada.open(HERE)


@pytest.mark.parametrize("text", ["much", "-1", "1e30", "0.0000001", "NaN"])
async def test_what_is_no_amount_is_told_at_its_field(
    owner: Member, ada: Visitor, text: str
) -> None:
    await ada.sign_in(ADA)
    await ada.open(HERE)
    said = await ada.send(f"{HERE}/threshold", 400, nth=1, threshold=text)
    assert 'id="th-sip">Write an amount such as 25.50.' in said
    said = await ada.send(f"{HERE}/caps", 400, day="5", month=text)
    assert 'id="e-month"' in said
    assert 'value="5"' in said


async def test_who_may_not_pay_looks_only(people: People, owner: Member, bob: Visitor) -> None:
    await people.colleague(owner, "developer", BOB)
    await bob.sign_in(BOB)
    await bob.open(HERE)
    assert not [action for action in bob.actions() if action.startswith(HERE)]
    await bob.form(f"{HERE}/caps", {"day": "1"}, 403)


async def test_a_key_is_limited(sqlite: Database, owner: Member, ada: Visitor) -> None:
    made = await sqlite.write(
        create_key, owner.account_id, "test", name="<b>Shop", actor=owner.actor, now=now()
    )
    await ada.sign_in(ADA)
    here = f"{KEYS}/{made.id}"
    assert f'href="{here}"' in await ada.open(KEYS)
    await ada.open(here)
    assert "&lt;b&gt;Shop" in ada.page.text
    said = await ada.send(
        here, cidrs="192.0.2.0/24, 10.0.0.0/8", spend_day_max="2.5", calls_max="4"
    )
    for told in ("192.0.2.0/24,10.0.0.0/8", 'value="2.50"', 'value="4"', "of 2.50 USD"):
        assert told in said, told
    for field, text in (("cidrs", "nowhere"), ("spend_day_max", "x"), ("calls_max", "0"),
                        ("requests_burst", "1.5"), ("requests_per_minute", "²")):  # fmt: skip
        said = await ada.form(here, {field: text}, 400)
        assert f'id="e-{field}"' in said, field
        await ada.open(here)
    (row,) = await sqlite.all("SELECT * FROM api_key")
    assert (row["calls_max"], row["requests_burst"], row["spend_day_max"]) == (4, None, 2_500_000)
    await ada.open(KEYS)
    await ada.send(f"{KEYS}/revoke")
    assert "Set the limits" not in await ada.open(here)
    await ada.open(f"{KEYS}/key_nothing", 404)


async def test_another_accounts_key_is_out_of_reach(
    sqlite: Database, people: People, owner: Member, bob: Visitor
) -> None:
    made = await sqlite.write(
        create_key, owner.account_id, "test", name="Shop", actor=owner.actor, now=now()
    )
    await people.owner(BOB, "Bob's")
    await bob.sign_in(BOB)
    await bob.open(f"{KEYS}/{made.id}", 404)
    await bob.open(KEYS)
    await bob.form(f"{KEYS}/{made.id}", {"calls_max": "1"}, 404)


async def test_the_statement_is_a_file(owner: Member, ada: Visitor, people: People) -> None:
    await ada.sign_in(ADA)
    await ada.open(f"{WALLET}?mode=test&kind=fund")
    assert f"{WALLET}/statement.csv?mode=test&amp;kind=fund" in ada.page.text
    await ada.open(f"{WALLET}/statement.csv?mode=test&kind=fund")
    assert ada.page.headers["content-type"].startswith("text/csv")
    assert ada.page.headers["cache-control"] == "no-store"
    heading, *rows = csv.reader(io.StringIO(ada.page.text))
    assert heading[:4] == ["id", "wallet", "kind", "amount"]
    assert [row[heading.index("balance")] for row in rows] == ["200.0", "100.0"]
    told = [row[heading.index("description")] for row in rows]
    assert told == ['Deposit: =cmd|"/c calc"!A1', "Deposit: transfer"]
    await ada.open(f"{WALLET}/statement.csv?kind=theft", 400)
    await ada.open(f"{WALLET}/statement.csv?mode=live")
    assert len(ada.page.text.splitlines()) == 1
