"""The status page's facts: notices, incidents, days, and parts that are out of service."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx

from api.app import create_app
from db import components, incidents
from db.connection import Conn
from db.database import Database
from telephony import status
from telephony.clock import SECOND, now, rfc3339
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.status import FLAP_SECONDS, PATIENCE_SECONDS, STALE_SECONDS, Part
from tests.api.client import Api, good, problem
from tests.api.world import client_of, count

MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
PATIENCE = PATIENCE_SECONDS * SECOND
BEGAN = now() - 3_600 * SECOND


async def told(database: Database, at: int, **parts: str) -> None:
    """What a worker reports at an instant: status by name of the part."""

    def part(name: str, state: str) -> Part:
        return Part(name, name, lambda: (state == "operational", f"as of {at}"), state)

    found = [part(name, state) for name, state in parts.items()]
    await database.write(status.report, found, at)


async def lately(api: Api) -> list[dict[str, Any]]:
    """Incidents, the newest first."""
    body = good(await api.get("/status/history", days=2))
    found: list[dict[str, Any]] = body["incidents"]
    return found


async def test_what_is_unwell_for_a_while_is_an_incident(api: Api, database: Database) -> None:
    await told(database, BEGAN, pbx="operational", ledger="operational")
    await told(database, BEGAN + SECOND, pbx="outage", ledger="operational")
    assert await lately(api) == []
    await told(database, BEGAN + SECOND + PATIENCE, pbx="outage", ledger="operational")
    (one,) = await lately(api)
    assert (one["component"], one["status"], one["closed_at"]) == ("pbx", "outage", None)
    assert one["opened_at"] == rfc3339(BEGAN + SECOND)
    assert one["id"].startswith("inc_")
    for again in range(3):
        at = BEGAN + PATIENCE + again * 2 * SECOND + 2 * SECOND
        await told(database, at, pbx="outage", ledger="operational")
    assert len(await lately(api)) == 1
    await told(database, BEGAN + 25 * SECOND, pbx="operational", ledger="operational")
    (closed,) = await lately(api)
    assert closed == one | {"closed_at": rfc3339(BEGAN + 25 * SECOND)}


async def test_what_is_over_at_once_is_none(api: Api, database: Database) -> None:
    for at, state in ((0, "operational"), (2, "outage"), (8, "outage"), (10, "operational")):
        await told(database, BEGAN + at * SECOND, pbx=state)
    assert await lately(api) == []


async def test_a_part_that_flaps_has_one_incident(api: Api, database: Database) -> None:
    at = BEGAN
    for _ in range(3):
        for _ in range(3):
            await told(database, at, pbx="outage")
            at += PATIENCE
        await told(database, at, pbx="operational")
        at += PATIENCE
    (one,) = await lately(api)
    assert one["opened_at"] == rfc3339(BEGAN)
    assert one["closed_at"] == rfc3339(at - PATIENCE)
    until = at + FLAP_SECONDS * SECOND
    while at < until:
        await told(database, at, pbx="operational")
        at += STALE_SECONDS * SECOND
    for _ in range(3):
        await told(database, at, pbx="outage")
        at += PATIENCE
    assert [row["closed_at"] is None for row in await lately(api)] == [True, False]


async def test_what_gets_worse_and_better_is_told_in_turn(api: Api, database: Database) -> None:
    at = BEGAN
    for state in ("degraded", "outage", "degraded", "operational"):
        for _ in range(3):
            await told(database, at, ledger=state)
            at += PATIENCE
    rows = await lately(api)
    found = [(row["status"], row["opened_at"], row["closed_at"]) for row in rows[::-1]]
    step = 3 * PATIENCE
    assert found[1] == ("outage", rfc3339(BEGAN + step), rfc3339(BEGAN + 2 * step))
    assert ("degraded", rfc3339(BEGAN), rfc3339(BEGAN + 3 * step)) in found


async def test_a_platform_that_was_down_was_down(api: Api, database: Database) -> None:
    """It could not say so while it was; the first report afterwards does."""
    await told(database, BEGAN, pbx="operational")
    await told(database, BEGAN + 5 * MINUTE, pbx="operational")
    (one,) = await lately(api)
    assert (one["status"], one["detail"]) == ("outage", "nobody looked at it")
    assert (one["opened_at"], one["closed_at"]) == (
        rfc3339(BEGAN), rfc3339(BEGAN + 5 * MINUTE),
    )  # fmt: skip


async def test_another_worker_tells_of_a_node_that_died(api: Api, database: Database) -> None:
    await told(database, BEGAN, pbx1="operational", pbx2="operational")
    for seconds in (20, STALE_SECONDS + 20, STALE_SECONDS + 22):
        await told(database, BEGAN + seconds * SECOND, pbx1="operational")
    (one,) = await lately(api)
    assert (one["component"], one["opened_at"], one["closed_at"]) == (
        "pbx2", rfc3339(BEGAN), None,
    )  # fmt: skip
    at = BEGAN + (STALE_SECONDS + 40) * SECOND
    await told(database, at, pbx1="operational", pbx2="operational")
    (closed,) = await lately(api)
    assert closed == one | {"closed_at": rfc3339(at)}


async def test_workers_that_report_at_the_same_time_open_one(api: Api, database: Database) -> None:
    await told(database, BEGAN, ledger="degraded")
    jobs = [told(database, BEGAN + PATIENCE, ledger="degraded") for _ in range(8)]
    await asyncio.gather(*jobs)
    assert len(await lately(api)) == 1
    assert await count(database, "incident") == 1


async def test_days_have_their_worst_and_their_uptime(api: Api, database: Database) -> None:
    """A day of which a quarter was an outage, one that was only degraded, one without a part."""
    today = now() // DAY * DAY

    def deed(conn: Conn) -> None:
        for name, begins in (("a", today - 9 * DAY), ("b", today - DAY)):
            components.report(conn, name, name, "operational", "", begins)
            components.report(conn, name, name, "operational", "", now())
        for opened, closed, state in (
            (today - 2 * DAY, today - 2 * DAY + DAY // 4, "outage"),
            (today - DAY - 60 * MINUTE, today - DAY + 60 * MINUTE, "degraded"),
            (today - 40 * DAY, today - 39 * DAY, "outage"),
        ):
            incidents.begin(conn, component="a", status=state, detail="", opened_at=opened,
                            closed_at=closed)  # fmt: skip

    await database.write(deed)
    body = good(await api.get("/status/history", days=4))
    found = {one["name"]: one["days"] for one in body["components"]}
    date = datetime.fromtimestamp(today // SECOND, UTC).date().isoformat()
    assert {len(days) for days in found.values()} == {4}
    assert found["a"][-1] == {"date": date, "status": "operational", "uptime": 1}
    told_of = [(day["status"], day["uptime"]) for day in found["a"]]
    assert told_of[:3] == [("operational", 1), ("outage", 0.75), ("degraded", 1)]
    assert [day["uptime"] for day in found["b"]] == [None, None, 1, 1]
    assert [row["status"] for row in body["incidents"]] == ["degraded", "outage"]
    assert len(good(await api.get("/status/history"))["components"][0]["days"]) == 30
    for days in (0, 91):
        problem(await api.get("/status/history", days=days), 400, "validation_error")


async def test_since_tells_when_the_status_began(api: Api, database: Database) -> None:
    for at, state in ((0, "operational"), (5, "outage"), (9, "outage")):
        await told(database, now() - (20 - at) * SECOND, pbx1=state)
    (one,) = good(await api.get("/status"))["components"]
    assert one["since"] < one["checked_at"]
    (row,) = await components.every(database)
    assert row["checked_at"] - row["since"] >= 4 * SECOND
    assert row["since"] - row["first_seen_at"] >= 5 * SECOND


class Gone:
    """A database that does not answer."""

    def __init__(self, database: Database) -> None:
        self.wakeups = database.wakeups

    async def one(self, *_: object, **__: object) -> None:
        raise ConnectionError("the server closed the connection")

    all = write = one


async def test_a_database_that_is_away_is_an_outage_and_no_error(
    database: Database, settings: Settings, vault: Vault
) -> None:
    app = create_app(settings, Gone(database), vault)  # type: ignore[arg-type]
    async with client_of(app) as client:
        response: httpx.Response = await client.get("/api/v1/status")
    body = good(response)
    assert (body["status"], body["notice"]) == ("outage", None)
    (one,) = body["components"]
    assert (one["name"], one["status"], one["detail"]) == (
        "database", "outage", "it does not answer",
    )  # fmt: skip
