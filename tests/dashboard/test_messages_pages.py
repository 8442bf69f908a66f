"""The message log through the pages: found, filtered, downloaded, one followed to its end."""

import asyncio
import csv
import io

import httpx
from starlette.types import ASGIApp

from db import inbound
from db.connection import Conn
from db.database import Database
from db.ids import new_id
from db.messages import MessageStatus
from telephony.clock import now
from telephony.users.sessions import Member
from tests.api.world import assert_books_balance
from tests.dashboard.messaging import TO, became, sent
from tests.dashboard.visitor import Visitor
from tests.users.world import People

ADA, BOB = "ada@example.com", "bob@example.com"
HERE = "/dashboard/messages"
HOSTILE = "<script>alert(1)</script>"


def shown(visitor: Visitor) -> int:
    """How many messages the page lists."""
    return visitor.page.text.count(f'<td class="mono id"><a href="{HERE}/msg_')


async def test_an_empty_log_says_what_to_do(owner: Member, ada: Visitor) -> None:
    said = await ada.open(HERE)
    assert "No message here" in said
    assert f'href="{HERE}/send?mode=test"' in said
    assert "Nothing was received" in await ada.open(f"{HERE}/received")


async def test_the_log_is_searched_and_filtered_by_the_url(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    first = await sent(sqlite, owner, to="+15557770001", text=HOSTILE)
    for number in range(30):
        await sent(sqlite, owner, to=f"+1555123{number:02d}55")
    await became(sqlite, first.message_id, MessageStatus.sending, MessageStatus.sent)
    said = await ada.open(HERE)
    assert shown(ada) == 25
    assert "31 found" in said
    older = said.split('rel="next" href="')[1].split('"')[0]
    await ada.open(f"{HERE}{older}")
    assert shown(ada) == 6
    assert HOSTILE not in ada.page.text
    assert "&lt;script&gt;alert" in ada.page.text
    assert 'href="?mode=test"' in ada.page.text  # the first page, without the cursor
    for query, found in (
        ("search=777", 1), ("search=%2B1555+123", 25), ("search=+1555777", 1), ("status=sent", 1),
        ("status=failed", 0), ("mode=live", 0), ("search=&status=&from=&to=2001-01-01", 0),
        ("from=2001-01-01&status=sent&mode=test", 1), ("limit=100", 31), ("limit=5&offset=29", 2),
    ):  # fmt: skip
        await ada.open(f"{HERE}?{query}")
        assert shown(ada) == found, query
    await ada.open(f"{HERE}?search=777&status=sent")
    assert f'href="{HERE}.csv?search=777&amp;status=sent&amp;mode=test"' in ada.page.text


async def test_a_filter_that_is_none_is_refused(owner: Member, ada: Visitor) -> None:
    for query in ("status=lost", "from=soon", "mode=play", "limit=101", "x=1"):
        await ada.open(f"{HERE}?{query}", 400)


async def test_the_whole_result_is_a_file(sqlite: Database, owner: Member, ada: Visitor) -> None:
    await sent(sqlite, owner, text='=cmd|"x"', reference="-1+1")
    for number in range(30):
        await sent(sqlite, owner, to=f"+1555123{number:02d}55")
    await ada.open(f"{HERE}.csv?search=&status=queued")
    page = ada.page
    assert page.headers["content-disposition"] == 'attachment; filename="messages.csv"'
    assert page.headers["cache-control"] == "no-store"
    rows = list(csv.DictReader(io.StringIO(page.text, newline="")))
    assert len(rows) == 31
    assert (rows[-1]["text"], rows[-1]["reference"]) == ('\'=cmd|"x"', "'-1+1")
    assert (rows[0]["to"], rows[0]["cost"]) == ("+15551232955", "0.007")


async def test_received_messages_are_shown(sqlite: Database, owner: Member, ada: Visitor) -> None:
    def deed(conn: Conn) -> None:
        for number, keyword in ((1, ""), (2, "stop")):
            inbound.add(
                conn, id=new_id("msg"), account_id=owner.account_id, mode="test",
                provider="sandbox", from_number=f"+1555000000{number}", to_number="+15551112222",
                body=f"{HOSTILE} {keyword}", segments=1, keyword=keyword, fact=f"f{number}",
                created_at=now(),
            )  # fmt: skip

    await sqlite.write(deed)
    said = await ada.open(f"{HERE}/received")
    assert "2 found" in said
    assert "Stop" in said
    assert HOSTILE not in ada.page.text
    assert "1 found" in await ada.open(f"{HERE}/received?search=00002")
    await ada.open(f"{HERE}/received.csv")
    rows = list(csv.DictReader(io.StringIO(ada.page.text, newline="")))
    assert [row["keyword"] for row in rows] == ["stop", ""]


async def test_one_message_tells_its_history(sqlite: Database, owner: Member, ada: Visitor) -> None:
    made = await sent(sqlite, owner, text=f"{HOSTILE}\nbye", reference="order 7")
    await became(sqlite, made.message_id, MessageStatus.sending, MessageStatus.sent)
    await became(sqlite, made.message_id, MessageStatus.undelivered, error_code="042")
    said = await ada.open(f"{HERE}/{made.message_id}")
    assert HOSTILE not in ada.page.text
    for told in ("Queued", "Sending", "Sent", "Undelivered", "042", "order 7", "+1 555-123-9999"):
        assert told in said
    assert "sse-connect" not in said  # it is over
    await ada.open(f"{HERE}/msg_nothing", 404)


async def test_a_message_is_followed(
    app: ASGIApp, sqlite: Database, owner: Member, ada: Visitor
) -> None:
    made = await sent(sqlite, owner)
    here = f"{HERE}/{made.message_id}"
    said = await ada.open(here)
    assert f'sse-connect="{here}/live"' in said
    following = asyncio.create_task(ada.client.get(f"{here}/live"))
    await asyncio.sleep(0)
    sqlite.wakeups.stop()  # the stream ends once it has told
    answer = await following
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert ada.client.cookies["session"]


async def test_a_message_is_canceled_and_its_money_comes_back(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    made = await sent(sqlite, owner)
    here = f"{HERE}/{made.message_id}"
    await ada.open(here)
    before = ada.page
    said = await ada.send(f"{here}/cancel")
    assert (ada.at, "Canceled" in said) == (here, True)
    assert f"{here}/cancel" not in ada.actions()
    ada.page = before
    assert "is canceled already" in await ada.send(f"{here}/cancel", 409)
    await assert_books_balance(sqlite)
    assert "message.canceled" in await ada.open("/dashboard/audit")


async def test_another_accounts_messages_are_not_seen(
    sqlite: Database, people: People, owner: Member, ada: Visitor, bob: Visitor
) -> None:
    made = await sent(sqlite, owner)
    await people.owner(BOB, "Bob's")
    await bob.sign_in(BOB)
    assert "No message here" in await bob.open(f"{HERE}?mode=test")
    assert made.message_id not in await bob.open(f"{HERE}.csv?mode=test")
    for path in (made.message_id, f"{made.message_id}/live"):
        await bob.open(f"{HERE}/{path}", 404)
    await bob.open("/dashboard/team")
    await bob.form(f"{HERE}/{made.message_id}/cancel", {}, 404)
    assert "Queued" in await ada.open(f"{HERE}/{made.message_id}")


async def test_who_may_not_build_looks_only(
    sqlite: Database, people: People, owner: Member, bob: Visitor
) -> None:
    made = await sent(sqlite, owner)
    await people.colleague(owner, "read_only", BOB)
    await bob.sign_in(BOB)
    assert f"{HERE}/send?" not in await bob.open(f"{HERE}?mode=test")
    assert TO[-4:] in bob.page.text
    await bob.open(f"{HERE}/{made.message_id}")
    assert f"{HERE}/{made.message_id}/cancel" not in bob.actions()
    await bob.form(f"{HERE}/{made.message_id}/cancel", {}, 403)
    await bob.open(f"{HERE}/send", 403)


async def test_a_stranger_follows_nothing(app: ASGIApp, client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{HERE}/msg_x/live")
    assert (answer.status_code, answer.headers["location"][:8]) == (303, "/sign-in")
