"""The identity check on both databases: handed in by an owner, decided once by an administrator,
told by mail; what is told stays sealed."""

import asyncio
from typing import Any

import pytest

from db import accounts, identity, stored_files
from db.connection import Conn
from db.database import Database
from telephony import files
from telephony.admin import identity as deciding
from telephony.audit import Actor
from telephony.clock import SECOND, now
from telephony.errors import NotFoundError, Problem, ValidationFailedError
from telephony.users import identity as deeds
from telephony.users import sweeper
from telephony.users.problems import (
    IdentityDecidedError,
    IdentityWaitsError,
    RoleMissingError,
)
from telephony.users.sessions import Member
from tests.users.world import People

ROOT, EVE = Actor("usr_root", "root@example.com"), Actor("usr_eve", "eve@example.com")
TOLD = {
    "kind": "company",
    "legal_name": "Babbage Engines Ltd",
    "registration": "HRB 4711",
    "country": "gb",
    "address": " 1 Dorset Street \r\n\r\n  London  W1U ",
    "website": "https://example.com",
    "purpose": "One-time codes to our customers.",
}


async def handed_in(people: People, member: Member, count: int = 1, **changes: str) -> str:
    file = files.sealed(people.vault, "document", "passport.pdf", b"%PDF-1.7 Ada")
    return await people.database.write(
        deeds.submit, member, people.vault, TOLD | changes, [file] * count, now()
    )


async def decided(people: People, deed: Any, *args: Any, actor: Actor = ROOT) -> None:
    def run(conn: Conn) -> None:
        deed(conn, actor, now(), *args, people.post)

    await people.database.write(run)


async def approved_at(database: Database, member: Member) -> Any:
    row = await database.write(accounts.account, member.account_id)
    return row["kyc_approved_at"]


async def test_a_check_is_handed_in_and_approved(database: Database, people: People) -> None:
    ada = await people.owner()
    check_id = await handed_in(people, ada, 2)
    row = await identity.one(database, check_id)
    assert row is not None
    assert (row["account"], row["status"], row["submitted_by"]) == (
        ada.account, "submitted", ada.user_id,
    )  # fmt: skip
    assert "Babbage" not in row["form_sealed"]
    assert deeds.opened(people.vault, row) == deeds.Identity(
        **(TOLD | {"country": "GB", "address": "1 Dorset Street\nLondon W1U"})
    )
    assert len(await stored_files.of(database, check_id)) == 2
    assert [one["id"] for one in await identity.page(database, "submitted", 9)] == [check_id]
    await decided(people, deciding.approve, check_id)
    assert await approved_at(database, ada) is not None
    assert await identity.page(database, "submitted", 9) == []
    (row,) = await identity.page(database, "approved", 9)
    assert (row["decided_by"], row["note"]) == (ROOT.id, "")
    *_, (recipient, subject, body) = await people.mails()
    assert (recipient, subject) == (ada.email, "Your identity is checked")
    assert ada.account in body
    assert (await people.acts())[-2:] == ["identity.submitted", "account.approved"]
    assert "Babbage Engines" not in str(await database.all("SELECT * FROM audit_log"))


async def test_a_rejection_tells_why_and_it_may_be_handed_in_again(
    database: Database, people: People
) -> None:
    ada = await people.owner()
    first = await handed_in(people, ada)
    await decided(people, deciding.reject, first, "the scan \n is dark")
    assert await approved_at(database, ada) is None
    *_, (recipient, _, body) = await people.mails()
    assert recipient == ada.email
    assert "the scan is dark" in body
    assert "/dashboard/identity" in body
    second = await handed_in(people, ada)
    assert [row["id"] for row in await identity.last_of(database, ada.account_id, 9)] == [
        second, first,
    ]  # fmt: skip
    await decided(people, deciding.approve, second)
    assert [row["status"] for row in await identity.last_of(database, ada.account_id, 9)] == [
        "approved", "rejected",
    ]  # fmt: skip


async def test_a_check_is_decided_once(database: Database, people: People) -> None:
    ada = await people.owner()
    check_id = await handed_in(people, ada)
    results = await asyncio.gather(
        decided(people, deciding.approve, check_id),
        decided(people, deciding.reject, check_id, "no", actor=EVE),
        decided(people, deciding.approve, check_id, actor=EVE),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in results) == [
        "IdentityDecidedError", "IdentityDecidedError", "NoneType",
    ]  # fmt: skip
    (row,) = await identity.last_of(database, ada.account_id, 9)
    assert (row["status"] == "approved") == (await approved_at(database, ada) is not None)
    with pytest.raises(IdentityDecidedError):
        await decided(people, deciding.reject, check_id, "no")


async def test_one_check_waits_at_a_time(database: Database, people: People) -> None:
    ada = await people.owner()
    results = await asyncio.gather(
        *(handed_in(people, ada) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(one, IdentityWaitsError) for one in results) == 3, results
    (row,) = await identity.page(database, "submitted", 9)
    assert len(await stored_files.of(database, row["id"])) == 1


async def test_an_approval_by_command_ends_what_waits(database: Database, people: People) -> None:
    ada, bob = await people.owner(), await people.owner("bob@example.com", "Bob's")
    check_id = await handed_in(people, ada)
    for member in (ada, bob, bob):
        await decided(people, deciding.approve_account, member.account_id)
    assert await approved_at(database, ada)
    assert await approved_at(database, bob)
    row = await identity.one(database, check_id)
    assert row is not None
    assert row["status"] == "approved"
    assert (await people.acts()).count("account.approved") == 2
    assert [subject for _, subject, _ in await people.mails()].count(
        "Your identity is checked"
    ) == 2  # fmt: skip
    live = await people.enter(ada.user_id)
    with pytest.raises(IdentityDecidedError):
        await handed_in(people, live)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "alien"}, "kind"),
        ({"legal_name": " x "}, "legal_name"),
        ({"legal_name": "x" * 201}, "legal_name"),
        ({"registration": " "}, "registration"),
        ({"country": "Germany"}, "country"),
        ({"country": "12"}, "country"),
        ({"country": "ÄÖ"}, "country"),
        ({"address": "here"}, "address"),
        ({"website": "x" * 201}, "website"),
        ({"purpose": "spam"}, "purpose"),
    ],
)
def test_what_is_missing_is_told_at_its_field(changes: dict[str, str], field: str) -> None:
    with pytest.raises(ValidationFailedError) as caught:
        deeds.checked(TOLD | changes)
    assert caught.value.extra["errors"][0]["field"] == field


def test_a_person_has_no_registration() -> None:
    told = deeds.checked(TOLD | {"kind": "person", "registration": "", "website": ""})
    assert (told.kind, told.registration, told.website) == ("person", "", "")


async def test_documents_are_wanted_and_not_too_many(people: People) -> None:
    ada = await people.owner()
    for count in (0, deeds.DOCUMENTS_MAX + 1):
        with pytest.raises(ValidationFailedError, match="Choose a document"):
            await handed_in(people, ada, count)


async def test_only_owners_hand_in(people: People) -> None:
    ada = await people.owner()
    for role in ("developer", "billing", "read_only"):
        other = await people.colleague(ada, role, f"{role}@example.com")
        with pytest.raises(RoleMissingError):
            await handed_in(people, other)


async def test_what_is_not_there_is_not_decided(database: Database, people: People) -> None:
    for deed, *args in ((deciding.approve, "kyc_0"), (deciding.reject, "kyc_0", "no"),
                        (deciding.approve_account, "acc_0"),
                        (deciding.approve_account, accounts.PLATFORM)):  # fmt: skip
        with pytest.raises(NotFoundError):
            await decided(people, deed, *args)
    ada = await people.owner()
    check_id = await handed_in(people, ada)
    with pytest.raises(Problem, match="Give a reason"):
        await decided(people, deciding.reject, check_id, " ")
    with pytest.raises(NotFoundError):
        await database.write(deciding.read, ROOT, now(), "kyc_0", "fil_0")


async def test_the_queue_goes_by_age_and_the_rest_backwards(
    database: Database, people: People
) -> None:
    checks = []
    for number in range(5):
        owner = await people.owner(f"u{number}@example.com", f"Firm {number}")
        checks.append(await handed_in(people, owner))

    async def page(status: str, cursor: str | None = None) -> list[str]:
        return [row["id"] for row in await identity.page(database, status, 2, cursor)]

    assert await page("submitted") == checks[:2]
    assert await page("submitted", checks[1]) == checks[2:4]
    for check_id in checks[:4]:
        await decided(people, deciding.approve, check_id)
    assert await page("submitted") == checks[4:]
    assert await page("approved") == [checks[3], checks[2]]
    assert await page("approved", checks[2]) == [checks[1], checks[0]]
    read = [row["id"] async for rows in identity.pages(database, "approved") for row in rows]
    assert read == checks[3::-1]


async def test_documents_are_deleted_some_days_after_the_decision(
    database: Database, people: People
) -> None:
    """What waits keeps them, what was told and decided stays, and 0 days are never over."""
    ada, bob = await people.owner(), await people.owner("bob@example.com", "Bob's")
    decided_id, waits = await handed_in(people, ada, 2), await handed_in(people, bob)
    await decided(people, deciding.approve, decided_id)

    async def kept() -> list[int]:
        return [len(await stored_files.of(database, one)) for one in (decided_id, waits)]

    later = now() + 30 * sweeper.DAY
    for days, at in ((0, later), (31, later), (30, now())):
        assert await database.write(sweeper.sweep_documents, days, at) == 0
        assert await kept() == [2, 1]
    assert await database.write(sweeper.sweep_documents, 30, later + SECOND) == 1
    assert await kept() == [0, 1]
    assert await database.write(sweeper.sweep_documents, 30, later + SECOND) == 0
    row = await identity.one(database, decided_id)
    assert row
    assert deeds.opened(people.vault, row).legal_name == TOLD["legal_name"]
    assert (row["status"], row["documents_deleted_at"]) == ("approved", later + SECOND)
    (entry,) = await database.all(
        "SELECT * FROM audit_log WHERE action = 'identity.documents_deleted'"
    )
    assert (entry["actor_name"], entry["subject"], entry["account_id"], entry["before"]) == (
        "retention", decided_id, ada.account_id, '{"documents": 2}',
    )  # fmt: skip


async def test_documents_are_deleted_some_checks_at_a_time(
    database: Database, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "CHECKS_MAX", 2)
    for number in range(3):
        member = await people.owner(f"o{number}@example.com", f"Engines {number}")
        await decided(people, deciding.approve, await handed_in(people, member))
    long_after = now() + 400 * sweeper.DAY
    counts = [await database.write(sweeper.sweep_documents, 365, long_after) for _ in range(3)]
    assert counts == [2, 1, 0]
    assert await database.all("SELECT id FROM stored_file") == []
