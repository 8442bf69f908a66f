"""Tickets through the pages: a customer asks with a file, support answers, nobody else reads it."""

import csv
import io

import pytest

from db.database import Database
from telephony.users.sessions import Member
from tests.dashboard.visitor import Visitor
from tests.users.world import URL, People

ADA, BOB, ROOT = "ada@example.com", "bob@example.com", "root@example.com"
HERE, ADMIN = "/dashboard/tickets", "/admin/tickets"
PDF = b"%PDF-1.7 what the browser showed"


@pytest.fixture
async def owner(people: People) -> Member:
    return await people.owner(ADA)


async def ask(visitor: Visitor, file: bytes = PDF, status: int = 303, **fields: str) -> str:
    """Send the form with a file, as a browser does; where it leads to."""
    said = await visitor.open(f"{HERE}/new")
    token = said.split('name="csrf" value="')[1].split('"')[0]
    given = {"csrf": token, "kind": "api", "subject": "<i>Why", "body": "So <b>it</b> is."}
    answer = await visitor.client.post(
        HERE, data=given | fields, files={"file": ("shot.pdf", file, "text/html")},
        headers={"Origin": URL},
    )  # fmt: skip
    assert answer.status_code == status, answer.text
    visitor.page = answer
    return str(answer.headers.get("location", ""))


async def test_a_question_is_answered(
    sqlite: Database, people: People, owner: Member, ada: Visitor, bob: Visitor
) -> None:
    await ada.sign_in(ADA)
    assert "No tickets" in await ada.open(HERE)
    here = await ask(ada, request_ids="req-1 req-2")
    await ada.open(here)
    for told in ("&lt;i&gt;Why", "So &lt;b&gt;it&lt;/b&gt; is.", "<code>req-2</code>", "shot.pdf"):
        assert told in ada.page.text, told
    assert "<i>Why" not in ada.page.text
    await people.admin()
    await bob.sign_in(ROOT)
    said = await bob.open(f"{ADMIN}?status=open")
    assert "Engines" in said
    there = here.replace(HERE, ADMIN)
    await bob.open(there)
    file = bob.page.text.split(f'href="{there}/files/')[1].split('"')[0]
    for visitor, path in ((ada, here), (bob, there)):
        await visitor.client.get(f"{path}/files/{file}")
        answer = await visitor.client.get(f"{path}/files/{file}")
        assert (answer.content, answer.headers["content-type"]) == (PDF, "application/pdf")
        assert answer.headers["content-disposition"].startswith("attachment")
    await bob.send(f"{there}/reply", body="Because.")
    assert "Answered" in await ada.open(HERE)
    assert "Support has answered a ticket" in await ada.open("/dashboard")
    said = await ada.open(here)
    assert "Because." in said
    await ada.send(f"{here}/reply", body="Thanks.")
    assert "No tickets" in await ada.open(f"{HERE}?status=answered")
    await ada.open(here)
    await ada.send(f"{here}/close")
    assert "This ticket is closed" in ada.page.text


async def test_what_is_wrong_is_said_and_the_text_kept(owner: Member, ada: Visitor) -> None:
    await ada.sign_in(ADA)
    await ask(ada, b"<script>", 400)
    assert "Choose a file that is a PDF" in ada.page.text
    assert "So &lt;b&gt;it&lt;/b&gt; is.</textarea>" in ada.page.text
    await ask(ada, status=400, subject=" ")
    assert 'id="e-subject"' in ada.page.text
    await ask(ada, status=400, kind="gossip")
    assert "A ticket is about one of" in ada.page.text


async def test_the_list_is_filtered_paged_and_a_file(owner: Member, ada: Visitor) -> None:
    await ada.sign_in(ADA)
    for number in range(3):
        await ask(ada, subject=f"=Question {number}")
    assert "=Question 1" in await ada.open(f"{HERE}?search=question+1")
    assert "=Question 2" not in ada.page.text
    await ada.open(f"{HERE}.csv?search=question")
    heading, *rows = csv.reader(io.StringIO(ada.page.text))
    assert [row[heading.index("subject")] for row in rows] == [
        "'=Question 2", "'=Question 1", "'=Question 0",
    ]  # fmt: skip
    for bad in ("status=lost", "cursor=x", "else=1"):
        await ada.open(f"{HERE}?{bad}", 400)


async def test_another_account_reads_nothing(
    people: People, owner: Member, ada: Visitor, bob: Visitor
) -> None:
    await ada.sign_in(ADA)
    here = await ask(ada)
    await ada.open(here)
    file = ada.page.text.split(f'href="{here}/files/')[1].split('"')[0]
    await people.owner(BOB, "Bob's")
    await bob.sign_in(BOB)
    for path in (here, f"{here}/files/{file}"):
        await bob.open(path, 404)
    mine = await ask(bob)
    await bob.open(f"{mine}/files/{file}", 404)
    await bob.form(f"{here}/close", {}, 404)
    await bob.open(here.replace(HERE, ADMIN), 403)
