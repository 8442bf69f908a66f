"""All that the page of one account shows: people, keys in every state, sender ids, the statement of
both modes in pages, what was done last; and what a spreadsheet must not run."""

import csv
import io
from typing import Any

import pytest

from db import accounts
from db.connection import Conn
from db.database import Database
from telephony.accounts import create_key, revoke_key
from telephony.billing import wallets
from telephony.clock import now
from telephony.sms import senders
from telephony.users.sessions import Member
from tests.dashboard.visitor import Visitor
from tests.factories import ACTOR
from tests.users.world import MINUTE, People

ADA, ROOT = "ada@example.com", "root@example.com"
HERE = "/admin/accounts"


@pytest.fixture
async def owner(people: People) -> Member:
    return await people.owner(ADA, "Engines")


async def test_a_new_account_says_what_is_not_there_yet(owner: Member, root: Visitor) -> None:
    said = await root.open(f"{HERE}/{owner.account_id}")
    for told in (
        "Identity not approved",
        "There is no key",
        "No money has moved",
        "account.opened",
        "0.00 USD",
        "standard",
        ADA,
    ):
        assert told in said, told
    assert "Sender ids</h2>" not in root.page.text


async def test_an_account_that_a_command_opened_has_nobody(
    sqlite: Database, owner: Member, root: Visitor
) -> None:
    await sqlite.write(lambda conn: conn.run("DELETE FROM membership"))
    assert "Nobody signs in to this account" in await root.open(f"{HERE}/{owner.account_id}")


async def test_keys_are_shown_in_their_states(
    sqlite: Database, people: People, owner: Member, root: Visitor
) -> None:
    def deed(conn: Conn) -> list[str]:
        ids = [
            create_key(conn, owner.account_id, mode, name=name, actor=ACTOR, now=now()).id
            for mode, name in (("test", "Works-key"), ("live", "Gone-key"), ("test", "Old-key"))
        ]
        revoke_key(conn, ids[1], actor=ACTOR, now=now())
        accounts.change_key(conn, ids[2], expires_at=now() - MINUTE)
        senders.request(conn, owner.account_id, "A & B", now())
        return ids

    ids = await sqlite.write(deed)
    await people.colleague(owner, "billing", "money@example.com")
    said = await root.open(f"{HERE}/{owner.account_id}")
    lines = {
        name: said.split(f"<td>{name}</td>")[1].split("</tr>")[0]
        for name in ("Works-key", "Gone-key", "Old-key")
    }
    assert "Works" in lines["Works-key"]
    assert "Revoked" in lines["Gone-key"]
    assert "sk_live_…" in lines["Gone-key"]
    assert "Expired" in lines["Old-key"]
    assert "money@example.com" in said
    assert "<td>A &amp; B</td>" in root.page.text
    said = await root.open(f"{HERE}?q={ids[0]}")
    assert "Engines" in said


async def test_the_statement_has_pages_in_each_mode(
    sqlite: Database, owner: Member, root: Visitor
) -> None:
    def deed(conn: Conn) -> None:
        for number in range(52):
            wallets.fund(conn, owner.account_id, "test", 1_000_000, reference=f"f{number}",
                         actor="t", now=now(), reason=f"paid <i>{number}</i>")  # fmt: skip

    await sqlite.write(deed)
    page = f"{HERE}/{owner.account_id}"
    assert "No money has moved" in await root.open(page)
    said = await root.open(f"{page}?mode=test")
    assert said.count("<td>Deposit: paid") == 50
    assert "&lt;i&gt;51" in root.page.text
    older = said.split('rel="next" href="')[1].split('"')[0]
    said = await root.open(f"{page}{older}")
    assert said.count("<td>Deposit: paid") == 2
    assert "First page" in said
    for bad in ("mode=play", "cursor=txn_1.wallet", "kind=gift", "from=x"):
        await root.open(f"{page}?{bad}", 400)


async def test_the_statement_is_filtered_and_exported(
    sqlite: Database, owner: Member, root: Visitor
) -> None:
    def deed(conn: Conn) -> None:
        facts: dict[str, Any] = {"actor": "t", "now": now()}
        wallets.fund(conn, owner.account_id, "live", 5_000_000, reference="f", reason="=paid",
                     **facts)  # fmt: skip
        wallets.top_up_sip(conn, owner.account_id, "live", 5, reference="t", **facts)

    await sqlite.write(deed)
    page = f"{HERE}/{owner.account_id}"
    for query, count in (
        ("", 3), ("?wallet=sip", 1), ("?kind=fund&mode=live", 1), ("?kind=sip_topup", 2),
        ("?to=2020-01-01", 0), ("?mode=test", 0),
    ):  # fmt: skip
        said = await root.open(page + query)
        assert said.count("<td>Wallet</td>") + said.count("<td>SIP wallet</td>") == count, query
        file = await root.client.get(f"{page}/statement.csv{query}")
        assert len(list(csv.DictReader(io.StringIO(file.text)))) == count, query
    file = await root.client.get(f"{page}/statement.csv?kind=fund")
    assert "statement-live.csv" in file.headers["content-disposition"]
    (line,) = csv.DictReader(io.StringIO(file.text))
    assert (line["amount"], line["description"]) == ("5.0", "Deposit: =paid")
    await root.open(f"{HERE}/acc_none/statement.csv", 404)


async def test_no_name_is_run_by_a_spreadsheet(people: People, root: Visitor) -> None:
    names = ["=cmd|'/C calc'!A1", "@SUM(1)", "+1+1", "-2+3", 'a "quoted", name']
    for number, name in enumerate(names):
        await people.owner(f"u{number}@example.com", name)
    await root.open(f"{HERE}.csv")
    rows = list(csv.DictReader(io.StringIO(root.page.text)))
    shown = [row["name"] for row in reversed(rows)]
    assert shown == [f"'{name}" for name in names[:4]] + names[4:]
    assert root.page.headers["content-type"].startswith("text/csv")
    assert "accounts.csv" in root.page.headers["content-disposition"]
