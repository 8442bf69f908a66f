"""The call log as CSV: the whole result, streamed, in a form that no spreadsheet runs."""

import csv
import io
from typing import Any

import httpx
import pytest

from api import csv_stream
from db import call_log, lists
from db.connection import Row
from db.database import Database
from telephony.clock import SECOND
from tests.api.client import Api, good
from tests.api.test_logs import START, ended, log
from tests.factories import Customer, customer

CSV = {"Accept": "text/csv"}


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database)


async def download(api: Api, who: Customer, query: str = "") -> httpx.Response:
    response = await api.using(who).send("GET", f"/voip/logs?{query}", headers=CSV)
    assert response.status_code == 200, response.text
    return response


async def rows(api: Api, who: Customer, query: str = "") -> list[dict[str, str]]:
    text = (await download(api, who, query)).text
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_it_is_a_file_with_a_heading(api: Api, database: Database, who: Customer) -> None:
    response = await download(api, who)
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="call-log.csv"'
    assert response.text == (
        "id,call_id,direction,from,to,caller_id,sip_account,status,started_at,ringing_at,"
        "answered_at,ended_at,duration,ring_seconds,billsec,cost,currency,rate_per_minute,"
        "hangup_cause,sip_code,recording_url,node\r\n"
    )


async def test_it_says_what_json_says(api: Api, database: Database, who: Customer) -> None:
    await log(database, ended(0, who, cost=1, caller_id="", sip_account="bob"), ended(1, who))
    shown = good(await api.using(who).get("/voip/logs"))["data"]
    (newest, oldest) = await rows(api, who)
    assert oldest["cost"] == "0.000001"
    as_text = [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in shown
    ]
    as_text[1]["cost"] = "0.000001"
    assert [newest, oldest] == as_text
    assert (newest["from"], newest["to"]) == ("alice", "+15559870001")


async def test_the_whole_result_whatever_limit_and_offset_say(
    api: Api, database: Database, who: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read in pages of 7, of which none may be lost or come twice."""
    monkeypatch.setattr(lists, "ROWS_PER_READ", 7)
    await log(database, *(ended(n, who) for n in range(28)))
    await log(database, ended(30, who, status="busy", ended_at=START))
    found = [row["id"] for row in await rows(api, who, "limit=2&offset=5&status=answered")]
    assert len(found) == len(set(found)) == 28
    assert found == sorted(found, reverse=True)
    assert len(await rows(api, who, "search=%2B15559870003")) == 1
    assert len(await rows(api, who, f"cursor={found[20]}")) == 7


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("-2+3", "'-2+3"),
        ("+1+2", "'+1+2"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("+15550111222", "+15550111222"),
        ("alice", "alice"),
        ('a "quoted", name\nof two lines', 'a "quoted", name\nof two lines'),
    ],
)
async def test_nothing_that_a_spreadsheet_would_run(
    plain: Api, sqlite: Database, stored: str, shown: str
) -> None:
    who = await customer(sqlite)
    await log(sqlite, ended(0, who, from_number=stored))
    (row,) = await rows(plain, who)
    assert row["from"] == shown


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("text/csv", True), ("TEXT/CSV", True), ("text/csv;q=0.5", True),
        ("text/csv; header=present", True), ("application/json;q=0.1, text/csv", True),
        ("text/csv;q=0.1, application/json", False), ("text/csv, application/json", False),
        ("text/csv;q=0", False), ("text/csv;q=much", False), ("text/html, */*", False),
        ("*/*", False), ("", False), (",,;q=1,", False),
    ],
)  # fmt: skip
def test_who_wants_csv(accept: str, wanted: bool) -> None:
    assert csv_stream.wanted(accept) is wanted


async def test_a_wrong_filter_is_a_problem_as_ever(plain: Api, sqlite: Database) -> None:
    who = await customer(sqlite)
    response = await plain.using(who).send("GET", "/voip/logs?status=odd", headers=CSV)
    assert (response.status_code, response.json()["code"]) == (400, "validation_error")
    assert response.headers["content-type"] == "application/problem+json"


async def test_no_more_than_a_page_is_in_memory(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that takes its time is waited for: the next page is read only then."""
    monkeypatch.setattr(lists, "ROWS_PER_READ", 10)
    who = await customer(sqlite)
    await log(sqlite, *(ended(n, who) for n in range(100)))
    reads: list[int] = []

    class Reading:
        dialect = sqlite.dialect

        async def one(self, sql: str, **params: Any) -> Row | None:
            raise AssertionError(sql)

        async def all(self, sql: str, **params: Any) -> list[Row]:
            found = await sqlite.all(sql, **params)
            reads.append(len(found))
            return found

    pages = call_log.pages(Reading(), who.account_id, who.mode)
    assert len(await anext(pages)) == 10
    assert reads == [10]
    assert len(await anext(pages)) == 10
    assert reads == [10, 10]


async def test_ring_time_and_talk_time_apart(api: Api, database: Database, who: Customer) -> None:
    """The call rang from its second on: 5 s until the answer, or until the end without one."""
    at = START + 2 * SECOND
    await log(
        database,
        ended(0, who, ringing_at=at),
        ended(0, who, id="call_b", channel_id="b", ringing_at=at, answered_at=None, billsec=0),
        ended(0, who, id="call_a", channel_id="a", answered_at=None, billsec=0),
    )
    shown = good(await api.using(who).get("/voip/logs"))["data"]
    told = {row["id"][:6]: (row["duration"], row["ring_seconds"], row["billsec"]) for row in shown}
    assert told == {"call_a": (67, 0, 0), "call_b": (67, 65, 0), shown[-1]["id"][:6]: (67, 5, 60)}
