"""SQL in one dialect: lists, parameters, ids, states."""

import time
from enum import StrEnum
from typing import Any

import pytest

from db import ids
from db.connection import (
    ROWS_PER_INSERT_MAX,
    Conn,
    Row,
    arrays,
    expand,
    insert,
    insert_new,
    inserts,
    pyformat,
)
from db.database import Database
from db.ids import ALPHABET, new_id
from db.states import Transitions, move, terminal
from tests.db.rows import add_call
from tests.db.test_writer import keep
from tests.factories import customer


@pytest.mark.parametrize(
    ("sql", "params", "expected"),
    [
        ("a IN :x", {"x": [7, 8]}, ("a IN (:x_0, :x_1)", {"x_0": 7, "x_1": 8})),
        ("a IN :x", {"x": []}, ("a IN (NULL)", {})),
        ("a IN :x OR b IN :x", {"x": [7]}, ("a IN (:x_0) OR b IN (:x_0)", {"x_0": 7})),
        (
            "a IN :id AND b IN :ids AND c = :c",
            {"id": (1,), "ids": {2}, "c": 3},
            ("a IN (:id_0) AND b IN (:ids_0) AND c = :c", {"id_0": 1, "ids_0": 2, "c": 3}),
        ),
        ("a = :x", {"x": 1}, ("a = :x", {"x": 1})),
    ],
)
def test_lists_are_spelled_out(sql: str, params: dict[str, Any], expected: Any) -> None:
    given = dict(params)
    assert expand(sql, params, 5) == expected
    assert params == given


def test_parameters_for_psycopg() -> None:
    assert pyformat("a = :a AND b LIKE '50%' AND c::text = :b_2") == (
        "a = %(a)s AND b LIKE '50%%' AND c::text = %(b_2)s"
    )


def test_lists_are_arrays_of_postgresql() -> None:
    sql = "a IN :x AND b NOT IN :y AND c = :c"
    assert pyformat(sql) == "a = ANY(%(x)s) AND b <> ALL(%(y)s) AND c = %(c)s"
    given = {"x": (1, 2), "y": {"z"}, "c": "no list"}
    assert arrays(sql, given) == {"x": [1, 2], "y": ["z"], "c": "no list"}
    assert arrays("c = :c", {"c": (1,)}) == {"c": (1,)}


async def test_lists_find_their_rows(database: Database) -> None:
    for name in ("a", "b", "c"):
        await database.write(keep, name)
    sql = "SELECT name FROM component WHERE name IN :names ORDER BY name"
    assert await database.all(sql, names=["a", "c", "nobody"]) == [{"name": "a"}, {"name": "c"}]
    assert await database.all(sql, names=[]) == []
    assert await database.write(lambda conn: conn.all(sql, names={"b"})) == [{"name": "b"}]
    assert await database.all("SELECT 5 % 3 AS rest") == [{"rest": 2}]


async def test_many_runs_once_for_each_row(database: Database) -> None:
    sql = (
        "INSERT INTO component (name, kind, status, detail, checked_at)"
        " VALUES (:name, 'x', 'ok', '100%', 1)"
    )
    await database.write(lambda conn: conn.many(sql, [{"name": "a"}, {"name": "b"}]))
    await database.write(lambda conn: conn.many(sql, []))
    rows = await database.all("SELECT name, detail FROM component ORDER BY name")
    assert rows == [{"name": "a", "detail": "100%"}, {"name": "b", "detail": "100%"}]


@pytest.mark.parametrize("size", [0, 1, 3, ROWS_PER_INSERT_MAX, 3 * ROWS_PER_INSERT_MAX + 7])
async def test_rows_are_added_by_few_statements(database: Database, size: int) -> None:
    rows: list[Row] = [
        {"name": f"n{at:04}", "kind": "x", "status": "100%", "detail": "?", "checked_at": at}
        for at in range(size)
    ]
    assert await database.write(lambda conn: conn.insert_all("component", rows)) == []
    found = await database.all("SELECT * FROM component ORDER BY name")
    assert [{**row, **one} for row, one in zip(found, rows, strict=True)] == found
    more = (
        "ON CONFLICT (name) DO UPDATE SET checked_at = component.checked_at + excluded.checked_at"
        " RETURNING name, checked_at"
    )
    again = await database.write(lambda conn: conn.insert_all("component", rows, more))
    assert {row["name"]: row["checked_at"] for row in again} == {
        row["name"]: 2 * row["checked_at"] for row in rows
    }


def test_few_statements_serve_any_number_of_rows() -> None:
    sqls = {
        sql
        for size in range(1, 300)
        for sql, _ in inserts("component", [{"name": "n", "kind": "x"}] * size, "?", "")
    }
    assert len(sqls) == ROWS_PER_INSERT_MAX.bit_length()


async def test_long_lists_find_their_rows(database: Database) -> None:
    for name in ("a", "b", 'it\'s "c"'):
        await database.write(keep, name)
    many = [f"nobody {at}" for at in range(3_000)]
    sql = "SELECT name FROM component WHERE name IN :names AND checked_at NOT IN :many"
    bounds = {"many": range(10**6, 10**6 + 100)}
    found = await database.all(sql, names=["a", *many, 'it\'s "c"'], **bounds)
    assert sorted(row["name"] for row in found) == ["a", 'it\'s "c"']
    assert await database.write(lambda conn: conn.all(sql, names=many, **bounds)) == []


def test_a_long_list_is_one_parameter_of_sqlite() -> None:
    longer = expand("a IN :x AND b IN :y", {"x": [1, 2, 3], "y": ["z"]}, 2)
    assert longer == (
        "a IN (SELECT value FROM json_each(:x)) AND b IN (:y_0)", {"x": "[1, 2, 3]", "y_0": "z"}
    )  # fmt: skip
    more = expand("a IN :x AND b IN :y", {"x": range(9), "y": ["z"]}, 2)
    assert more[0] == longer[0], "one statement to prepare for lists of any length"


async def test_insert_and_insert_new(database: Database) -> None:
    row = {"name": "a", "kind": "x", "status": "ok", "detail": "", "checked_at": 1}
    assert await database.write(lambda conn: insert_new(conn, "component", **row))
    assert not await database.write(lambda conn: insert_new(conn, "component", **row))
    with pytest.raises(Exception, match=r"(?i)unique"):
        await database.write(lambda conn: insert(conn, "component", **row))


async def test_numbers_keep_all_their_64_bits(database: Database) -> None:
    big = 2**63 - 1
    await database.write(keep, "a")

    def change(conn: Conn) -> int:
        return conn.run("UPDATE component SET checked_at = :big", big=big)

    assert await database.write(change) == 1
    assert await database.all("SELECT checked_at FROM component") == [{"checked_at": big}]


def test_ids_sort_by_time_also_within_a_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [new_id("msg") for _ in range(5_000)]
    assert made == sorted(made)
    assert len(set(made)) == 5_000
    assert all(len(one) == 30 and set(one[4:]) <= set(ALPHABET) for one in made)
    monkeypatch.setattr("db.ids.time.time_ns", lambda: 1_000_000)  # the clock is set back
    assert new_id("msg") > made[-1]
    monkeypatch.undo()
    time.sleep(0.002)
    assert new_id("msg") > made[-1]


def test_ids_carry_their_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_last", 0)
    before = time.time_ns() // 1_000_000
    value = 0
    for letter in new_id("x").removeprefix("x_"):
        value = value * 32 + ALPHABET.index(letter)
    assert before <= value >> 80 <= time.time_ns() // 1_000_000


class Light(StrEnum):
    queued = "queued"
    ringing = "ringing"
    completed = "completed"


LIGHTS: Transitions[Light] = {
    Light.queued: frozenset(),
    Light.ringing: frozenset({Light.queued}),
    Light.completed: frozenset({Light.queued, Light.ringing}),
}


async def test_a_row_moves_only_along_its_table(database: Database) -> None:
    someone = await customer(database)
    call_id = await database.write(lambda conn: add_call(conn, someone))

    async def go(target: Light, **facts: Any) -> Any:
        return await database.write(
            lambda conn: move(conn, "call", LIGHTS, call_id, target, **facts)
        )

    assert await go(Light.queued) is None
    row = await go(Light.ringing, ringing_at=5)
    assert (row["status"], row["ringing_at"]) == ("ringing", 5)
    assert await go(Light.ringing, ringing_at=6) is None
    assert (await go(Light.completed))["ringing_at"] == 5
    assert await go(Light.ringing) is None
    assert await database.write(lambda conn: move(conn, "call", LIGHTS, "x", Light.ringing)) is None


def test_terminal_states_are_those_that_nothing_leaves() -> None:
    assert terminal(LIGHTS) == {Light.completed}
