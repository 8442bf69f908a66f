"""The form that sends a message: as the API would, once, with its parts counted before."""

import re

from db import sms_accounts
from db.connection import Conn
from db.database import Database
from db.sms_accounts import SenderStatus
from telephony.clock import now
from telephony.users.sessions import Member
from tests.api.world import assert_books_balance, count
from tests.dashboard.visitor import Visitor
from tests.users.world import People

ADA, BOB = "ada@example.com", "bob@example.com"
HERE = "/dashboard/messages/send"
TO = "+15551230001"


async def test_a_message_is_sent_once_and_shown(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await ada.open(HERE)
    before = ada.page
    said = await ada.send(HERE, to="+1 555 123 0001", text="Hello\r\nthere", reference="r1")
    assert ada.at.startswith("/dashboard/messages/msg_")
    assert "r1" in said
    (row,) = await sqlite.all("SELECT * FROM message")
    assert (row["body"], row["to_number"], row["mode"]) == ("Hello\nthere", TO, "test")
    assert row["request_id"]
    ada.page = before
    await ada.send(HERE, to=TO, text="Hello again")  # a second click
    assert (ada.at, await count(sqlite, "message")) == ("/dashboard/messages", 1)
    await assert_books_balance(sqlite)
    said = await ada.open("/dashboard/audit")
    assert "message.sent" in said
    assert "Hello" not in said


async def test_a_message_is_scheduled(sqlite: Database, owner: Member, ada: Visitor) -> None:
    await ada.open(HERE)
    assert "within the next 30 days" in await ada.send(
        HERE, 400, to=TO, text="Later", send_at="2001-01-01T10:00"
    )
    day = (now() // 1_000_000 + 2 * 86400) // 86400 * 86400
    date = await sqlite.one("SELECT date(:day, 'unixepoch') AS day", day=day)
    assert date is not None
    said = await ada.send(HERE, to=TO, text="Later", send_at=f"{date['day']}T10:30")
    assert "10:30:00 UTC" in said
    assert "Scheduled" in said


REFUSED: tuple[tuple[dict[str, str], int, str], ...] = (
    ({"to": "soon"}, 400, "international format"),
    ({"text": ""}, 400, "required"),
    ({"text": "x" * 4000}, 400, "is the most"),
    ({"from": "ACME"}, 403, "neither a verified number nor an approved sender"),
    ({"to": "+15551230010"}, 402, "does not cover"),
    ({"to": "+15551230011"}, 403, "does not want messages"),
    ({"mode": "live"}, 403, "identity check"),
    ({"mode": "moon"}, 400, "live"),
    ({"callback_url": "http://10.0.0.1/"}, 400, "The URL"),
)


async def test_what_the_api_refuses_is_refused(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    for fields, status, told in REFUSED:
        await ada.open(HERE)
        form = re.findall(r'name="form" value="([^"]+)"', ada.page.text)[0]
        given = {"mode": "test", "form": form, "to": TO, "text": "Hello <b>you</b>"}
        said = await ada.form(HERE, given | fields, status)
        assert told in said, fields
        # What was written is there again.
        assert "text" in fields or "Hello &lt;b&gt;you&lt;/b&gt;" in ada.page.text
    assert await count(sqlite, "message") == 0


async def test_a_suspended_account_sends_nothing(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await ada.open(HERE)
    suspend = "UPDATE account SET status = 'suspended' WHERE id = :id"
    await sqlite.write(lambda conn: conn.run(suspend, id=owner.account_id))
    assert "suspended" in await ada.send(HERE, 403, to=TO, text="Hello")
    assert await count(sqlite, "message") == 0


async def test_senders_that_may_be_used_are_offered(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    def deed(conn: Conn) -> None:
        for name in ("ACME", "OTHER"):
            sms_accounts.request_sender(conn, owner.account_id, name, now())
        sms_accounts.decide_sender(conn, owner.account_id, "ACME", SenderStatus.approved, "", now())

    await sqlite.write(deed)
    said = await ada.open(HERE)
    assert '<option value="ACME">' in said
    assert "OTHER" not in said


async def counted(visitor: Visitor, **fields: str) -> str:
    await visitor.open(HERE)
    told = await visitor.form(f"{HERE}/count", {"mode": "test", "form": "x", **fields})
    assert "<html" not in told
    return " ".join(told.split())


async def test_parts_are_counted_as_they_will_be_sent(owner: Member, ada: Visitor) -> None:
    for text, told in (
        ("", "counted while you write"),
        ("Hello", "1 part in gsm7; 5 of 160 characters used."),
        ("x" * 160, "1 part in gsm7; 160 of 160"),
        ("x" * 161, "2 parts in gsm7; 8 of 153 characters of the last one used."),
        ("€" * 80, "1 part in gsm7; 160 of 160"),
        ("line\r\nline", "9 of 160"),
        ("Привет", "1 part in ucs2; 6 of 70"),
        ("😀" * 36, "2 parts in ucs2"),
        ("x" * 4000, "parts are the most"),
    ):
        assert told in await counted(ada, text=text), text[:20]


async def test_the_count_tells_the_price_of_the_number(owner: Member, ada: Visitor) -> None:
    assert "Cost: 0.014 USD." in await counted(ada, text="x" * 161, to="+1 555 123 0001")
    assert "Cost" not in await counted(ada, text="x", to="+1 5")
    assert "Cost" not in await counted(ada, text="x", to="+999123456789")
    assert "1 part" in await counted(ada, text="x", to="+15551230001", mode="live")


async def test_who_may_not_build_counts_nothing(
    people: People, owner: Member, bob: Visitor
) -> None:
    await people.colleague(owner, "billing", BOB)
    await bob.sign_in(BOB)
    await bob.open("/dashboard/team")
    await bob.form(f"{HERE}/count", {"mode": "test", "text": "x"}, 403)
    await bob.form(HERE, {"mode": "test", "text": "x", "to": TO, "form": "x" * 12}, 403)
