"""What administrators see first: the traffic of all accounts together, and tickets that wait."""

from db.connection import Conn
from db.database import Database
from tests.dashboard.test_overview_pages import charts, count
from tests.dashboard.visitor import Visitor
from tests.users.test_tickets import opened
from tests.users.world import People

ROOT = "root@example.com"


async def test_all_accounts_are_summed(sqlite: Database, people: People, ada: Visitor) -> None:
    one, two = await people.owner(), await people.owner("bob@example.com", "Bob's")

    def traffic(conn: Conn) -> None:
        count(conn, one, "message", "sent", 1000)
        count(conn, two, "message", "sent", 234)
        count(conn, two, "message", "delivered", 3)
        count(conn, one, "message", "undelivered", 1)

    await sqlite.write(traffic)
    await people.admin()
    await ada.sign_in(ROOT)
    assert "1,234" not in await ada.open("/admin")
    said = await ada.open("/admin?mode=test&days=7")
    for told in ("1,234", "75.0 %", "75.0 % in 7 days"):
        assert told in said, told
    messages, calls, rates = charts(ada.page.text)
    assert [one["values"][-1] for one in messages["series"]] == [3, 1]
    assert len(calls["labels"]) == 7
    assert rates["series"][0]["values"][-1] == 75.0
    assert "waits for an answer" not in said
    await ada.open("/admin?days=91", 400)


async def test_open_tickets_are_told(people: People, ada: Visitor) -> None:
    owner = await people.owner()
    await people.admin("support", ROOT)
    await opened(people, owner)
    await ada.sign_in(ROOT)
    assert "A ticket waits for an answer" in await ada.open("/admin")
    await opened(people, owner)
    assert "2 tickets wait for an answer" in await ada.open("/admin")
