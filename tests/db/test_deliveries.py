"""The outbox: deliveries are shared out, leased, fenced, held and begun anew."""

from typing import Any

import pytest

from db import deliveries
from db.connection import Conn
from db.database import Database
from tests.db.rows import START, add_event
from tests.factories import Customer, customer


@pytest.fixture
async def someone(database: Database) -> Customer:
    return await customer(database)


async def add(
    database: Database, someone: Customer, fact: str, at: int, endpoint: str | None = None
) -> str:
    def deed(conn: Conn) -> str:
        add_event(conn, someone, id=f"evt_{fact}", fact=fact)
        deliveries.add(
            conn, f"evt_{fact}", someone.account_id, at, url="" if endpoint else "http://x",
            endpoints=[endpoint],
        )  # fmt: skip
        (row,) = deliveries.of_events(conn, [f"evt_{fact}"], endpoint)
        return str(row["id"])

    return await database.write(deed)


def attempted(conn: Conn, delivery_id: str, token: str, state: str, number: int) -> bool:
    """What a worker does with one outcome; False where its lease is another's."""
    attempt = {
        "delivery_id": delivery_id, "number": number, "state": state, "next_at": START + 200,
        "at": START, "latency_us": 5, "status_code": 200, "error": "", "reply": "ok",
    }  # fmt: skip
    if not deliveries.leased(conn, {delivery_id: token}):
        return False
    deliveries.attempted(conn, [attempt])
    return True


async def test_a_delivery_is_leased_and_fenced(database: Database, someone: Customer) -> None:
    ids = [await add(database, someone, f"{at}", START + at) for at in range(3)]
    rows = await database.write(deliveries.claim, ids, "one", START + 1, START + 50)
    assert [row["id"] for row in rows] == ids[:2]
    assert [row["event"]["fact"] for row in rows] == ["0", "1"]
    assert await database.write(deliveries.claim, ids, "two", START + 1, START + 50) == []
    assert await database.write(deliveries.claim, [], "two", START + 1, START + 50) == []
    again = await database.write(deliveries.claim, ids[:1], "two", START + 50, START + 99)
    assert [row["id"] for row in again] == ids[:1]
    assert not await database.write(attempted, ids[0], "one", "delivered", 1)
    assert await database.write(attempted, ids[0], "two", "pending", 1)
    assert not await database.write(attempted, ids[0], "two", "delivered", 2)
    await database.write(deliveries.claim, ids[:1], "three", START + 200, START + 250)
    assert await database.write(attempted, ids[0], "three", "delivered", 2)
    assert await database.write(deliveries.claim, ids[:1], "x", START + 999, START) == []
    rows = await database.all("SELECT number, latency_us FROM delivery_attempt ORDER BY number")
    assert rows == [{"number": 1, "latency_us": 5}, {"number": 2, "latency_us": 5}]


async def test_the_queue_is_read_in_pieces_from_both_ends(
    database: Database, someone: Customer
) -> None:
    ids = [await add(database, someone, f"{at}", START + at // 2) for at in range(6)]

    async def due(now: int, limit: int = 9, **where: Any) -> list[str]:
        rows = await deliveries.due(database, START + now, limit, **where)
        assert {row["lane"] for row in rows} <= {"http://x"}
        return [row["id"] for row in rows]

    assert await due(1) == ids[:4]
    assert await due(9, limit=4) == ids[:4]
    assert await due(9, limit=2, newest=True) == ids[:3:-1]
    assert await due(1, newest=True) == ids[3::-1]
    assert await due(9, limit=2, after=(START, ids[0])) == ids[1:3]
    assert await due(9, after=(START + 2, ids[5])) == []
    assert await due(-1) == []


async def test_an_endpoint_gets_an_event_once_and_its_lane_is_its_id(
    database: Database, someone: Customer
) -> None:
    await add(database, someone, "a", START, "whe_1")

    def again(conn: Conn) -> int:
        deliveries.add(conn, "evt_a", someone.account_id, START, endpoints=["whe_1", "whe_2"])
        return len(deliveries.of_events(conn, ["evt_a"], None))

    assert await database.write(again) == 2
    rows = await deliveries.due(database, START, 9)
    assert {row["lane"] for row in rows} == {"whe_1", "whe_2"}


async def test_what_is_held_is_not_due_until_it_is_released(
    database: Database, someone: Customer
) -> None:
    ids = [await add(database, someone, f"{at}", START + at, "whe_1") for at in range(3)]
    await database.write(deliveries.claim, ids, "t", START + 9, START + 50)
    await database.write(deliveries.hold, ids)
    assert await deliveries.due(database, START + 10**15, 9) == []
    assert await database.write(deliveries.oldest_due, START + 10**15) == 0
    assert await database.write(deliveries.release_held, "whe_2", START, 9) == 0
    assert await database.write(deliveries.release_held, "whe_1", START, 2) == 2
    rows = await deliveries.due(database, START, 9)
    assert [row["id"] for row in rows] == ids[:2]


async def test_beginning_anew_leaves_alone_what_is_on_its_way(
    database: Database, someone: Customer
) -> None:
    sent, leased = [await add(database, someone, fact, START) for fact in ("a", "b")]
    await database.write(deliveries.claim, [sent], "t", START, START + 50)
    await database.write(attempted, sent, "t", "failed", 1)
    await database.write(deliveries.claim, [leased], "t", START, START + 50)
    await database.write(deliveries.again, [sent, leased], START + 1)
    rows = await database.all("SELECT * FROM delivery ORDER BY id")
    assert [(row["state"], row["schedule_from"], row["lease_token"]) for row in rows] == [
        ("pending", 1, None), ("pending", 0, "t"),
    ]  # fmt: skip
    rows = await deliveries.due(database, START + 1, 9)
    assert [row["id"] for row in rows] == [sent]


async def test_the_oldest_due_delivery(database: Database, someone: Customer) -> None:
    assert await database.write(deliveries.oldest_due, START) == 0
    await add(database, someone, "a", START)
    assert await database.write(deliveries.oldest_due, START + 70) == 70
