"""The call log and calls in progress through the pages, as the API tells them."""

import csv
import io
import re
from typing import Any

import httpx
import pytest

from api.dashboard.calls import DIRECTIONS, STATUSES
from db import calls
from db.database import Database
from telephony import accounts
from telephony.clock import now
from telephony.users.sessions import Member
from tests.api.world import assert_books_balance
from tests.dashboard.visitor import Visitor
from tests.dashboard.voice_world import (
    ADA,
    BOB,
    HOSTILE,
    add_phone,
    answered,
    finished,
    log_calls,
    owner_of,
    queued,
    statuses,
)
from tests.users.world import People

HERE = "/dashboard/calls"
TEST = f"{HERE}?mode=test"
SHOWN = re.compile(r"\+1 555-987-(\d{4})")


@pytest.fixture
async def owner(people: People, ada: Visitor) -> Member:
    member = await owner_of(people)
    await add_phone(people, member, "alice")
    await ada.sign_in(ADA)
    return member


async def found(ada: Visitor, query: str) -> list[int]:
    """Which calls the page lists, by number, in its order."""
    return [int(number) for number in SHOWN.findall(await ada.open(f"{TEST}&{query}"))]


async def test_an_empty_log_says_what_to_do(owner: Member, ada: Visitor) -> None:
    said = await ada.open(HERE)
    assert "No call has ended yet" in said
    assert "No call is in progress" in said
    assert f'href="{HERE}/new?mode=live"' in said  # she may, so that is what she sees
    assert "No call is found" in await ada.open(f"{HERE}?search=999")


async def test_the_log_is_paged_and_filtered(sqlite: Database, owner: Member, ada: Visitor) -> None:
    await log_calls(sqlite, owner, *range(24))
    await log_calls(sqlite, owner, 24, status="busy", hangup_cause="user_busy", billsec=0)
    await log_calls(sqlite, owner, 25, direction="inbound", sip_account="bob")
    await log_calls(sqlite, owner, 26, status="failed", hangup_cause=HOSTILE)
    said = await ada.open(TEST)
    assert [int(one) for one in SHOWN.findall(said)] == list(range(26, 1, -1))
    assert "27 in all" in said
    assert "0.012 USD" in said
    assert HOSTILE not in ada.page.text
    following = re.search(r'rel="next" href="([^"]+)"', said)
    assert following
    assert "First page" in await ada.open(f"{HERE}{following[1]}")
    assert [int(one) for one in SHOWN.findall(ada.page.text)] == [1, 0]
    assert await found(ada, "status=busy") == [24]
    assert await found(ada, "status=answered&direction=inbound") == [25]
    assert await found(ada, "sip_account=bob") == [25]
    assert await found(ada, "search=9870007") == [7]
    assert await found(ada, "from=2026-01-13&to=2026-01-13") == [26, 25, 24]
    assert await found(ada, "status=&search=&direction=&from=&to=&sip_account=&search=0003") == [3]


async def test_filters_that_make_no_sense_are_refused(owner: Member, ada: Visitor) -> None:
    for query in ("status=odd", "from=soon", "mode=staging", "limit=1000000", "colour=red"):
        await ada.open(f"{HERE}?{query}", 400)


async def test_filters_stay_in_the_links(sqlite: Database, owner: Member, ada: Visitor) -> None:
    await log_calls(sqlite, owner, *range(30), status="busy")
    said = await ada.open(f"{TEST}&status=busy&search=987")
    assert f"{HERE}.csv?mode=test&status=busy&search=987" in said
    assert re.search(r'rel="next" href="\?mode=test&status=busy&search=987&cursor=call_\w+"', said)
    assert '<option value="busy" selected>' in said


async def test_each_mode_is_on_its_own(sqlite: Database, owner: Member, ada: Visitor) -> None:
    await log_calls(sqlite, owner, 1, mode="live")
    await log_calls(sqlite, owner, 2)
    assert [int(one) for one in SHOWN.findall(await ada.open(HERE))] == [1]
    assert await found(ada, "") == [2]


async def api_rows(client: httpx.AsyncClient, owner: Member, database: Database) -> Any:
    """The same log, by a key."""
    key = accounts.new_key("test")

    def deed(conn: Any) -> None:
        accounts.add_key(conn, owner.account_id, key, "reader", now(), ("voip:read",))

    await database.write(deed)
    headers = {"Authorization": f"Bearer {key}", "Accept": "text/csv"}
    return await client.get("/api/v1/voip/logs", headers=headers)


async def test_csv_is_that_of_the_api(sqlite: Database, owner: Member, ada: Visitor) -> None:
    await log_calls(sqlite, owner, *range(3), from_number="=cmd|' /C calc'!A0")
    await log_calls(sqlite, owner, 3, status="busy")
    await ada.open(f"{HERE}.csv?mode=test")
    assert 'filename="call-log.csv"' in ada.page.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(ada.page.text)))
    assert [row["to"][-1] for row in rows] == ["3", "2", "1", "0"]
    assert rows[1]["from"].startswith("'=cmd")
    assert ada.page.text == (await api_rows(ada.client, owner, sqlite)).text
    await ada.open(f"{HERE}.csv?mode=test&status=busy")
    assert len(ada.page.text.splitlines()) == 2


async def test_calls_in_progress_are_told_live(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    live = f"{HERE}/live?mode=test"
    assert "No call is in progress" in await ada.open(live)
    placed = await queued(sqlite, owner)
    for path in (live, TEST):
        said = await ada.open(path)
        assert "Queued" in said
        assert "+1 555-987-6543" in said
    await answered(sqlite, placed.call_id)
    assert "Answered" in await ada.open(live)
    assert "No call is in progress" in await ada.open(f"{HERE}/live?mode=live")
    await finished(sqlite, placed.call_id)
    assert "No call is in progress" in await ada.open(live)
    assert "Completed" not in await ada.open(TEST)  # as everywhere else, it was answered
    assert "Answered" in ada.page.text


async def test_a_call_is_hung_up(sqlite: Database, owner: Member, ada: Visitor) -> None:
    first = await queued(sqlite, owner)
    await ada.open(TEST)
    await ada.send(f"{HERE}/{first.call_id}/hang-up")
    assert ada.at == f"{HERE}/{first.call_id}"
    assert "Hangup requested" in ada.page.text
    assert await statuses(sqlite) == ["canceled"]
    second = await queued(sqlite, owner)
    await answered(sqlite, second.call_id)
    await ada.open(TEST)
    await ada.send(f"{HERE}/{second.call_id}/hang-up")
    row = await sqlite.one("SELECT * FROM call WHERE id = :id", id=second.call_id)
    assert row
    assert (row["status"], row["hangup_reason"]) == ("answered", "hangup_requested")
    assert "Is being ended" in await ada.open(TEST)
    await finished(sqlite, second.call_id)
    await ada.open(HERE)
    said = await ada.form(f"{HERE}/{second.call_id}/hang-up", {}, 409)
    assert "has ended" in said
    assert "call.hung_up" in await ada.open("/dashboard/audit")
    await assert_books_balance(sqlite)


async def test_only_the_newest_of_many_open_calls_are_shown(
    sqlite: Database, owner: Member, ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.dashboard.calls.OPEN_SHOWN_MAX", 2)
    for number in range(3):
        await queued(sqlite, owner, f"+1555987000{number}")
    said = await ada.open(TEST)
    assert "Only the newest 2 are shown" in said
    assert "+1 555-987-0000" not in said


async def test_who_may_not_build_hangs_nothing_up(
    sqlite: Database, owner: Member, people: People, bob: Visitor
) -> None:
    placed = await queued(sqlite, owner)
    await people.colleague(owner, "read_only", BOB)
    await bob.sign_in(BOB)
    said = await bob.open(TEST)
    assert "Place a call" not in said
    assert "Hang up" not in said
    assert "Hang up" not in await bob.open(f"{HERE}/{placed.call_id}")
    await bob.form(f"{HERE}/{placed.call_id}/hang-up", {}, 403)
    await bob.open(f"{HERE}/new", 403)
    assert await statuses(sqlite) == ["queued"]


async def test_another_accounts_calls_are_out_of_reach(
    sqlite: Database, owner: Member, people: People, bob: Visitor
) -> None:
    placed = await queued(sqlite, owner)
    await log_calls(sqlite, owner, 1)
    await owner_of(people, BOB, "Bob's")
    await bob.sign_in(BOB)
    assert "No call has ended yet" in await bob.open(TEST)
    assert "No call is in progress" in await bob.open(f"{HERE}/live?mode=test")
    assert len((await bob.open(f"{HERE}.csv?mode=test")).splitlines()) == 1
    for path in ("", "/live", "/recording"):
        await bob.open(f"{HERE}/{placed.call_id}{path}", 404)
    await bob.open(TEST)
    await bob.form(f"{HERE}/{placed.call_id}/hang-up", {}, 404)
    assert sorted(await statuses(sqlite)) == ["completed", "queued"]


def test_the_pages_know_every_state() -> None:
    """A filter that the log does not take would be an error of a page."""
    shown = {"answered" if one == calls.CallStatus.completed else str(one) for one in calls.ENDED}
    assert shown == set(STATUSES)
    assert set(DIRECTIONS) == set(calls.DIRECTIONS)


async def test_one_link_of_the_menu_is_the_present_page(owner: Member, ada: Visitor) -> None:
    here = re.compile(r'<a href="([^"]+)" aria-current="page"')
    for path, link in ((HERE, HERE), (f"{HERE}/new", HERE), ("/dashboard", "/dashboard")):
        assert here.findall(await ada.open(path)) == [link]
