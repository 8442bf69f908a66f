"""The log of events through the door: filters, pages, attempts, replay."""

from typing import Any

import pytest

from db import deliveries
from db.connection import Conn
from db.database import Database
from telephony.clock import SECOND, now, rfc3339
from telephony.webhooks.events import emit
from tests.api.client import Api, good, problem
from tests.factories import Customer, customer

URL = "https://hooks.example.com/"
KINDS = ("wallet_low", "delivery_report", "delivery_report", "call_completed", "delivery_report")


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database)


@pytest.fixture
async def door(api: Api, who: Customer) -> Api:
    return api.using(who)


@pytest.fixture
async def told(database: Database, who: Customer) -> list[str]:
    """Ids of five events, the oldest first; each has one delivery but the last."""

    def deed(conn: Conn) -> list[str]:
        for number, kind in enumerate(KINDS):
            emit(
                conn, account_id=who.account_id, mode="test", kind=kind, subject=f"s{number}",
                fact="", callback_url=URL if number < 4 else None, payload={"n": number}, now=now(),
            )  # fmt: skip
        return [row["id"] for row in conn.all("SELECT id FROM event ORDER BY id")]

    return await database.write(deed)


async def attempt(database: Database, event_id: str, state: str, count: int = 1) -> None:
    """What a worker would have kept."""

    def deed(conn: Conn) -> None:
        (row,) = deliveries.of_events(conn, [event_id], None)
        for number in range(1, count + 1):
            deliveries.attempted(conn, [{
                "delivery_id": row["id"], "number": number, "state": state, "next_at": now(),
                "at": now(), "latency_us": 12_340, "status_code": 500, "error": "",
                "reply": f"sorry {number}",
            }])  # fmt: skip

    await database.write(deed)


async def ids(door: Api, **query: Any) -> list[str]:
    return [one["id"] for one in good(await door.get("/events", **query))["data"]]


async def test_newest_first_in_pages(door: Api, told: list[str]) -> None:
    first = good(await door.get("/events", limit=2))
    assert [one["id"] for one in first["data"]] == told[:2:-1]
    second = good(await door.get("/events", limit=2, cursor=first["next_cursor"]))
    third = good(await door.get("/events", limit=2, cursor=second["next_cursor"]))
    seen = [one["id"] for page in (first, second, third) for one in page["data"]]
    assert seen == told[::-1]
    assert third["next_cursor"] is None


async def test_by_type_time_and_state(door: Api, database: Database, told: list[str]) -> None:
    assert await ids(door, type="wallet_low") == told[:1]
    assert await ids(door, type="delivery_report") == [told[4], told[2], told[1]]
    assert await ids(door, type="sip_registration") == []
    await attempt(database, told[0], "delivered")
    await attempt(database, told[2], "failed")
    assert await ids(door, state="delivered") == told[:1]
    assert await ids(door, state="failed") == told[2:3]
    assert await ids(door, state="pending") == [told[3], told[1]]
    assert await ids(door, state="pending", type="call_completed") == told[3:4]
    assert await ids(door, state="none") == told[4:]
    assert await ids(door, state="failed", type="wallet_low") == []
    today, hour = rfc3339(now())[:10], 3600 * SECOND
    assert len(await ids(door, **{"from": today, "to": today})) == 5
    assert await ids(door, to=rfc3339(now() - hour)) == []
    assert await ids(door, **{"from": rfc3339(now() + hour)}) == []
    assert await ids(door, state="failed", to=rfc3339(now() - hour)) == []
    for wrong in ({"type": "nothing"}, {"state": "lost"}, {"limit": 0}, {"from": "yesterday"}):
        problem(await door.get("/events", **wrong), 400, "validation_error")


async def test_an_empty_log(door: Api) -> None:
    assert good(await door.get("/events")) == {"data": [], "limit": 25, "next_cursor": None}


async def test_every_attempt_is_shown(door: Api, database: Database, told: list[str]) -> None:
    await attempt(database, told[1], "failed", count=5)
    event = good(await door.get(f"/events/{told[1]}"))
    assert (event["type"], event["body"]["n"], event["body"]["id"]) == (KINDS[1], 1, told[1])
    (delivery,) = event["deliveries"]
    assert (delivery["state"], delivery["url"], delivery["endpoint_id"]) == ("failed", URL, None)
    assert (delivery["attempts_made"], delivery["next_attempt_at"]) == (5, None)
    assert [one["number"] for one in delivery["attempts"]] == [1, 2, 3, 4, 5]
    last = delivery["attempts"][-1]
    assert (last["status"], last["latency_ms"], last["error"], last["reply"]) == (
        500, 12.34, None, "sorry 5",
    )  # fmt: skip
    listed = next(one for one in good(await door.get("/events"))["data"] if one["id"] == told[1])
    assert [one["number"] for one in listed["deliveries"][0]["attempts"]] == [3, 4, 5]


async def test_replay_through_the_door(door: Api, database: Database, told: list[str]) -> None:
    await attempt(database, told[1], "failed")
    answer = good(await door.post(f"/events/{told[1]}/replay"), 202)
    assert answer == {"event_id": told[1], "receivers": 1}
    (delivery,) = good(await door.get(f"/events/{told[1]}"))["deliveries"]
    assert delivery["state"] == "pending"
    assert delivery["next_attempt_at"] is not None
    assert good(await door.post(f"/events/{told[4]}/replay"), 202)["receivers"] == 0
    problem(await door.post(f"/events/{told[1]}/replay", {"endpoint_id": "whe_x"}), 404,
            "not_found")  # fmt: skip
    problem(await door.post("/events/evt_nothing/replay"), 404, "not_found")
    problem(await door.get("/events/evt_nothing"), 404, "not_found")
    created = good(await door.post("/webhooks", {"url": URL}), 201)
    body = {"from": "2026-01-01", "state": "missing"}
    queued = good(await door.post(f"/webhooks/{created['id']}/replay", body), 202)
    assert queued["state"] == "missing"
    assert queued["replay_id"].startswith("rpl_")
    problem(await door.post(f"/webhooks/{created['id']}/replay", {"state": "held"}), 400,
            "validation_error")  # fmt: skip
