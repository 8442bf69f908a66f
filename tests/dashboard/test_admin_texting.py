"""An administrator sets a customer's default sender and its answers to keywords."""

import pytest

from db import sms_accounts, sms_replies
from db.connection import Conn
from db.database import Database
from telephony.clock import now
from telephony.sms import senders
from telephony.users.sessions import Member
from tests.dashboard.visitor import Visitor
from tests.users.world import People

NUMBER, FOREIGN = "+15550111222", "+15550111999"
HOSTILE = "<script>alert('x')</script>"


@pytest.fixture
async def here(sqlite: Database, people: People, owner: Member) -> str:
    """The page of an account with one approved name, one that waits, and one number; another
    number is somebody else's."""
    other = await people.owner("eve@example.com", "Others")

    def deed(conn: Conn) -> None:
        for name in ("SHOP", "WAITS"):
            senders.request(conn, owner.account_id, name, now())
        sms_accounts.decide_sender(
            conn, owner.account_id, "SHOP", sms_accounts.SenderStatus.approved, "", now()
        )
        for number, account_id in ((NUMBER, owner.account_id), (FOREIGN, other.account_id)):
            conn.run(
                "INSERT INTO owned_number (number, account_id, mode, targets, strategy,"
                " ring_seconds, forward_to, created_at)"
                " VALUES (:number, :id, 'test', '', 'all', 20, '', :now)",
                number=number, id=account_id, now=now(),
            )  # fmt: skip

    await sqlite.write(deed)
    return f"/admin/accounts/{owner.account_id}/texting"


async def test_the_default_sender_is_set_and_written_down(
    sqlite: Database, owner: Member, here: str, root: Visitor
) -> None:
    assert here in await root.open(here.removesuffix("/texting"))
    await root.open(here)
    await root.send(f"{here}/default", sender=" SHOP ")
    assert root.at == here
    assert 'value="SHOP"' in root.page.text
    assert await sms_accounts.default_sender(sqlite, owner.account_id) == "SHOP"
    assert "messages.set" in await root.open("/admin/audit")
    for wrong in ("WAITS", "OTHER", FOREIGN):
        await root.open(here)
        said = await root.send(f"{here}/default", 400, sender=wrong)
        assert "Choose a verified number or an approved sender id" in said
    assert await sms_accounts.default_sender(sqlite, owner.account_id) == "SHOP"
    await root.open(here)
    await root.send(f"{here}/default", sender="")
    assert await sms_accounts.default_sender(sqlite, owner.account_id) == ""


async def test_replies_are_set_taken_away_and_written_down(
    sqlite: Database, owner: Member, here: str, root: Visitor
) -> None:
    action = f"{here}/reply"
    assert "Nothing is answered" in await root.open(here)
    await root.send(action, keyword="stop", owned_number="", text="Good bye")
    await root.form(action, {"keyword": "help", "owned_number": "+1 (555) 011-1222",
                             "text": HOSTILE})  # fmt: skip
    rows = await sms_replies.texts_of(sqlite, owner.account_id)
    assert [(row["number"], row["keyword"], row["body"]) for row in rows] == [
        ("", "stop", "Good bye"), (NUMBER, "help", HOSTILE),
    ]  # fmt: skip
    assert HOSTILE not in root.page.text
    assert "messages.reply_set" in await root.open("/admin/audit")
    await root.open(here)
    await root.send(action)  # the first one's button
    (row,) = await sms_replies.texts_of(sqlite, owner.account_id)
    assert row["keyword"] == "help"


@pytest.mark.parametrize(
    ("number", "text", "said"),
    [
        (FOREIGN, "Hi", "The account does not own this number"),
        ("12", "Hi", "12"),
        ("", "STOP", "could be answered in turn"),
        ("", "x" * 460, "at most 459 characters"),
    ],
)
async def test_a_wrong_reply_is_shown_again(
    sqlite: Database, owner: Member, here: str, root: Visitor, number: str, text: str, said: str
) -> None:
    await root.open(here)
    fields = {"keyword": "stop", "owned_number": number, "text": text}
    assert said in await root.form(f"{here}/reply", fields, 400)
    assert text in root.page.text
    assert await sms_replies.texts_of(sqlite, owner.account_id) == []


async def test_support_looks_and_no_page_is_the_platforms(
    people: People, here: str, root: Visitor
) -> None:
    await root.open("/admin/accounts/acc_platform/texting", 404)
    await root.open("/admin/accounts/none/texting", 404)
    await people.admin("support", "sam@example.org")
    root.client.cookies.clear()
    await root.sign_in("sam@example.org")
    await root.open(here)
    assert not [action for action in root.actions() if "texting" in action]
    await root.form(f"{here}/default", {"sender": ""}, 403)
    await root.form(f"{here}/reply", {"keyword": "stop", "text": "x"}, 403)
