"""The log of events: a fact once, pages of an account, pieces in order, what is old is swept."""

import json
from typing import Any

import pytest

from db import deliveries, events
from db.connection import Conn, Row
from db.database import Database
from db.ids import first_id
from tests.db.rows import START, add_event
from tests.factories import Customer, customer

SECOND = 1_000_000


@pytest.fixture
async def someone(database: Database) -> Customer:
    return await customer(database)


def id_at(second: int) -> str:
    """The first id of an event of that second after START."""
    return first_id(events.PREFIX, START // 1000 + second * 1000)


async def tell(database: Database, who: Customer, second: int, **facts: Any) -> str:
    """An event of that second; its id."""
    event_id = id_at(second)
    told = {"id": event_id, "fact": f"{second}", "created_at": START + second * SECOND, **facts}
    assert await database.write(lambda conn: add_event(conn, who, **told))
    return event_id


def ids(rows: list[Row]) -> list[str]:
    return [row["id"] for row in rows]


async def paged(database: Database, who: Customer, **wanted: Any) -> list[str]:
    blank = {"limit": 9, "kind": None, "state": None, "since": None, "until": None, "cursor": None}
    return ids((await events.page(database, who.account_id, "test", **{**blank, **wanted})).rows)


async def test_a_fact_is_told_once(database: Database, someone: Customer) -> None:
    def told(conn: Conn, **facts: Any) -> bool:
        return add_event(conn, someone, **facts)

    assert await database.write(lambda conn: told(conn, fact="sent"))
    assert not await database.write(lambda conn: told(conn, fact="sent"))
    assert await database.write(lambda conn: told(conn, fact="delivered"))
    assert await database.write(lambda conn: told(conn, fact="sent", subject="msg_2"))
    assert await database.write(lambda conn: told(conn, fact="sent", type="call_ringing"))
    assert len(await database.all("SELECT id FROM event")) == 4


async def test_an_event_is_its_accounts_alone(database: Database, someone: Customer) -> None:
    other = await customer(database)
    mine = await tell(database, someone, 1)
    for account_id, mode, there in (
        (someone.account_id, "test", True), (someone.account_id, "live", False),
        (other.account_id, "test", False),
    ):  # fmt: skip
        row = await events.read(database, account_id, mode, mine)
        assert (row is not None) is there
        assert await database.write(events.find, account_id, mode, mine) == row


async def test_pages_are_newest_first_and_bounded(database: Database, someone: Customer) -> None:
    kinds = ["delivery_report", "call_ringing", "delivery_report", "wallet_low", "call_ringing"]
    made = [await tell(database, someone, at, type=kind) for at, kind in enumerate(kinds)]
    assert await paged(database, someone) == made[::-1]
    assert await paged(database, someone, limit=2) == [made[4], made[3]]
    assert await paged(database, someone, cursor=made[3]) == made[2::-1]
    assert await paged(database, someone, kind="call_ringing") == [made[4], made[1]]
    assert await paged(database, someone, kind="call_answered") == []
    since, until = START + 1 * SECOND, START + 3 * SECOND
    assert await paged(database, someone, since=since, until=until) == [made[2], made[1]]
    assert await paged(database, someone, since=since, cursor=made[2]) == [made[1]]
    assert await paged(database, await customer(database)) == []


async def test_pages_by_what_became_of_the_deliveries(
    database: Database, someone: Customer
) -> None:
    made = [await tell(database, someone, at) for at in range(4)]
    for event_id, state in zip(made[1:], ("pending", "failed", "delivered"), strict=True):

        def deed(conn: Conn, event_id: str = event_id, state: str = state) -> None:
            deliveries.add(conn, event_id, someone.account_id, START, url="http://x")
            conn.run("UPDATE delivery SET state = :state WHERE event_id = :id",
                     state=state, id=event_id)  # fmt: skip

        await database.write(deed)
    for state, found in (("none", 0), ("pending", 1), ("failed", 2), ("delivered", 3)):
        assert await paged(database, someone, state=state) == [made[found]], state
        assert await paged(database, someone, state=state, kind="wallet_low") == []
        assert await paged(database, someone, state=state, cursor=made[found]) == []
    await database.write(
        lambda conn: deliveries.add(conn, made[1], someone.account_id, START, url="http://y")
    )
    assert await paged(database, someone, state="pending") == [made[1]]


async def test_pieces_follow_one_another_whatever_their_types(
    database: Database, someone: Customer
) -> None:
    made = [await tell(database, someone, at, type=events.TYPES[at % 3]) for at in range(7)]
    place = (someone.account_id, "test")
    seen: list[str] = []
    while piece := await events.read_after(database, *place, seen[-1] if seen else "", 3):
        seen += ids(piece)
    assert seen == made

    async def between(low: int, high: int, types: tuple[str, ...], limit: int = 9) -> list[str]:
        return ids(await database.write(
            events.after, *place, id_at(low), id_at(high), types, limit
        ))  # fmt: skip

    assert await between(1, 5, events.TYPES) == made[2:5]
    assert await between(0, 9, events.TYPES[:1]) == [made[3], made[6]]
    assert await between(0, 9, events.TYPES, limit=2) == made[1:3]


async def test_a_kind_that_nobody_knows_is_a_defect(database: Database, someone: Customer) -> None:
    """Its name would be a part of the statement."""
    with pytest.raises(AssertionError):
        await paged(database, someone, kind="x' OR '1' = '1")


async def test_old_events_go_with_all_that_hangs_on_them(
    database: Database, someone: Customer
) -> None:
    made = [await tell(database, someone, at) for at in range(5)]

    def deliver(conn: Conn) -> None:
        for event_id in made:
            deliveries.add(conn, event_id, someone.account_id, START, url="http://x")
        rows = deliveries.of_events(conn, made, None)
        claimed = deliveries.claim(conn, [row["id"] for row in rows], "t", START, START + 9)
        deliveries.attempted(conn, [
            {"delivery_id": row["id"], "number": 1, "state": "failed", "next_at": START,
             "at": START, "latency_us": 5, "status_code": 500, "error": "", "reply": ""}
            for row in claimed
        ])  # fmt: skip

    await database.write(deliver)
    assert len(await database.all("SELECT * FROM delivery_attempt")) == 5
    assert await database.write(events.sweep, START + 3 * SECOND, 2) == 2
    assert await database.write(events.sweep, START + 3 * SECOND, 2) == 1
    assert await database.write(events.sweep, START + 3 * SECOND, 2) == 0
    assert await paged(database, someone) == made[:2:-1]
    for table in ("delivery", "delivery_attempt"):
        assert len(await database.all(f"SELECT * FROM {table}")) == 2
    assert await database.write(events.sweep, -1, 9) == 0


async def test_a_text_is_taken_out_of_what_was_told(database: Database, someone: Customer) -> None:
    payload = json.dumps({"text": "private", "from": "+15550001111"})
    facts = {"type": "message_received", "payload": payload}
    kept = await tell(database, someone, 0, subject="msg_1", **facts)
    emptied = await tell(database, someone, 1, subject="msg_2", **facts)
    await database.write(events.empty, "message_received", ["msg_2", "msg_9"], "text")
    await database.write(events.empty, "message_received", [], "text")
    await database.write(events.empty, "delivery_report", ["msg_1"], "text")
    rows = {row["id"]: json.loads(row["payload"]) for row in await database.all(
        "SELECT id, payload FROM event")}  # fmt: skip
    assert rows == {
        kept: json.loads(payload), emptied: {"text": "", "from": "+15550001111"},
    }  # fmt: skip


@pytest.mark.parametrize("state", ["none", "failed", "pending", "delivered"])
async def test_what_a_delivery_came_to_is_looked_for_in_a_few_events_at_a_time(
    database: Database, someone: Customer, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """A page may be empty although others follow; none is lost between them."""
    monkeypatch.setattr(events, "LOOKED_MAX", 3)
    told = [await tell(database, someone, second) for second in range(12)]

    def deliver(conn: Conn) -> None:
        for event_id in told[2:]:
            deliveries.add(conn, event_id, someone.account_id, START, url="https://a.example.com")
            conn.run("UPDATE delivery SET state = 'delivered' WHERE event_id = :id", id=event_id)
        for event_id, other in ((told[3], "failed"), (told[4], "pending"), (told[9], "failed")):
            conn.run("UPDATE delivery SET state = :state WHERE event_id = :id", state=other,
                     id=event_id)  # fmt: skip

    await database.write(deliver)
    found, cursor, looks = list[str](), None, 0
    while cursor or not looks:
        rows, cursor = await events.page(
            database, someone.account_id, "test", limit=2, state=state, cursor=cursor
        )
        found, looks = found + ids(rows), looks + 1
    wanted = {"none": [0, 1], "failed": [3, 9], "pending": [4],
              "delivered": [2, 5, 6, 7, 8, 10, 11]}[state]  # fmt: skip
    assert found == [told[number] for number in reversed(wanted)]
    assert looks > 1 or state in ("failed", "pending")
