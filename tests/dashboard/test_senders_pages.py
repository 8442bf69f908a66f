"""Sender ids and opt-outs through the pages."""

import csv
import io

import pytest

from db import sms_accounts
from db.connection import Conn
from db.database import Database
from db.sms_accounts import SenderStatus
from telephony.clock import now
from telephony.users.sessions import Member
from tests.dashboard.messaging import fund
from tests.dashboard.visitor import Visitor
from tests.users.world import People

ADA, BOB = "ada@example.com", "bob@example.com"
HERE = "/dashboard/messages/senders"
OPT_OUTS = "/dashboard/messages/opt-outs"
OURS, PHONE = "+15550111222", "+4915112345678"


@pytest.fixture
async def owner(people: People, ada: Visitor) -> Member:
    member = await people.owner(ADA)
    await ada.sign_in(ADA)
    return member


async def decide(database: Database, member: Member, status: SenderStatus, note: str = "") -> None:
    def deed(conn: Conn) -> None:
        assert sms_accounts.decide_sender(conn, member.account_id, "ACME", status, note, now())

    await database.write(deed)


async def out(database: Database, member: Member, *pairs: tuple[str, str], mode: str = "test"
              ) -> None:  # fmt: skip
    """Recipients who have answered STOP to senders."""

    def deed(conn: Conn) -> None:
        for sender, recipient in pairs:
            sms_accounts.opt_out(conn, member.account_id, mode, sender, recipient, "STOP", now())

    await database.write(deed)


async def test_a_sender_id_is_asked_for_refused_and_asked_for_again(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    assert "There is no sender id" in await ada.open(HERE)
    said = await ada.send(HERE, sender=" ACME ")
    assert (ada.at, "Pending" in said) == (HERE, True)
    assert "Ask again" not in said
    await decide(sqlite, owner, SenderStatus.refused, "It is <b>not</b> yours.")
    said = await ada.open(HERE)
    assert "It is <b>not</b> yours." in said
    assert "<b>not" not in ada.page.text
    assert "Pending" in await ada.send(HERE)  # the first form asks again
    await decide(sqlite, owner, SenderStatus.approved)
    assert "Approved" in await ada.open(HERE)
    assert "There is no sender id" in await ada.send(f"{HERE}/give-up")
    said = await ada.open("/dashboard/audit")
    assert said.count("sender.requested</a>") == 2
    assert "sender.given_up" in said


async def test_what_no_network_carries_is_refused(owner: Member, ada: Visitor) -> None:
    for sender in ("AB", "TWELVE CHARS", "Äpfel", "123456789", "=1+1"):
        await ada.open(HERE)
        said = await ada.send(HERE, 400, sender=sender)
        assert "A sender id is 3 to 11 letters" in said, sender
        assert 'id="e-sender"' in said


async def test_opt_outs_are_listed_filtered_and_a_file(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    assert "Nobody has opted out" in await ada.open(OPT_OUTS)
    phones = [f"+155512300{number:02d}" for number in range(60)]
    await out(sqlite, owner, *((OURS, phone) for phone in phones), ("ACME", PHONE))
    await out(sqlite, owner, (OURS, PHONE), mode="live")
    said = await ada.open(OPT_OUTS)
    assert said.count("<td>STOP") == 50
    older = said.split('rel="next" href="')[1].split('"')[0]
    said = await ada.open(f"{OPT_OUTS}{older}")
    assert said.count("<td>STOP") == 11
    for query, found in (
        ("sender=ACME", 1), ("search=%2B15551230007", 1), ("search=+15551230007", 1),
        ("search=+15551230007&sender=ACME", 0), ("search=%2B15550000000", 0), ("mode=live", 1),
        ("sender=&search=&mode=", 50),
    ):  # fmt: skip
        assert (await ada.open(f"{OPT_OUTS}?{query}")).count("<td>STOP") == found, query
    for bad in ("search=soon", "cursor=x", "mode=play"):
        await ada.open(f"{OPT_OUTS}?{bad}", 400)
    await ada.open(f"{OPT_OUTS}.csv?mode=test")
    rows = list(csv.DictReader(io.StringIO(ada.page.text, newline="")))
    assert [row["recipient"] for row in rows if row["sender"] == OURS] == phones
    assert len(rows) == 61


async def test_an_opt_out_is_added_counts_and_is_removed(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await fund(sqlite, owner)
    await ada.open(f"{OPT_OUTS}?mode=test")
    said = await ada.send(OPT_OUTS, recipient="+49 (151) 123-45678", sender="ACME")
    assert (ada.at, "by hand" in said) == (OPT_OUTS, True)
    (row,) = await sqlite.all("SELECT * FROM sms_opt_out")
    assert (row["recipient"], row["sender"], row["mode"]) == (PHONE, "ACME", "test")
    await ada.open(HERE)
    await ada.send(HERE, sender="ACME")
    await decide(sqlite, owner, SenderStatus.approved)
    refused = {"to": PHONE, "from": "ACME", "text": "Hello"}
    await ada.open("/dashboard/messages/send")
    said = await ada.send("/dashboard/messages/send", 403, 0, **refused)
    assert "answered STOP to ACME" in said
    await ada.open(OPT_OUTS)
    assert "Nobody has opted out" in await ada.send(f"{OPT_OUTS}/remove")
    said = await ada.open("/dashboard/audit")
    assert "recipient.opted_out" in said
    assert "recipient.opted_in" in said


async def test_a_recipient_is_a_number(owner: Member, ada: Visitor) -> None:
    await ada.open(OPT_OUTS)
    said = await ada.send(OPT_OUTS, 400, recipient="Bob", sender="ACME")
    assert "international format" in said
    assert 'value="Bob"' in said


async def test_who_may_not_build_looks_only(
    sqlite: Database, people: People, owner: Member, bob: Visitor
) -> None:
    await out(sqlite, owner, ("ACME", PHONE))
    await people.colleague(owner, "read_only", BOB)
    await bob.sign_in(BOB)
    await bob.open(HERE)
    await bob.form(HERE, {"sender": "ACME"}, 403)
    said = await bob.open(f"{OPT_OUTS}?mode=test")
    assert "<td>STOP" in said
    assert set(bob.actions()) == {"/sign-out"}
    fields = {"mode": "test", "sender": "ACME", "recipient": PHONE}
    for action in (OPT_OUTS, f"{OPT_OUTS}/remove"):
        await bob.form(action, fields, 403)


async def test_another_accounts_are_neither_seen_nor_touched(
    sqlite: Database, people: People, owner: Member, ada: Visitor, bob: Visitor
) -> None:
    await out(sqlite, owner, ("ACME", PHONE))
    await ada.open(HERE)
    await ada.send(HERE, sender="ACME")
    await people.owner(BOB, "Bob's")
    await bob.sign_in(BOB)
    assert "ACME" not in await bob.open(HERE)
    await bob.form(f"{HERE}/give-up", {"sender": "ACME"}, 404)
    assert "ACME" not in await bob.open(f"{OPT_OUTS}?mode=test")
    fields = {"mode": "test", "sender": "ACME", "recipient": PHONE}
    await bob.form(f"{OPT_OUTS}/remove", fields)
    assert len(await sqlite.all("SELECT * FROM sms_opt_out")) == 1
