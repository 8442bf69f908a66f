"""Tickets on both databases: asked by members, answered by support, told by mail, out of reach for
others."""

import pytest

from db import stored_files, tickets
from db.database import Database
from telephony import files
from telephony.clock import now
from telephony.errors import NotFoundError, ValidationFailedError
from telephony.users import tickets as deeds
from telephony.users.problems import RoleMissingError, TicketsFullError
from telephony.users.sessions import Member
from telephony.users.tickets import Question
from tests.users.world import People

HELP = "help@example.com"
ASKED = Question("api", "  Why   402? ", "It says <b>402</b>.\r\nSince noon.", "req-1, req-2 req-1")


async def opened(people: People, member: Member, asked: Question = ASKED) -> str:
    file = files.sealed(people.vault, "file", "../log.pdf", b"%PDF-1.7 log")
    return await people.database.write(
        deeds.open_ticket, people.post, HELP, member, asked, [file], now()
    )


async def test_a_ticket_is_asked_answered_and_closed(database: Database, people: People) -> None:
    ada, root = await people.owner(), await people.admin("support", "sue@example.com")
    ticket_id = await opened(people, ada)
    row = await tickets.find(database, ada.account_id, ticket_id)
    assert row is not None
    assert (row["subject"], row["request_ids"], row["status"]) == (
        "Why 402?",
        "req-1 req-2",
        "open",
    )
    await database.write(
        deeds.answer, people.post, root, ticket_id, "Top up.", [], now()
    )  # fmt: skip
    found = await tickets.find(database, None, ticket_id)
    assert found is not None
    assert found["status"] == "answered"
    await database.write(
        deeds.reply, people.post, HELP, ada, ticket_id, "Thank you.", [], now()
    )  # fmt: skip
    first, second, third = await tickets.entries(database, ticket_id)
    assert first["body"] == "It says <b>402</b>.\nSince noon."
    assert [one["by_support"] for one in (first, second, third)] == [False, True, False]
    held = await stored_files.of_each(database, [first["id"], second["id"]])
    assert [file["name"] for file in held[first["id"]]] == ["log.pdf"]
    assert held[second["id"]] == []
    (kept,) = await database.all("SELECT content_sealed FROM stored_file")
    assert b"log" not in bytes(kept["content_sealed"])
    mailed = [(to, subject) for to, subject, _ in await people.mails()]
    assert mailed == [
        (HELP, "Ticket of Engines"), (ada.email, "Support has answered"),
        (HELP, "Ticket of Engines"),
    ]  # fmt: skip
    assert not [body for *_, body in await people.mails() if "Top up" in body or "402" in body]
    await database.write(deeds.close, ada, ticket_id, now())
    await database.write(deeds.reply, people.post, "", ada, ticket_id, "Again.", [], now())
    assert await tickets.count_waiting(database, "open", ada.account_id, 9) == 1
    await database.write(deeds.close_as_support, root, ticket_id, now())
    acts = [act for act in await people.acts() if act.startswith("ticket.")]
    assert acts == ["ticket.opened", "ticket.answered", "ticket.replied", "ticket.closed",
                    "ticket.replied", "ticket.closed"]  # fmt: skip
    assert len(await people.mails()) == 3  # without an address of support nobody is told


async def test_who_left_gets_no_mail(database: Database, people: People) -> None:
    ada = await people.owner()
    bob = await people.colleague(ada, "read_only", "bob@example.com")
    ticket_id = await opened(people, bob)
    await database.write(
        lambda conn: conn.run("DELETE FROM membership WHERE user_id = :id", id=bob.user_id)
    )
    root = await people.admin()
    await database.write(deeds.answer, people.post, root, ticket_id, "Yes.", [], now())
    assert [to for to, *_ in await people.mails()] == [HELP]


async def test_others_are_kept_out(database: Database, people: People) -> None:
    ada, eve = await people.owner(), await people.owner("eve@example.com", "Eve's")
    ticket_id = await opened(people, ada)
    for deed in (
        lambda conn: deeds.reply(conn, people.post, HELP, eve, ticket_id, "Hi", [], now()),
        lambda conn: deeds.close(conn, eve, ticket_id, now()),
        lambda conn: deeds.close(conn, ada, "tkt_nothing", now()),
    ):
        with pytest.raises(NotFoundError):
            await database.write(deed)
    for other in (
        lambda conn: deeds.answer(conn, people.post, ada, ticket_id, "Hi", [], now()),
        lambda conn: deeds.close_as_support(conn, eve, ticket_id, now()),
    ):
        with pytest.raises(RoleMissingError):
            await database.write(other)
    assert await tickets.find(database, eve.account_id, ticket_id) is None
    assert await tickets.page(database, eve.account_id, limit=5) == []


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (Question("gossip", "Why?", "So."), "kind"),
        (Question("api", " ", "So."), "subject"),
        (Question("api", "x" * 151, "So."), "subject"),
        (Question("api", "Why?", " \n "), "body"),
        (Question("api", "Why?", "x" * 10_001), "body"),
        (Question("api", "Why?", "So.", "x" * 129), "request_ids"),
        (Question("api", "Why?", "So.", "ü"), "request_ids"),
        (Question("api", "Why?", "So.", " ".join(map(str, range(21)))), "request_ids"),
    ],
)
async def test_what_is_wrong_is_told_by_field(
    database: Database, people: People, asked: Question, field: str
) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        await opened(people, await people.owner(), asked)
    assert refused.value.extra["errors"][0]["field"] == field
    assert await database.all("SELECT * FROM ticket") == []


async def test_there_are_not_too_many(
    database: Database, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deeds, "UNCLOSED_MAX", 2)
    monkeypatch.setattr(deeds, "ENTRIES_MAX", 2)
    ada = await people.owner()
    ids = [await opened(people, ada) for _ in range(2)]
    with pytest.raises(TicketsFullError):
        await opened(people, ada)
    await database.write(deeds.reply, people.post, "", ada, ids[0], "More.", [], now())
    with pytest.raises(TicketsFullError):
        await database.write(deeds.reply, people.post, "", ada, ids[0], "More.", [], now())
    await database.write(deeds.close, ada, ids[0], now())
    await opened(people, ada)


async def test_lists_are_filtered_and_paged(database: Database, people: People) -> None:
    ada, eve = await people.owner(), await people.owner("eve@example.com", "Eve's")
    ids = [await opened(people, ada, Question("sms", f"Mine {n} 100%", "So.")) for n in range(3)]
    theirs = await opened(people, eve)
    await database.write(deeds.close, ada, ids[0], now())

    async def found(account_id: str | None, **asked: str) -> list[str]:
        rows = await tickets.page(database, account_id, limit=10, **asked)
        return [row["id"] for row in rows]

    assert await found(ada.account_id) == ids[::-1]
    assert await found(None) == [theirs, *ids[::-1]]
    assert await found(None, status="closed") == [ids[0]]
    assert await found(ada.account_id, search="mine 1 100%") == [ids[1]]
    assert await found(ada.account_id, search=ids[2]) == [ids[2]]
    assert await found(ada.account_id, search="_") == []
    assert await found(ada.account_id, cursor=ids[1]) == [ids[0]]
