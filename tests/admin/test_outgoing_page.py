"""The kill switch through its page, and what customers get at the door meanwhile."""

import pytest

from db.connection import Conn
from db.database import Database
from telephony.clock import now
from telephony.settings import Settings
from tests.api.client import problem
from tests.dashboard.visitor import Visitor
from tests.db.rows import add_call
from tests.factories import customer
from tests.users.world import URL, People

HERE = "/admin/outgoing"
WHY = 'The carrier <b>asked</b> "at once"'


@pytest.fixture
def settings() -> Settings:
    """Live messages have somewhere to go."""
    return Settings(public_url=URL, smpp_host="127.0.0.1", trunk_host="127.0.0.1:5070")


async def test_what_is_stopped_is_refused_at_the_door(
    sqlite: Database, people: People, root: Visitor
) -> None:
    who = await customer(sqlite, mode="live")
    door = {"Authorization": f"Bearer {who.key}"}
    body = {"to": "+15551239999", "text": "Hi!"}
    assert "Stopped" not in await root.open(HERE)
    await root.send(f"{HERE}/stop", reason=WHY)
    assert root.at == HERE
    assert WHY in await root.open(HERE)
    assert "<b>asked" not in root.page.text
    assert "root@example.com" in root.page.text
    refused = await root.client.post("/api/v1/sms/send", json=body, headers=door)
    assert problem(refused, 503, "outgoing_stopped")
    assert refused.headers["retry-after"] == "60"
    await root.send(f"{HERE}/resume")
    assert "Stopped" not in root.page.text
    sent = await root.client.post("/api/v1/sms/send", json=body, headers=door)
    assert sent.status_code == 202, sent.text
    assert (await people.acts())[-2:] == ["outgoing.stopped", "outgoing.resumed"]


async def test_calls_under_way_are_hung_up_if_that_is_ticked(
    sqlite: Database, root: Visitor
) -> None:
    who = await customer(sqlite, mode="live")
    at = now()
    facts = {"status": "answered", "node": "pbx1", "trunk": "default", "route": "trunk",
             "created_at": at}  # fmt: skip

    def fill(conn: Conn) -> list[str]:
        return [add_call(conn, who, **facts) for _ in range(230)]

    ids = await sqlite.write(fill)
    await root.open(HERE)
    await root.form(f"{HERE}/stop", {"kind": "calls", "reason": "fraud"})
    asked = "SELECT id FROM call WHERE hangup_reason = 'outgoing_stopped'"
    assert await sqlite.all(asked) == []
    await root.form(f"{HERE}/stop", {"kind": "calls", "reason": "fraud", "hang_up": "on"})
    assert {row["id"] for row in await sqlite.all(asked)} == set(ids)


async def test_who_may_not_or_does_not_say_why_stops_nothing(
    sqlite: Database, root: Visitor, helper: Visitor
) -> None:
    await root.open(HERE)
    assert "Give a reason" in await root.send(f"{HERE}/stop", 400, reason="  ")
    await root.form(f"{HERE}/stop", {"kind": "pigeons", "reason": "why"}, 400)
    await helper.open(HERE)
    assert [action for action in helper.actions() if action.startswith(HERE)] == []
    await helper.form(f"{HERE}/stop", {"kind": "calls", "reason": "why"}, 403)
    await helper.form(f"{HERE}/resume", {"kind": "calls"}, 403)
    assert await sqlite.all("SELECT * FROM outgoing_stop") == []
