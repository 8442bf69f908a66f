"""Nobody sees another account's identity check, whatever they ask for."""

import pytest

from db.database import Database
from telephony.users.sessions import Member
from tests.dashboard.test_identity_pages import HERE, QUEUE, hand_in
from tests.dashboard.visitor import Visitor
from tests.users.world import People

ADA, BOB, MALLORY = "ada@example.com", "bob@example.com", "mallory@example.com"


@pytest.fixture
async def check(people: People, ada: Visitor, sqlite: Database) -> tuple[str, str]:
    """Ada's check and its document."""
    await people.owner(ADA, "Engines")
    await ada.sign_in(ADA)
    await hand_in(ada)
    (row,) = await sqlite.all("SELECT id, subject FROM stored_file")
    return row["subject"], row["id"]


async def mallory(people: People, visitor: Visitor, role: str) -> Member:
    """Somebody in another account."""
    owner = await people.owner(BOB, "Bob's")
    member = owner
    if role != "owner":
        member = await people.colleague(owner, role, MALLORY)
    await visitor.sign_in(member.email)
    return member


@pytest.mark.parametrize("role", ["owner", "developer", "billing", "read_only"])
async def test_another_accounts_check_is_out_of_reach(
    people: People, check: tuple[str, str], bob: Visitor, role: str
) -> None:
    check_id, file_id = check
    await mallory(people, bob, role)
    said = await bob.open(HERE)
    assert "Ärzte" not in said
    assert check_id not in said
    assert "Handed in" not in said
    for path in (
        QUEUE,
        f"{QUEUE}.csv",
        f"{QUEUE}/{check_id}",
        f"{QUEUE}/{check_id}/documents/{file_id}",
        "/admin/accounts",
        "/admin/accounts.csv",
        "/admin/senders",
        "/admin/senders.csv",
    ):
        await bob.open(path, 403)
    for action in (
        f"{QUEUE}/{check_id}/approve",
        f"{QUEUE}/{check_id}/reject",
        "/admin/senders/approve",
        "/admin/senders/refuse",
    ):
        await bob.open(HERE)
        await bob.form(action, {"reason": "r"}, 403)


async def test_their_own_check_says_nothing_of_the_other(
    sqlite: Database, people: People, check: tuple[str, str], ada: Visitor, bob: Visitor
) -> None:
    await mallory(people, bob, "owner")
    await hand_in(bob, files={"document": ("bobs.pdf", b"%PDF-bob", "")})
    assert "bobs.pdf" in bob.page.text
    assert "bobs.pdf" not in await ada.open(HERE)
    rows = await sqlite.all(
        "SELECT c.account_id FROM identity_check c JOIN stored_file f"
        " ON f.subject = c.id AND f.account_id = c.account_id"
    )
    assert len({row["account_id"] for row in rows}) == 2
    assert check[0] not in bob.page.text


async def test_what_is_told_is_shown_to_administrators_only(
    people: People, check: tuple[str, str], ada: Visitor, bob: Visitor
) -> None:
    """Not even the account itself reads it again: a stolen session learns nothing."""
    assert "Dorset Street" not in await ada.open(HERE)
    await people.admin()
    await bob.sign_in("root@example.com")
    assert "Dorset Street" in await bob.open(f"{QUEUE}/{check[0]}")
    assert "Dorset Street" not in await bob.open(QUEUE)
    await bob.open(f"{QUEUE}.csv")
    assert "Dorset" not in bob.page.text
