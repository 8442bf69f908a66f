"""The identity check through the pages: handed in with documents, decided, and then a live key that
was refused is accepted."""

from html import unescape

import pytest

from db.database import Database
from telephony.clock import now
from telephony.files import BYTES_MAX
from telephony.users.sessions import Member
from tests.dashboard.test_keys_pages import KEY, make
from tests.dashboard.visitor import INPUT, Visitor
from tests.users.test_identity import TOLD
from tests.users.world import MINUTE, URL, People

ADA, BOB, ROOT = "ada@example.com", "bob@example.com", "root@example.com"
HERE, QUEUE = "/dashboard/identity", "/admin/identity"
PDF = b"%PDF-1.7\n\x00\xff the passport of Ada"
Files = dict[str, tuple[str, bytes, str]]
SCAN: Files = {"document": ("Pass <b>Ärzte\u202e.pdf", PDF, "text/html")}


@pytest.fixture
async def owner(people: People) -> Member:
    return await people.owner(ADA, "Engines <b>& Co")


async def hand_in(
    visitor: Visitor, status: int = 200, files: Files = SCAN, **changes: str
) -> str:  # fmt: skip
    """Send the form with files, as a browser does."""
    await visitor.open(HERE)
    token = dict(INPUT.findall(visitor.page.text))["csrf"]
    visitor.page = await visitor.client.post(
        HERE, data={"csrf": token} | TOLD | changes, files=files, follow_redirects=True,
        headers={"Origin": URL, "Referer": str(visitor.page.url)},
    )  # fmt: skip
    assert visitor.page.status_code == status, visitor.page.text
    return unescape(visitor.page.text)


async def status_of(visitor: Visitor, key: str) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {key}"}
    answer = await visitor.client.get("/api/v1/ping", headers=headers)
    return answer.status_code, answer.json().get("code", "")


async def test_an_approval_turns_a_refused_live_key_into_an_accepted_one(
    sqlite: Database, people: People, owner: Member, ada: Visitor, bob: Visitor
) -> None:
    await ada.sign_in(ADA)
    (key,) = set(KEY.findall(await make(ada, {"mode": "live"})))
    assert await status_of(ada, key) == (403, "kyc_required")
    said = await hand_in(ada)
    assert ada.at == HERE
    assert "You get a mail when it is decided" in said
    assert "Hand it in" not in said
    (row,) = await sqlite.all("SELECT * FROM stored_file")
    assert PDF not in row["content_sealed"]
    await people.admin()
    await bob.sign_in(ROOT)
    said = await bob.open(QUEUE)
    assert "Engines <b>& Co" in said
    check = said.split(f'href="{QUEUE}/')[1].split('"')[0]
    said = await bob.open(f"{QUEUE}/{check}")
    assert "Babbage Engines Ltd" in said
    assert "<b>Ärzte" not in bob.page.text
    link = said.split(f'href="{QUEUE}/{check}/documents/')[1].split('"')[0]
    await bob.open(f"{QUEUE}/{check}/documents/{link}")
    assert bob.page.content == PDF
    assert bob.page.headers["content-type"] == "application/pdf"
    assert bob.page.headers["content-disposition"].startswith("attachment; filename*=UTF-8''Pass")
    assert bob.page.headers["x-content-type-options"] == "nosniff"
    assert bob.page.headers["cache-control"] == "no-store"
    await bob.open(f"{QUEUE}/{check}")
    said = await bob.send(f"{QUEUE}/{check}/approve")
    assert (bob.at, "Nothing waits" in said) == (QUEUE, True)
    assert await status_of(ada, key) == (200, "")
    assert "live keys work" in await ada.open(HERE)
    said = await ada.open("/dashboard/audit")
    for act in ("identity.submitted", "identity.document_read", "account.approved"):
        assert act in said
    assert "approve" not in await bob.open(f"{QUEUE}/{check}")


async def test_a_rejection_is_told_and_handed_in_once_more(
    people: People, owner: Member, ada: Visitor, bob: Visitor
) -> None:
    await ada.sign_in(ADA)
    await hand_in(ada)
    await people.admin()
    await bob.sign_in(ROOT)
    check = (await bob.open(QUEUE)).split(f'href="{QUEUE}/')[1].split('"')[0]
    await bob.open(f"{QUEUE}/{check}")
    assert "Give a reason" in await bob.send(f"{QUEUE}/{check}/reject", 400, reason="")
    await bob.send(f"{QUEUE}/{check}/reject", reason="too <dark>")
    assert "too <dark>" in await ada.open(HERE)
    assert "&lt;dark&gt;" in ada.page.text
    await hand_in(ada, files={**SCAN, "second_document": ("b.png", b"\x89PNG\r\n\x1a\nx", "")})
    assert "b.png" in ada.page.text
    said = await bob.open(f"{QUEUE}?status=rejected")
    assert "too <dark>" in said
    await bob.open(f"{QUEUE}.csv?status=rejected")
    assert "too <dark>" in bob.page.text
    said = await bob.open(QUEUE)
    again = said.split(f'href="{QUEUE}/')[1].split('"')[0]
    assert again != check
    assert "Handed in before" in await bob.open(f"{QUEUE}/{again}")


@pytest.mark.parametrize(
    ("files", "changes", "status", "told"),
    [
        ({"document": ("", b"", "")}, {}, 400, "Choose a document"),
        ({"document": ("x.pdf", b"<html>", "application/pdf")}, {}, 400, "PDF, JPEG or PNG"),
        ({**SCAN, "second_document": ("x", b"no", "")}, {}, 400, "PDF, JPEG or PNG"),
        (
            {"document": ("x.pdf", b"%PDF-" + b"x" * BYTES_MAX, "application/pdf")},
            {}, 400, "at most 5 MiB",
        ),
        (
            {"document": ("x.pdf", b"%PDF-" + b"x" * 2 * BYTES_MAX, "application/pdf")},
            {"address": "x" * 70_000}, 413, "larger than",
        ),
        (SCAN, {"country": "Mars"}, 400, "two letters"),
        (SCAN, {"purpose": "<i>hi"}, 400, "10 to 2000 characters"),
        (SCAN, {"document": "a text is no file"}, 400, "Choose a document"),
    ],
    ids=["none", "no pdf", "second", "large", "too large", "country", "purpose", "text"],
)  # fmt: skip
async def test_what_is_wrong_is_said_and_nothing_is_kept(
    sqlite: Database, owner: Member, ada: Visitor, files: Files, changes: dict[str, str],
    status: int, told: str,
) -> None:  # fmt: skip
    await ada.sign_in(ADA)
    if "document" in changes:
        files = {"second_document": ("", b"", "")}
    assert told in await hand_in(ada, status, files, **changes)
    assert "<i>" not in ada.page.text
    assert await sqlite.all("SELECT id FROM stored_file") == []
    assert await sqlite.all("SELECT id FROM identity_check") == []


async def test_who_may_not_hand_in_sees_how_it_stands(
    people: People, owner: Member, ada: Visitor, bob: Visitor
) -> None:
    await people.colleague(owner, "developer", BOB)
    await bob.sign_in(BOB)
    said = await bob.open(HERE)
    assert "An owner of this account can hand the check in" in said
    assert HERE not in bob.actions()
    await bob.form(HERE, TOLD, 403)
    await ada.sign_in(ADA)
    await hand_in(ada)
    assert "Handed in" in await bob.open(HERE)
    said = await hand_in_again(ada)
    assert "was handed in already" in said


async def hand_in_again(visitor: Visitor) -> str:
    """From a second tab that was open before."""
    token = dict(INPUT.findall(visitor.page.text))["csrf"]
    answer = await visitor.client.post(
        HERE, data={"csrf": token} | TOLD, files=SCAN, headers={"Origin": URL}
    )  # fmt: skip
    assert answer.status_code == 409
    return unescape(answer.text)


async def test_documents_are_for_administrators_who_confirmed(
    sqlite: Database, people: People, owner: Member, ada: Visitor, bob: Visitor
) -> None:
    await ada.sign_in(ADA)
    await hand_in(ada)
    (row,) = await sqlite.all("SELECT id, subject FROM stored_file")
    document = f"{QUEUE}/{row['subject']}/documents/{row['id']}"
    await ada.open(document, 403)
    await people.admin("support", BOB)
    await bob.sign_in(BOB)
    assert f"{QUEUE}/{row['subject']}" not in await bob.open(QUEUE)
    await bob.open(f"{QUEUE}/{row['subject']}", 403)
    await bob.open(document, 403)
    await people.admin()
    await bob.send("/sign-out")
    await bob.sign_in(ROOT)
    await bob.open(f"{QUEUE}/kyc_other/documents/{row['id']}", 404)
    await bob.open(f"{QUEUE}/kyc_other", 404)
    old = now() - 11 * MINUTE
    await sqlite.write(lambda conn: conn.run("UPDATE session SET confirmed_at = :old", old=old))
    await bob.open(document)
    assert bob.at == "/confirm"
