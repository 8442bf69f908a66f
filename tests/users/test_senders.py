"""Sender ids and opt-outs by members, and the list of them, on both databases."""

import pytest

from db import sms_accounts
from db.connection import Conn, Row
from db.database import Database
from telephony.clock import now
from telephony.errors import NotFoundError, ValidationFailedError
from telephony.sms.senders import REQUESTS_MAX
from telephony.users import senders
from telephony.users.problems import RoleMissingError
from telephony.users.sessions import Member
from tests.users.world import People

OURS, PHONE = "+15550111222", "+15551239999"


@pytest.fixture
async def owner(people: People) -> Member:
    return await people.owner()


async def listed(
    database: Database, member: Member, sender: str | None = None,
    after: tuple[str, str] = ("", ""), limit: int = 100, mode: str = "test",
) -> list[Row]:  # fmt: skip
    return await sms_accounts.opt_outs(database, member.account_id, mode, sender, after, limit)


async def test_a_sender_id_is_asked_for_and_given_up(
    database: Database, people: People, owner: Member
) -> None:
    await database.write(senders.request, owner, "ACME", now())
    (row,) = await sms_accounts.senders_of(database, owner.account_id)
    assert (row["sender"], row["status"]) == ("ACME", "requested")
    await database.write(senders.give_up, owner, "ACME", now())
    with pytest.raises(NotFoundError):
        await database.write(senders.give_up, owner, "ACME", now())
    assert (await people.acts())[-2:] == ["sender.requested", "sender.given_up"]


async def test_what_is_too_much_or_carried_nowhere_is_refused(
    database: Database, owner: Member
) -> None:
    def many(conn: Conn) -> None:
        for number in range(REQUESTS_MAX):
            sms_accounts.request_sender(conn, owner.account_id, f"NAME {number}", now())

    with pytest.raises(ValidationFailedError, match="A sender id is 3 to 11"):
        await database.write(senders.request, owner, "x", now())
    await database.write(many)
    with pytest.raises(ValidationFailedError, match="An account has at most 100"):
        await database.write(senders.request, owner, "ONE MORE", now())
    assert len(await sms_accounts.senders_of(database, owner.account_id)) == REQUESTS_MAX


async def test_an_opt_out_by_hand_is_one_and_is_forgotten(
    database: Database, people: People, owner: Member
) -> None:
    for _ in range(2):
        await database.write(senders.opt_out, owner, "test", OURS, PHONE, now())
    (row,) = await listed(database, owner, OURS)
    assert row["keyword"] == senders.BY_HAND
    assert await listed(database, owner, OURS, mode="live") == []
    await database.write(senders.opt_in, owner, "test", OURS, PHONE, now())
    assert await listed(database, owner, OURS) == []
    assert (await people.acts())[-1] == "recipient.opted_in"


async def test_only_who_may_build_does_any_of_it(
    database: Database, people: People, owner: Member
) -> None:
    for role in ("billing", "read_only"):
        other = await people.colleague(owner, role, f"{role}@example.com")
        for deed in (senders.request, senders.give_up):
            with pytest.raises(RoleMissingError):
                await database.write(deed, other, "ACME", now())
        for move in (senders.opt_out, senders.opt_in):
            with pytest.raises(RoleMissingError):
                await database.write(move, other, "test", OURS, PHONE, now())


async def test_the_list_is_in_order_and_goes_on_from_any_place(
    database: Database, people: People, owner: Member
) -> None:
    stranger = await people.owner("bob@example.com", "Bob's")
    pairs = sorted((sender, f"+1555123{number:04d}")
                   for sender in ("ACME", "Zebra", OURS) for number in range(7))  # fmt: skip

    def deed(conn: Conn) -> None:
        for sender, recipient in pairs:
            sms_accounts.opt_out(conn, owner.account_id, "test", sender, recipient, "STOP", now())
        sms_accounts.opt_out(conn, owner.account_id, "live", "LIVE", PHONE, "STOP", now())
        sms_accounts.opt_out(conn, stranger.account_id, "test", "OTHER", PHONE, "STOP", now())

    await database.write(deed)
    known = await sms_accounts.opt_out_senders(database, owner.account_id, "test")
    assert known == sorted({sender for sender, _ in pairs})
    for sender in (None, *known):
        seen: list[tuple[str, str]] = []
        while rows := await listed(database, owner, sender, seen[-1] if seen else ("", ""), 5):
            seen += [(row["sender"], row["recipient"]) for row in rows]
        assert seen == [pair for pair in pairs if sender in (None, pair[0])]
    await _of_one(database, owner, known)


async def _of_one(database: Database, owner: Member, known: list[str]) -> None:
    """One recipient is found whichever the sender."""
    for senders_asked, found in ((known, 3), (["Zebra"], 1), ([], 0), (["OTHER", "LIVE"], 0)):
        rows = await sms_accounts.opt_outs_of(
            database, owner.account_id, "test", senders_asked, "+15551230003"
        )
        assert {row["recipient"] for row in rows} <= {"+15551230003"}
        assert len(rows) == found
    assert await sms_accounts.opt_out_senders(database, "acc_x", "test") == []
