"""The queue of sender ids through the pages: by age, approved, refused with a reason."""

import csv
import io

import pytest

from db import sms_accounts
from db.connection import Conn
from db.database import Database
from telephony.admin import senders as deeds
from telephony.audit import Actor
from telephony.clock import now
from telephony.errors import NotFoundError, SenderIdNotAllowedError, ValidationFailedError
from telephony.settings import Settings
from telephony.sms import senders
from telephony.users.sessions import Member
from tests.dashboard.visitor import Visitor
from tests.users.world import People

ADA, BOB, ROOT = "ada@example.com", "bob@example.com", "root@example.com"
HERE = "/admin/senders"
LONDON = "+442079460000"
BY = Actor("usr_root", ROOT)


@pytest.fixture
async def owner(people: People) -> Member:
    """An account that asked for three names."""
    member = await people.owner(ADA, "Engines <b>& Co")
    for at, sender in enumerate(("Z &FIRST", "ACME", "12345")):
        await people.database.write(senders.request, member.account_id, sender, now() + at)
    return member


async def may_send(database: Database, member: Member, sender: str) -> bool:
    def deed(conn: Conn) -> str:
        pick = senders.senders_for(conn, Settings(), member.account_id, "live", "")
        return pick(sender, LONDON)

    try:
        return await database.write(deed) == sender
    except SenderIdNotAllowedError:
        return False


async def test_requests_are_decided_by_age(
    sqlite: Database, owner: Member, ada: Visitor, root: Visitor
) -> None:
    said = await root.open(HERE)
    assert said.index("Z &FIRST") < said.index("ACME") < said.index("12345")
    assert "Z &amp;FIRST" in root.page.text
    assert "Engines <b>" not in root.page.text
    assert not await may_send(sqlite, owner, "Z &FIRST")
    said = await root.send(f"{HERE}/approve")
    assert root.at == HERE
    assert "Z &FIRST" not in said
    assert await may_send(sqlite, owner, "Z &FIRST")
    assert "Give a reason" in await root.send(f"{HERE}/refuse", 400, reason=" ")
    await root.send(f"{HERE}/refuse", reason="=not yours")
    assert not await may_send(sqlite, owner, "ACME")
    said = await root.open(f"{HERE}?status=refused")
    assert "=not yours" in said
    await root.open(f"{HERE}.csv?status=refused")
    (row,) = csv.DictReader(io.StringIO(root.page.text))
    assert (row["sender"], row["note"], row["account"]) == (
        "ACME", "'=not yours", "Engines <b>& Co",
    )  # fmt: skip
    await root.open(f"{HERE}?status=approved")
    await root.send(f"{HERE}/refuse", reason="complaints")
    assert not await may_send(sqlite, owner, "Z &FIRST")
    await ada.sign_in(ADA)
    said = await ada.open("/dashboard/audit")
    assert said.count("sender.refused</a>") == 2
    assert said.count("sender.approved</a>") == 1
    assert "=not yours" in await root.open(f"/admin/accounts/{owner.account_id}")


async def test_the_queue_has_pages(sqlite: Database, people: People, root: Visitor) -> None:
    member = await people.owner(ADA)
    same = now()

    def ask(conn: Conn) -> None:
        for number in range(51):
            sms_accounts.request_sender(conn, member.account_id, f"N{number:02d}", same)

    await sqlite.write(ask)
    said = await root.open(HERE)
    assert "N49" in said
    assert "N50" not in said
    older = said.split('rel="next" href="')[1].split('"')[0]
    said = await root.open(f"{HERE}{older}")
    assert "N50" in said
    assert "N49" not in said
    await root.open(f"{HERE}.csv")
    assert root.page.text.count("\r\n") == 52
    for bad in ("status=lost", "cursor=x", "cursor=1~acc_1~"):
        await root.open(f"{HERE}?{bad}", 400)


async def test_support_looks_only(people: People, owner: Member, bob: Visitor) -> None:
    await people.admin("support", BOB)
    await bob.sign_in(BOB)
    assert "ACME" in await bob.open(HERE)
    assert not [action for action in bob.actions() if action.startswith(HERE)]
    fields = {"account_id": owner.account_id, "sender": "ACME", "reason": "r"}
    for action in ("approve", "refuse"):
        await bob.open(HERE)
        await bob.form(f"{HERE}/{action}", fields, 403)


async def test_what_was_never_asked_for_is_not_decided(
    sqlite: Database, people: People, owner: Member, root: Visitor
) -> None:
    await root.open(HERE)
    fields = {"account_id": owner.account_id, "sender": "OTHER", "reason": "r"}
    assert "never asked for" in await root.form(f"{HERE}/approve", fields, 404)
    with pytest.raises(NotFoundError):
        await sqlite.write(deeds.approve, BY, now(), "acc_none", "ACME", people.post)
    with pytest.raises(ValidationFailedError):
        await sqlite.write(deeds.refuse, BY, now(), owner.account_id, "ACME", "", people.post)


async def test_a_decision_is_written_down_once(
    sqlite: Database, people: People, owner: Member
) -> None:
    for _ in range(2):
        await sqlite.write(deeds.approve, BY, now(), owner.account_id, "ACME", people.post)
    assert (await people.acts()).count("sender.approved") == 1
    assert [mail[:2] for mail in await people.mails()][-1:] == [(ADA, "Your sender id is approved")]


async def test_owners_get_a_mail_when_it_is_decided(
    people: People, owner: Member, root: Visitor
) -> None:
    """Colleagues who own nothing do not."""
    await people.colleague(owner, "owner", "second@example.com")
    await people.colleague(owner, "developer", "dev@example.com")
    before = len(await people.mails())
    await root.open(HERE)
    fields = {"account_id": owner.account_id, "sender": "ACME"}
    await root.form(f"{HERE}/approve", fields)
    await root.form(f"{HERE}/approve", fields)
    await root.form(f"{HERE}/refuse", fields | {"reason": "a\nbrand of others"})
    approved, refused = (
        (await people.mails())[before : before + 2],
        (await people.mails())[before + 2 :],
    )
    for mails, subject in ((approved, "is approved"), (refused, "was refused")):
        assert {mail[0] for mail in mails} == {ADA, "second@example.com"}
        assert all(subject in mail[1] and "ACME" in mail[2] for mail in mails)
    assert "a brand of others" in refused[0][2]
