"""The call log: pages, search, filters; every call of one account and mode, and no other."""

from typing import Any

import pytest

from db import calls
from db.connection import Conn
from db.database import Database
from db.ids import first_id
from telephony.billing import rating
from telephony.clock import SECOND, Instant
from tests.api.client import Api, good, problem
from tests.api.world import NUMBER
from tests.factories import Customer, customer

OPEN = ("queued", "dialing", "ringing", "answered")
START: Instant = 1_768_176_000 * SECOND  # 2026-01-12


def ended(number: int, who: Customer, **facts: Any) -> dict[str, Any]:
    """A row of `call`: one an hour from START on, answered for a minute."""
    at = START + number * 3600 * SECOND
    rate = rating.Rate("1555", "USD", 7_000, 12_000, 0, 60, 60)
    call_id = f"{first_id('call', at // 1000)[:-4]}{number:04d}"
    return {
        "id": call_id, "channel_id": call_id, "mode": who.mode,
        "account_id": who.account_id, "key_id": None, "sip_account": "alice",
        "direction": "outbound", "status": "completed", "first_leg": "PJSIP/alice",
        "route": "simulated", "to_number": f"+1555987{number:04d}", "from_number": "alice",
        "caller_id": NUMBER, "ring_seconds": 30, "max_seconds": 600, "rate": rate.to_text(),
        "time_limit_seconds": 600, "granted_seconds": 60, "armed_seconds": 60,
        "cut_cause": "platform_unavailable",
        "currency": "USD", "cost": 12_000, "duration": 67, "billsec": 60, "created_at": at,
        "started_at": at, "answered_at": at + 7 * SECOND, "ended_at": at + 67 * SECOND,
        "hangup_cause": "normal_clearing", "sip_code": 200, "node": "pbx1", **facts,
    }  # fmt: skip


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database)


async def log(database: Database, *rows: dict[str, Any]) -> None:
    def deed(conn: Conn) -> None:
        for row in rows:
            calls.add(conn, **row)

    await database.write(deed)


async def numbers(api: Api, who: Customer, query: str = "") -> list[int]:
    """Which calls a query finds, by number, in their order; the total agrees."""
    page = good(await api.using(who).send("GET", f"/voip/logs?limit=100&{query}"))
    assert page["total"] == len(page["data"])
    return [int(row["call_id"][-4:]) for row in page["data"]]


async def test_pages_by_offset_and_by_cursor(api: Api, database: Database, who: Customer) -> None:
    await log(database, *(ended(n, who) for n in range(26)))
    door = api.using(who)
    first = good(await door.get("/voip/logs"))
    assert (first["limit"], first["offset"], first["total"]) == (25, 0, 26)
    assert len(first["data"]) == 25
    for limit in (1, 7, 13, 25, 26, 100):
        seen: list[str] = []
        cursor: str | None = None
        while True:
            query = f"limit={limit}" + (f"&cursor={cursor}" if cursor else "")
            page = good(await door.send("GET", f"/voip/logs?{query}"))
            assert page["data"], "no page is empty"
            assert page["total"] == 26
            seen += [row["id"] for row in page["data"]]
            by_offset = good(await door.get("/voip/logs", limit=limit, offset=len(seen) - len(
                page["data"])))  # fmt: skip
            assert by_offset["data"] == page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == sorted(seen, reverse=True)
        assert len(seen) == len(set(seen)) == 26
    beyond = good(await door.get("/voip/logs", offset=26))
    assert (beyond["data"], beyond["next_cursor"], beyond["total"]) == ([], None, 26)


async def test_search_and_filters(api: Api, database: Database, who: Customer) -> None:
    await log(
        database,
        ended(1, who, to_number="+15551230001"),
        ended(2, who, to_number="+4930123456", caller_id="+49301555"),
        ended(3, who, from_number="Bob", sip_account="bob", to_number="+33123", caller_id=""),
        ended(4, who, to_number="100%_", status="failed", direction="internal"),
        ended(5, who, to_number="+4420", status="busy", caller_id="", direction="inbound"),
    )
    wanted = {
        "": [5, 4, 3, 2, 1],
        "search=+1555": [4, 1], "search=%2B1555": [4, 1], "search=%201555": [4, 1],
        "search=1555": [4, 2, 1], "search=30123": [2], "search=BOB": [3], "search=bob": [3],
        "search=%25": [4], "search=_": [4], "search=%5C": [], "search=nobody": [],
        "search=%27%3B--": [], "search=+1+(555)+123": [1], "search=%2B1%20555%20123": [1],
        "status=answered": [3, 2, 1], "status=failed": [4], "status=busy": [5],
        "status=no_answer": [], "status=canceled": [],
        "direction=internal": [4], "direction=inbound": [5], "direction=outbound": [3, 2, 1],
        "sip_account=bob": [3], "sip_account=alice": [5, 4, 2, 1], "sip_account=ALICE": [],
        "search=1555&direction=outbound&status=answered": [2, 1],
    }  # fmt: skip
    found = {query: await numbers(api, who, query) for query in wanted}
    assert found == wanted


async def test_a_period(api: Api, database: Database, who: Customer) -> None:
    """A date alone is that whole day in UTC, at either end."""
    await log(database, *(ended(n, who) for n in (0, 23, 24, 47, 48)))
    wanted = {
        "from=2026-01-12": [48, 47, 24, 23, 0], "from=2026-01-13": [48, 47, 24],
        "to=2026-01-12": [23, 0], "to=2026-01-13": [47, 24, 23, 0], "to=2026-01-11": [],
        "from=2026-01-13&to=2026-01-13": [47, 24],
        "from=2026-01-12T23:00:00Z": [48, 47, 24, 23], "to=2026-01-12T23:00:00Z": [0],
        "from=2026-01-13T01:00:00%2B01:00&to=2026-01-13T00:00:01Z": [24],
        "from=2026-01-13T01:00:00+01:00&to=2026-01-13T00:00:01Z": [24],
        "from=2026-01-12T23:00:00.000001Z": [48, 47, 24],
    }  # fmt: skip
    found = {query: await numbers(api, who, query) for query in wanted}
    assert found == wanted


async def test_only_ended_calls_of_this_account_and_mode(
    api: Api, database: Database, who: Customer
) -> None:
    other = await customer(database, name="Other")
    open_calls = [
        ended(n, who, status=status, ended_at=None)
        for n, status in enumerate(("queued", "dialing", "ringing", "answered"), 10)
    ]
    await log(database, ended(1, who), ended(2, other), ended(3, who, mode="live"), *open_calls)
    assert await numbers(api, who) == [1]
    assert await numbers(api, other) == [2]
    assert await numbers(api, who, "search=%2B1555") == [1]


async def test_how_a_call_is_shown(api: Api, database: Database, who: Customer) -> None:
    await log(database, ended(0, who))
    (row,) = good(await api.using(who).get("/voip/logs"))["data"]
    assert (row["status"], row["duration"], row["billsec"]) == ("answered", 67, 60)
    assert (row["cost"], row["rate_per_minute"]) == (0.012, 0.012)
    times = [row[name] for name in ("started_at", "answered_at", "ended_at")]
    assert times == ["2026-01-12T00:00:00Z", "2026-01-12T00:00:07Z", "2026-01-12T00:01:07Z"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"), ("limit=101", "limit"), ("limit=ten", "limit"), ("limit=", "limit"),
        ("limit=1.5", "limit"), ("offset=-1", "offset"), ("offset=1" + "0" * 22, "offset"),
        ("status=completed", "status"), ("status=", "status"), ("direction=up", "direction"),
        ("from=yesterday", "from"), ("to=2026-02-30", "to"), ("from=", "from"),
        ("search=" + "1" * 65, "search"), ("cursor=" + "c" * 65, "cursor"),
    ],
)  # fmt: skip
async def test_a_filter_that_cannot_be(
    plain: Api, sqlite: Database, query: str, field: str
) -> None:
    who = await customer(sqlite)
    response = await plain.using(who).send("GET", f"/voip/logs?{query}")
    body = problem(response, 400, "validation_error")
    assert [error["field"] for error in body["errors"]] == [field]


async def test_a_filter_that_is_not_known(plain: Api, sqlite: Database) -> None:
    who = await customer(sqlite)
    for query in ("page=2", "from_=2026-01-12", "Limit=5"):
        response = await plain.using(who).send("GET", f"/voip/logs?{query}")
        assert query.split("=")[0] in problem(response, 400, "unknown_field")["detail"]
