"""Calls, their records and the call log."""

from typing import Any

import pytest

from db import call_log, call_queue, calls, cdrs
from db.calls import CallStatus
from db.connection import Conn, Row
from db.database import Database
from db.ids import first_id
from db.states import terminal
from tests.db.rows import START, add_call, add_cdr
from tests.factories import Customer, customer


@pytest.fixture
async def someone(database: Database) -> Customer:
    return await customer(database)


async def test_a_claim_takes_the_oldest_for_a_node(database: Database, someone: Customer) -> None:
    def add(conn: Conn) -> list[str]:
        add_call(conn, someone, status="ringing", node="pbx1")
        return [add_call(conn, someone, created_at=START - at) for at in range(3)]

    ids = await database.write(add)
    taken = await database.write(call_queue.claim, "pbx2", START + 9, 2)
    assert [row["id"] for row in taken] == [ids[2], ids[1]]
    assert {(row["status"], row["node"], row["started_at"]) for row in taken} == {
        ("dialing", "pbx2", START + 9)
    }
    assert [row["id"] for row in await database.write(call_queue.claim, "pbx1", START, 9)] == [
        ids[0]
    ]
    on_node = await database.write(calls.on_node, "pbx2")
    assert {row["id"] for row in on_node} == {ids[1], ids[2]}
    lines = await calls.timeline(database, ids[2])
    assert [line["status"] for line in lines] == ["queued", "dialing"]


async def test_a_call_moves_and_tells_its_timeline(database: Database, someone: Customer) -> None:
    call_id = await database.write(lambda conn: add_call(conn, someone))
    await database.write(call_queue.claim, "pbx1", START, 1)

    def talk(conn: Conn) -> list[Row | None]:
        return [
            calls.go(conn, call_id, CallStatus.ringing, START + 1, ringing_at=START + 1),
            calls.go(conn, call_id, CallStatus.answered, START + 1, answered_at=START + 1),
            calls.go(conn, call_id, CallStatus.busy, START + 1),
            calls.go(conn, call_id, CallStatus.completed, START + 1, "bye"),
            calls.go(conn, call_id, CallStatus.failed, START + 1),
        ]

    moved = await database.write(talk)
    assert [row and row["status"] for row in moved] == [
        "ringing", "answered", None, "completed", None,
    ]  # fmt: skip
    lines = await calls.timeline(database, call_id)
    assert [line["status"] for line in lines] == [
        "queued", "dialing", "ringing", "answered", "completed",
    ]  # fmt: skip
    assert lines[-1]["detail"] == "bye"
    assert await database.write(calls.on_node, "pbx1") == []


async def test_open_calls_of_an_account_and_of_one_of_its_phones(
    database: Database, someone: Customer
) -> None:
    def add(conn: Conn) -> dict[str, str]:
        add_call(conn, someone, sip_account="alice", status="completed")
        return {name: add_call(conn, someone, sip_account=name or None, status="answered")
                for name in ("alice", "bob", "")}  # fmt: skip

    ids = await database.write(add)
    of_all = await database.write(calls.open_of, someone.account_id)
    assert {row["id"] for row in of_all} == set(ids.values())
    (of_alice,) = await database.write(calls.open_of, someone.account_id, "alice")
    assert of_alice["id"] == ids["alice"]


def test_nothing_leaves_a_final_state() -> None:
    ended = {"completed", "busy", "no_answer", "failed", "canceled"}
    assert terminal(calls.TRANSITIONS) == ended == set(calls.ENDED)
    assert set(calls.TRANSITIONS) == ended | {"queued", "dialing", "ringing", "answered"}


async def test_columns_change_by_id_and_signs_of_life_by_channel(
    database: Database, someone: Customer
) -> None:
    def add(conn: Conn) -> str:
        add_call(conn, someone, channel_id="2.2")
        return add_call(conn, someone, channel_id="1.1")

    call_id = await database.write(add)
    await database.write(lambda conn: calls.change(conn, call_id, billsec=7, hangup_cause="16"))
    await database.write(calls.seen, ["1.1", "9.9"], START + 5)
    row = await database.write(calls.by_channel, "1.1")
    assert row is not None
    assert (row["id"], row["billsec"], row["last_seen_at"]) == (call_id, 7, START + 5)
    other = await database.write(calls.by_channel, "2.2")
    assert other is not None
    assert (other["billsec"], other["last_seen_at"]) == (0, None)
    assert await database.write(calls.by_channel, "3.3") is None
    assert await calls.find(database, someone.account_id, "test", call_id) == row
    assert await calls.find(database, someone.account_id, "live", call_id) is None
    assert await calls.find(database, "acc_other", "test", call_id) is None


async def test_calls_that_wait_too_long_are_found(database: Database, someone: Customer) -> None:
    def add(conn: Conn) -> list[str]:
        add_call(conn, someone, status="dialing")
        return [add_call(conn, someone, created_at=START + at) for at in range(2)]

    ids = await database.write(add)
    assert await database.write(call_queue.queued_before, START) == []
    assert [row["id"] for row in await database.write(call_queue.queued_before, START + 1)] == ids[
        :1
    ]


async def test_a_record_is_kept_once(database: Database) -> None:
    def add(conn: Conn) -> list[bool]:
        return [
            add_cdr(conn, call_id="call_1"), add_cdr(conn),
            add_cdr(conn, sequence=2, call_id="call_1"), add_cdr(conn, node="pbx2"),
        ]  # fmt: skip

    kept = await database.write(add)
    assert kept == [True, False, True, True]
    rows = await database.all("SELECT * FROM cdr WHERE call_id = 'call_1' ORDER BY sequence")
    assert [row["sequence"] for row in rows] == [1, 2]


async def test_the_position_is_kept_for_each_node(database: Database) -> None:
    assert await database.write(cdrs.position, "pbx1") == (0, 0)
    await database.write(cdrs.set_position, "pbx1", 2**40, 10)
    await database.write(cdrs.set_position, "pbx1", 2**40 + 1, 20)
    await database.write(cdrs.set_position, "pbx2", 1, 1)
    assert await database.write(cdrs.position, "pbx1") == (2**40 + 1, 20)


async def test_what_cannot_be_read_is_buried(database: Database) -> None:
    await database.write(cdrs.bury, "cdr", "{half", "no JSON", START)
    row = await database.one("SELECT source, raw, error, at FROM dead_letter")
    assert row == {"source": "cdr", "raw": "{half", "error": "no JSON", "at": START}


LOG: list[dict[str, Any]] = [
    {"to_number": "+15550111222", "created_at": START},
    {"to_number": "+491701234567", "status": "busy", "created_at": START + 1},
    {"from_number": "+447700900000", "direction": "inbound", "created_at": START + 2},
    {"caller_id": "100%_sure", "sip_account": "Alice", "created_at": START + 3},
    {"caller_id": "100 xsure", "sip_account": "al_ce", "created_at": START + 4},
    {"caller_id": "back\\slash", "created_at": START + 5},
]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"search": "0111"}, [0, 2, 3, 4, 5]),
        ({"search": "49170"}, [1]),
        ({"search": "+4477"}, [2]),
        ({"search": "%"}, [3]),
        ({"search": "_"}, [3, 4]),
        ({"search": "0%_s"}, [3]),
        ({"search": "\\"}, [5]),
        ({"search": "alice"}, [3]),
        ({"search": "AL_CE"}, [4]),
        ({"search": "'; DROP TABLE call"}, []),
        ({"direction": "inbound"}, [2]),
        ({"status": "busy"}, [1]),
        ({"status": None, "search": None}, [0, 1, 2, 3, 4, 5]),
        ({"sip_account": "Alice"}, [3]),
        ({"since": START + 2, "until": START + 4}, [2, 3]),
        ({"search": "0111", "since": START + 3}, [3, 4, 5]),
    ],
)
async def test_the_call_log_filters(
    database: Database, someone: Customer, filters: dict[str, Any], found: list[int]
) -> None:
    def add(conn: Conn) -> list[str]:
        add_call(conn, someone, status="answered")
        add_call(conn, someone, status="completed", mode="live")
        made = first_id("call", START // 1000)[:-1]
        return [
            add_call(conn, someone, **({"status": "completed", "id": f"{made}{at}"} | facts))
            for at, facts in enumerate(LOG)
        ]

    ids = await database.write(add)
    where = (database, someone.account_id, "test")
    rows, more, total = await call_log.listing(*where, limit=50, **filters)
    assert [row["id"] for row in rows] == [ids[at] for at in reversed(found)]
    assert (more, total) == (False, (len(found), True))


async def test_pages_have_no_gaps_while_calls_end(database: Database, someone: Customer) -> None:
    def add(conn: Conn, count: int) -> list[str]:
        return [add_call(conn, someone, status="completed") for _ in range(count)]

    where = (database, someone.account_id, "test")
    ids = await database.write(add, 25)
    seen: list[str] = []
    cursor = None
    more = True
    while more:
        rows, more, total = await call_log.listing(*where, limit=10, cursor=cursor)
        seen += [row["id"] for row in rows]
        cursor = seen[-1]
        await database.write(add, 3)
    assert seen == ids[::-1]
    assert total == (25 + 2 * 3, True)
    by_offset = await call_log.listing(*where, limit=5, offset=9)
    assert [row["id"] for row in by_offset.rows] == ids[::-1][:5]
