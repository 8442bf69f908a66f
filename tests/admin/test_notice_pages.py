"""The notice and the notes on incidents: what an administrator writes is what customers read."""

from db import incidents
from db.connection import Conn
from db.database import Database
from telephony.clock import SECOND, now
from tests.dashboard.visitor import Visitor
from tests.users.world import People

HERE = "/admin/notices"
TEXT = 'Maintenance <b>on Sunday</b> & "more"'


async def test_a_notice_is_shown_and_taken_away(
    people: People, root: Visitor, helper: Visitor
) -> None:
    assert "There is none now" in await root.open(HERE)
    await root.send(HERE, text=TEXT, until="2099-01-31")
    assert root.at == HERE
    for page in (HERE, "/status", "/admin/health"):
        assert TEXT in await helper.open(page), page
        assert "<b>on" not in helper.page.text
    await root.send(HERE, text="Another one")
    assert TEXT not in await helper.open("/status")
    await root.send(f"{HERE}/clear")
    assert "Another one" not in await helper.open("/status")
    assert (await people.acts())[-3:] == ["notice.set", "notice.set", "notice.cleared"]


async def test_what_is_no_notice_is_said_at_its_field(people: People, root: Visitor) -> None:
    before = await people.acts()
    for fields, told in (
        ({"text": " "}, "a notice has a text"),
        ({"text": TEXT, "until": "soon"}, "Write a day such as"),
        ({"text": TEXT, "until": "2001-01-31"}, "would end before it begins"),
    ):
        await root.open(HERE)
        said = await root.form(HERE, fields, 400)
        assert told in said
        assert fields["text"] in said
    assert "There is none now" in await root.open(HERE)
    assert await people.acts() == before


async def test_customers_read_the_note_on_an_incident(
    sqlite: Database, people: People, root: Visitor, helper: Visitor
) -> None:
    assert "No incident in 30 days" in await root.open(HERE)
    at = now()

    def fail(conn: Conn) -> None:
        incidents.begin(conn, component="pbx1", status="outage", detail="no link",
                        opened_at=at - 60 * SECOND, closed_at=at)  # fmt: skip

    await sqlite.write(fail)
    await root.open(HERE)
    await root.send(f"{HERE}/note", text="A <cable> was cut")
    assert "A <cable> was cut" in await helper.open("/status")
    assert "<cable>" not in helper.page.text
    assert (await people.acts())[-1] == "incident.noted"
    said = await root.form(f"{HERE}/note", {"id": "inc_x", "text": "?"}, 400)
    assert "there is no incident inc_x" in said


async def test_support_tells_customers_nothing(root: Visitor, helper: Visitor) -> None:
    await root.open(HERE)
    await root.send(HERE, text="All is well")
    assert "All is well" in await helper.open(HERE)
    assert [action for action in helper.actions() if action.startswith(HERE)] == []
    for action in (HERE, f"{HERE}/clear", f"{HERE}/note"):
        await helper.form(action, {"id": "x", "text": "x"}, 403)
