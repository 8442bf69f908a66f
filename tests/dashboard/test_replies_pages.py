"""What an account shows and answers by itself, through the pages: its default sender, and the texts
that answer STOP, START and HELP."""

import pytest

from db import numbers, sms_accounts, sms_replies
from db.connection import Conn
from db.database import Database
from db.sms_accounts import SenderStatus
from telephony.audit import Actor
from telephony.clock import now
from telephony.errors import ValidationFailedError
from telephony.sms.keywords import Keyword
from telephony.users import texting
from telephony.users.sessions import Member
from tests.dashboard.visitor import Visitor
from tests.factories import customer
from tests.users.world import People

ADA, BOB = "ada@example.com", "bob@example.com"
SENDERS, REPLIES = "/dashboard/messages/senders", "/dashboard/messages/replies"
DEFAULT = f"{SENDERS}/default"
OURS = "+15550111333"
ROOT = Actor("cli:root", "cli:root")


def own(conn: Conn, account_id: str, number: str = OURS) -> None:
    numbers.own(conn, number=number, account_id=account_id, mode="test", strategy="all",
                ring_seconds=25, targets="", forward_to="", created_at=now())  # fmt: skip


@pytest.fixture
async def owner(people: People, ada: Visitor) -> Member:
    """Somebody with a number and two sender ids, of which one is approved."""
    member = await people.owner(ADA)
    account_id = member.account_id

    def furnish(conn: Conn) -> None:
        own(conn, account_id)
        for sender in ("ACME", "WAITS"):
            sms_accounts.request_sender(conn, account_id, sender, now())
        sms_accounts.decide_sender(conn, account_id, "ACME", SenderStatus.approved, "", now())

    await people.database.write(furnish)
    await ada.sign_in(ADA)
    return member


async def texts(database: Database, member: Member) -> list[tuple[str, str, str]]:
    rows = await sms_replies.texts_of(database, member.account_id)
    return [(row["number"], row["keyword"], row["body"]) for row in rows]


async def test_a_default_sender_is_chosen(
    sqlite: Database, people: People, owner: Member, ada: Visitor
) -> None:
    said = await ada.open(SENDERS)
    assert f'<option value="{OURS}">' in said
    assert '<option value="WAITS">' not in said
    for sender in ("ACME", "ACME", OURS):
        await ada.send(DEFAULT, sender=sender)
        assert await sms_accounts.default_sender(sqlite, owner.account_id) == sender
        assert f'<option value="{sender}" selected>' in await ada.open(SENDERS)
    assert (await people.acts()).count("messages.set") == 2
    for wrong in ("WAITS", "OTHER", "+15559990000"):
        assert "Choose a verified number" in await ada.form(DEFAULT, {"sender": wrong}, 400)
    assert await sms_accounts.default_sender(sqlite, owner.account_id) == OURS
    await ada.open(SENDERS)
    await ada.send(DEFAULT, sender="")
    assert await sms_accounts.default_sender(sqlite, owner.account_id) == ""


async def test_keywords_are_answered(
    sqlite: Database, people: People, owner: Member, ada: Visitor
) -> None:
    assert "Nothing is answered" in await ada.open(REPLIES)
    said = await ada.send(REPLIES, keyword="stop", text="No more <b>from us</b>. ")
    assert "No more <b>from us</b>." in said
    assert "<b>from" not in ada.page.text
    await ada.send(REPLIES, keyword="help", owned_number=OURS, text="Call us.")
    await ada.form(REPLIES, {"keyword": "help", "owned_number": OURS, "text": "Call us."})
    assert await texts(sqlite, owner) == [
        ("", "stop", "No more <b>from us</b>."), (OURS, "help", "Call us."),
    ]  # fmt: skip
    await ada.open(REPLIES)
    await ada.send(REPLIES, nth=0)
    assert await texts(sqlite, owner) == [(OURS, "help", "Call us.")]
    assert (await people.acts()).count("messages.reply_set") == 3
    log = await ada.open("/dashboard/audit")
    assert "messages.reply_set" in log


async def test_what_is_wrong_is_said_at_its_field(
    sqlite: Database, people: People, owner: Member, ada: Visitor
) -> None:
    stranger = await people.owner(BOB, "Bob's")
    await sqlite.write(own, stranger.account_id, "+15550111444")
    good = {"keyword": "help", "text": "Call us."}
    for fields, told in (
        ({"text": "Help!"}, "keyword itself"), ({"text": "x" * 460}, "at most 459"),
        ({"owned_number": "+15550111444"}, "does not own this number"),
        ({"owned_number": "+15559990000"}, "does not own this number"),
        ({"keyword": "hello"}, "stop"),
    ):  # fmt: skip
        await ada.open(REPLIES)
        assert told in await ada.form(REPLIES, good | fields, 400), fields
    assert await texts(sqlite, owner) == []


@pytest.mark.parametrize("role", ["billing", "read_only"])
async def test_who_may_not_build_looks_only(
    sqlite: Database, people: People, owner: Member, bob: Visitor, role: str
) -> None:
    def fill(conn: Conn) -> None:
        sms_replies.put(conn, owner.account_id, "", "stop", "No more.")
        sms_accounts.change(conn, owner.account_id, default_sender="ACME")

    await sqlite.write(fill)
    await people.colleague(owner, role, BOB)
    await bob.sign_in(BOB)
    assert "No more." in await bob.open(REPLIES)
    assert "ACME" in await bob.open(SENDERS)
    assert not {DEFAULT, REPLIES} & set(bob.actions())
    await bob.form(DEFAULT, {"sender": ""}, 403)
    await bob.form(REPLIES, {"keyword": "stop"}, 403)
    assert await texts(sqlite, owner) == [("", "stop", "No more.")]


async def test_commands_do_the_same_deeds(database: Database) -> None:
    """What changes nothing is not written down, on either database."""
    who = (await customer(database)).account_id
    await database.write(own, who)

    def told(conn: Conn) -> None:
        for _ in range(2):
            texting.set_options(conn, ROOT, who, now(), default_sender=OURS, smart_encoding=True)
            texting.set_options(conn, ROOT, who, now(), per_minute=30, per_second=None)
            texting.set_reply(conn, ROOT, who, now(), number="", keyword=Keyword.STOP, text="Bye.")

    await database.write(told)
    with pytest.raises(ValidationFailedError, match="verified number"):
        await database.write(texting.set_options, ROOT, who, now(), default_sender="OTHER")
    row = await database.write(sms_accounts.settings_of, who)
    assert row
    assert (row["default_sender"], bool(row["smart_encoding"]), row["per_minute"]) == (
        OURS, True, 30,
    )  # fmt: skip
    rows = await database.all("SELECT * FROM audit_log ORDER BY seq")
    assert [row["action"] for row in rows] == [
        "messages.set", "messages.set", "messages.reply_set",
    ]  # fmt: skip
    assert {(row["actor"], row["account_id"]) for row in rows} == {("cli:root", who)}
    assert '"per_minute": 30' in rows[1]["after"]
    assert '"per_minute": null' in rows[1]["before"]
