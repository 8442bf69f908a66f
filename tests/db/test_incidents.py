"""Components, incidents, notices and the log of requests, as rows."""

from typing import Any

from db import components, incidents, request_log
from db.connection import Conn
from db.database import Database
from db.ids import first_id
from tests.db.rows import START
from tests.factories import customer


def begin(conn: Conn, /, component: str, opened_at: int, **facts: Any) -> None:
    told = {"status": "outage", "detail": "", "closed_at": None, **facts}
    incidents.begin(conn, component=component, opened_at=opened_at, **told)


async def test_a_component_has_one_incident_at_a_time(database: Database) -> None:
    for at in (0, 5):
        await database.write(begin, "pbx1", START + at)
    await database.write(begin, "sms:smpp", START + 1)
    lasting = await database.write(incidents.open_ones)
    assert {name: row["opened_at"] - START for name, row in lasting.items()} == {
        "pbx1": 0, "sms:smpp": 1,
    }  # fmt: skip
    await database.write(incidents.close, lasting["pbx1"]["id"], START + 9)
    assert set(await database.write(incidents.open_ones)) == {"sms:smpp"}
    await database.write(begin, "pbx1", START + 20)
    rows = await incidents.since(database, START)
    assert [row["opened_at"] - START for row in rows] == [20, 1, 0]
    rows = await incidents.since(database, START + 10)
    assert [row["opened_at"] - START for row in rows] == [20, 1]


async def test_the_last_incident_of_a_kind_goes_on(database: Database) -> None:
    for at, status in ((0, "outage"), (10, "outage"), (20, "degraded")):

        def deed(conn: Conn, at: int = at, status: str = status) -> None:
            begin(conn, "pbx1", START + at, status=status, closed_at=START + at + 5)

        await database.write(deed)

    async def reopened(component: str, status: str, since: int) -> bool:
        return await database.write(incidents.reopen, component, status, START + since)

    assert not await reopened("pbx2", "outage", 0)
    assert not await reopened("pbx1", "outage", 16)
    assert await reopened("pbx1", "outage", 15)
    lasting = await database.write(incidents.open_ones)
    assert lasting["pbx1"]["opened_at"] == START + 10


async def test_one_notice_is_shown_until_its_end(database: Database) -> None:
    async def shown(at: int) -> str | None:
        return await incidents.notice(database, START + at)

    assert await shown(0) is None
    await database.write(incidents.set_notice, "first", "ops", None, START)
    await database.write(incidents.set_notice, "second", "ops", START + 9, START + 1)
    assert [await shown(at) for at in (8, 9)] == ["second", None]
    assert await database.write(incidents.clear_notice, START + 10)
    assert not await database.write(incidents.clear_notice, START + 11)
    rows = await database.all("SELECT cleared_at FROM status_notice ORDER BY id")
    assert [row["cleared_at"] - START for row in rows] == [1, 10]


async def test_an_incident_is_annotated_by_its_id(database: Database) -> None:
    await database.write(begin, "pbx1", START)
    (row,) = await incidents.since(database, 0)
    assert await database.write(incidents.annotate, row["id"], "A cable.")
    assert not await database.write(incidents.annotate, "inc_none", "A cable.")
    assert (await incidents.since(database, 0))[0]["note"] == "A cable."


async def test_a_component_is_introduced_reported_and_forgotten(database: Database) -> None:
    await database.write(components.introduce, "smpp", "sms", START)
    await database.write(components.report, "smpp", "sms", "operational", "up", START + 1, True)
    await database.write(components.introduce, "smpp", "sms", START + 2)
    (row,) = await components.every(database)
    assert (row["status"], row["since"] - START, row["first_seen_at"] - START) == (
        "operational", 1, 0,
    )  # fmt: skip
    assert bool(row["remote"])
    await database.write(components.report, "smpp", "sms", "operational", "well", START + 5)
    (row,) = await database.write(components.every_one)
    assert (row["detail"], row["since"] - START, row["checked_at"] - START) == ("well", 1, 5)
    for name in ("north", "south"):
        await database.write(components.report, name, "sms", "outage", "", START)
    await database.write(components.report, "pbx1", "pbx", "outage", "", START)
    await database.write(components.keep_only, "sms", ["north"])
    assert [row["name"] for row in await components.every(database)] == ["pbx1", "north"]
    await database.write(components.keep_only, "sms", [])
    await database.write(components.forget, "pbx1")
    assert await components.every(database) == []


def asked(second: int, request_id: str, account_id: str | None) -> dict[str, Any]:
    at = START + second * 1_000_000
    return {
        "id": first_id(request_log.PREFIX, at // 1000), "request_id": request_id,
        "account_id": account_id, "mode": "test", "key_id": None, "method": "GET",
        "path": "/api/v1/ping", "status": 200, "code": None, "latency_us": 900, "at": at,
    }  # fmt: skip


async def test_requests_are_found_paged_and_swept(database: Database) -> None:
    one, other = await customer(database), await customer(database)
    mine = [asked(at, f"req_{at % 2}", one.account_id) for at in range(4)]
    theirs = [asked(4, "req_0", other.account_id), asked(5, "req_0", None)]
    await database.write(request_log.add_all, [*mine, *theirs])
    ids = [row["id"] for row in (*mine, *theirs)]

    async def found(request_id: str, account_id: str | None, limit: int = 9) -> list[str]:
        rows = await request_log.find(database, request_id, account_id, limit)
        return [row["id"] for row in rows]

    assert await found("req_0", None) == [ids[5], ids[4], ids[2], ids[0]]
    assert await found("req_0", None, 2) == [ids[5], ids[4]]
    assert await found("req_0", one.account_id) == [ids[2], ids[0]]
    assert await found("req_0", "") == []
    first = await request_log.page(database, one.account_id, 3)
    rest = await request_log.page(database, one.account_id, 3, first[-1]["id"])
    assert [row["id"] for row in (*first, *rest)] == ids[3::-1]
    before = START + 3 * 1_000_000
    assert [await database.write(request_log.sweep, before, 2) for _ in range(3)] == [2, 1, 0]
    assert await found("req_1", None) == [ids[3]]
