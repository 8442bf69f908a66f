"""The log of events and the inspector through the pages."""

import asyncio
import csv
import io
import json
import re

import pytest

from db import deliveries
from db.connection import Conn
from db.database import Database
from telephony.clock import now
from telephony.users.sessions import Member
from telephony.webhooks.events import emit
from tests.dashboard.visitor import Visitor
from tests.users.world import People

ADA, BOB = "ada@example.com", "bob@example.com"
HERE = "/dashboard/webhooks/events"
INSPECTOR = "/dashboard/webhooks/inspector"
HOSTILE = "</code><script>alert(1)</script>"


async def tell(
    database: Database, member: Member, subject: str, kind: str = "delivery_report",
    callback_url: str | None = None, mode: str = "test",
) -> None:  # fmt: skip
    """An event as the platform tells it."""

    def deed(conn: Conn) -> None:
        emit(
            conn, account_id=member.account_id, mode=mode, kind=kind, subject=subject, fact="",
            callback_url=callback_url, payload={"text": HOSTILE}, now=now(),
        )  # fmt: skip

    await database.write(deed)


async def attempt(database: Database, subject: str, status_code: int | None) -> None:
    """What a worker would have kept of an attempt that failed."""

    def deed(conn: Conn) -> None:
        (event,) = conn.all("SELECT id FROM event WHERE subject = :subject", subject=subject)
        (row,) = deliveries.of_events(conn, [event["id"]], None)
        deliveries.attempted(conn, [{
            "delivery_id": row["id"], "number": 1, "state": "failed", "next_at": now(),
            "at": now(), "latency_us": 12_340, "status_code": status_code,
            "error": "" if status_code else "No reply within 10 seconds.", "reply": HOSTILE,
        }])  # fmt: skip

    await database.write(deed)


@pytest.fixture
async def owner(people: People, ada: Visitor) -> Member:
    member = await people.owner(ADA)
    await ada.sign_in(ADA)
    return member


def shown(visitor: Visitor) -> list[str]:
    """What the listed events are about."""
    return re.findall(r'<td class="mono">(msg_\w+|call_\d+)<', visitor.page.text)


async def test_events_are_filtered_and_found_by_what_they_are_about(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    assert "No event here" in await ada.open(HERE)
    for number in range(30):
        await tell(sqlite, owner, f"msg_{number}")
    await tell(sqlite, owner, "call_1", "call_completed", "https://example.com/h")
    await attempt(sqlite, "call_1", 500)
    said = await ada.open(HERE)
    assert (len(shown(ada)), shown(ada)[0]) == (25, "call_1")
    assert "Nobody asked for it" in said
    assert "Failed" in said
    older = said.split('rel="next" href="')[1].split('"')[0]
    await ada.open(f"{HERE}{older}")
    assert shown(ada)[-1] == "msg_0"
    for query, found in (
        ("type=call_completed", ["call_1"]), ("state=failed", ["call_1"]),
        ("search=msg_7", ["msg_7"]), ("search=msg_", []), ("mode=live", []),
        ("to=2001-01-01", []), ("state=none&type=call_completed", []),
        ("search=+call_1+&type=&state=", ["call_1"]),
    ):  # fmt: skip
        await ada.open(f"{HERE}?{query}")
        assert shown(ada) == found, query
    for bad in ("type=birth", "state=lost", "from=soon", "mode=play"):
        await ada.open(f"{HERE}?{bad}", 400)


async def test_events_are_a_file(sqlite: Database, owner: Member, ada: Visitor) -> None:
    for number in range(3):
        await tell(sqlite, owner, f"msg_{number}")
    await tell(sqlite, owner, "msg_live", mode="live")
    for query, about in (("", ["msg_2", "msg_1", "msg_0"]), ("search=msg_1", ["msg_1"])):
        await ada.open(f"{HERE}.csv?{query}")
        rows = list(csv.DictReader(io.StringIO(ada.page.text, newline="")))
        assert [row["about"] for row in rows] == about
    assert set(rows[0]) == {"id", "type", "created_at", "about", "mode"}


async def test_one_event_shows_request_and_answer(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await tell(sqlite, owner, "msg_1", callback_url="https://example.com/h")
    await attempt(sqlite, "msg_1", None)
    (row,) = await sqlite.all("SELECT id FROM event")
    said = await ada.open(f"{HERE}/{row['id']}")
    assert "<script>alert" not in ada.page.text
    assert all(
        told in said for told in ("POST https://example.com/h", "No reply within", "12.3 ms")
    )
    body = re.findall(r'id="event-body"[^>]*>(.*?)</code>', ada.page.text, re.DOTALL)[0]
    assert "delivery_report" in body
    await ada.open(f"{HERE}/evt_nothing", 404)


async def test_an_event_that_nobody_got_is_sent_to_whoever_wants_it_now(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await tell(sqlite, owner, "msg_1")
    (row,) = await sqlite.all("SELECT id FROM event")
    here = f"{HERE}/{row['id']}"
    assert "Add an endpoint that takes this kind" in await ada.open(here)
    await ada.send(f"{here}/replay")
    assert await sqlite.all("SELECT * FROM delivery") == []
    await ada.form(f"{here}/replay", {"endpoint_id": "whe_x"}, 404)


async def test_the_inspector_shows_events_as_they_come(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    said = await ada.open(INSPECTOR)
    assert "No event yet" in said
    assert f'sse-connect="{INSPECTOR}/live?mode=test"' in said
    await tell(sqlite, owner, "msg_1")
    told = json.dumps(HOSTILE)[1:-1]
    assert told in await ada.open(INSPECTOR)
    assert HOSTILE not in ada.page.text
    assert told not in await ada.open(f"{INSPECTOR}?mode=live")
    following = asyncio.create_task(ada.client.get(f"{INSPECTOR}/live?mode=test"))
    await asyncio.sleep(0)
    sqlite.wakeups.stop()  # the stream ends once it has told
    answer = await following
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_another_accounts_events_are_not_seen(
    sqlite: Database, people: People, owner: Member, bob: Visitor
) -> None:
    await tell(sqlite, owner, "msg_1", callback_url="https://example.com/h")
    (row,) = await sqlite.all("SELECT id FROM event")
    await people.owner(BOB, "Bob's")
    await bob.sign_in(BOB)
    for query in ("", "search=msg_1", f"search={row['id']}"):
        await bob.open(f"{HERE}?mode=test&{query}")
        assert shown(bob) == []
    assert "msg_1" not in await bob.open(f"{HERE}.csv?mode=test")
    assert "msg_1" not in await bob.open(f"{INSPECTOR}?mode=test")
    await bob.open(f"{HERE}/{row['id']}", 404)
    await bob.open(HERE)
    await bob.form(f"{HERE}/{row['id']}/replay", {}, 404)


async def test_who_may_not_build_replays_nothing(
    sqlite: Database, people: People, owner: Member, bob: Visitor
) -> None:
    await tell(sqlite, owner, "msg_1")
    (row,) = await sqlite.all("SELECT id FROM event")
    await people.colleague(owner, "billing", BOB)
    await bob.sign_in(BOB)
    await bob.open(f"{HERE}/{row['id']}")
    assert f"{HERE}/{row['id']}/replay" not in bob.actions()
    await bob.form(f"{HERE}/{row['id']}/replay", {}, 403)


async def test_what_is_pending_says_when_it_goes_on(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await tell(sqlite, owner, "msg_1", callback_url="https://example.com/h")
    (row,) = await sqlite.all("SELECT id, event_id FROM delivery")
    here = f"{HERE}/{row['event_id']}"
    said = await ada.open(here)
    assert "No attempt yet" in said
    assert "Next attempt:" in said
    await sqlite.write(deliveries.hold, [row["id"]])
    said = await ada.open(here)
    assert "Waits until the endpoint is enabled." in said
    assert "Next attempt:" not in said
    assert "9000000000" not in said
