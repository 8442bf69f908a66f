"""The logs over all accounts: what is found is what a plain comparison finds, by looks that go
through a bounded number of rows each."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from db import accounts, all_accounts, cdrs, lists, receipts, search
from db.connection import Conn, Row
from db.database import Database
from db.ids import first_id, last_id
from db.lists import Query
from db.searched import CALLS, MESSAGES
from tests.db.rows import START, add_call, add_cdr, add_message
from tests.db.test_query_plans import Explaining, ExplainingReader, conn, scans  # noqa: F401
from tests.factories import Customer, customer

STATUSES = ("completed", "busy", "failed", "answered")


def made(number: int) -> str:
    """The id of the call of that number."""
    return first_id("call", START // 1000 + number)


@pytest.fixture
async def two(database: Database) -> list[Customer]:
    """Two accounts with 60 calls, in turn; the second one's are live ones."""
    owners = [await customer(database, name="Acme"), await customer(database, name="Umbrella")]

    def fill(writer: Conn) -> None:
        for number in range(60):
            add_call(
                writer, owners[number % 2], id=made(number), mode=("test", "live")[number % 2],
                status=STATUSES[number // 2 % 4], created_at=START + number * 1000,
                to_number=f"+1555{number:07}",
            )  # fmt: skip

    await database.write(fill)
    return owners


@pytest.fixture(params=[7, 10_000])
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many rows one look goes through."""
    monkeypatch.setattr(all_accounts, "ROWS_LOOKED_MAX", request.param)
    monkeypatch.setattr(lists, "NEWEST_ROWS", 5)
    return int(request.param)


async def every(database: Database, query: Query, limit: int) -> list[str]:
    """The ids that all looks find, one after the other."""
    found: list[str] = []
    for _ in range(100):
        rows, cursor = await all_accounts.look(database, query, limit)
        assert len(rows) <= limit
        found += [row["id"] for row in rows]
        if not cursor:
            return found
        query = Query(query.listed, query.account_id, query.mode,
                      query.filters | {"cursor": cursor})  # fmt: skip
    raise AssertionError("the looks go on for ever")


async def test_a_search_goes_through_a_few_blocks_at_a_time(
    database: Database, two: list[Customer], few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What few of the rows are is found by several looks, each of which tells where to go on."""
    monkeypatch.setattr(search, "ROWS_PER_BLOCK", 4)
    monkeypatch.setattr(all_accounts, "BLOCKS_LOOKED_MAX", 2)
    await database.write(search.build, CALLS, last_id("call"), 60)
    for filters in ({"status": "failed"}, {"status": "canceled"}, {}):
        query = Query(CALLS, None, "live", {"search": "15550", **filters})
        number_of = filters.get("status")
        wanted = [one for one in reversed(range(60)) if one % 2 and number_of in
                  (None, STATUSES[one // 2 % 4])]  # fmt: skip
        assert await every(database, query, 50) == [made(one) for one in wanted]
    rows, cursor = await all_accounts.look(
        database, Query(CALLS, None, "live", {"search": "15550", "status": "canceled"}), 50
    )
    assert rows == []
    assert cursor, "only some of the blocks were read"


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({}, lambda number: True),
        ({"status": "busy"}, lambda number: number // 2 % 4 == 1),
        ({"status": "queued"}, lambda number: False),
        ({"since": START + 30_000}, lambda number: number >= 30),
        ({"until": START + 30_000}, lambda number: number < 30),
        ({"since": START + 9_000, "until": START + 20_000, "status": "failed"},
         lambda number: 9 <= number < 20 and number // 2 % 4 == 2),
        ({"search": "+15550000033"}, lambda number: number == 33),
        ({"search": "0042"}, lambda number: number == 42),
        ({"search": "+155", "status": "busy"}, lambda number: number // 2 % 4 == 1),
        ({"search": "000003"}, lambda number: 30 <= number < 40 or number == 3),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["test", "live"])
async def test_looks_find_what_a_comparison_finds(
    database: Database, two: list[Customer], few: int, mode: str, filters: dict[str, Any],
    wanted: Any,
) -> None:  # fmt: skip
    numbers = [one for one in reversed(range(60)) if one % 2 == (mode == "live") and wanted(one)]
    for account_id in (None, two[mode == "live"].account_id):
        for limit in (3, 100):
            query = Query(CALLS, account_id, mode, {"search": None, **filters})
            assert await every(database, query, limit) == [made(one) for one in numbers]
    other = Query(CALLS, two[mode == "test"].account_id, mode, {"search": None, **filters})
    assert await every(database, other, 9) == []


async def test_a_file_has_all_of_them(database: Database, two: list[Customer], few: int) -> None:
    async def ids(pages: AsyncIterator[list[Row]]) -> list[str]:
        return [row["id"] async for rows in pages for row in rows]

    query = Query(CALLS, None, "live", {"search": None, "status": "busy"})
    wanted = [made(one) for one in reversed(range(60)) if one % 2 and one // 2 % 4 == 1]
    assert await ids(all_accounts.pages(database, query)) == wanted
    nothing = Query(CALLS, "acc_nobody", "live", {"search": None})
    assert await ids(all_accounts.pages(database, nothing)) == []


async def test_one_of_any_account_is_found_by_its_id(
    database: Database, two: list[Customer]
) -> None:
    def fill(writer: Conn) -> str:
        add_cdr(writer, uniqueid="1.2", call_id=made(3), ended_at=START + 2)
        add_cdr(writer, uniqueid="1.1", call_id=made(3), ended_at=START + 1)
        message_id = add_message(writer, two[0])
        for part in (2, 1):
            writer.run(
                "INSERT INTO message_part (message_id, part, provider, provider_message_id, state,"
                " error_code) VALUES (:id, :part, 'north', :mine, 'accepted', '')",
                id=message_id, part=part, mine=f"n{part}",
            )  # fmt: skip
        return message_id

    message_id = await database.write(fill)
    row = await all_accounts.one(database, CALLS, made(3))
    assert row is not None
    assert (row["account_id"], row["mode"]) == (two[1].account_id, "live")
    assert [one["uniqueid"] for one in await cdrs.of_call(database, made(3))] == ["1.1", "1.2"]
    found = await all_accounts.one(database, MESSAGES, message_id)
    assert found is not None
    assert found["account_id"] == two[0].account_id
    assert [one["part"] for one in await receipts.parts_of(database, message_id)] == [1, 2]
    assert await all_accounts.one(database, CALLS, "call_x") is None
    assert await all_accounts.one(database, MESSAGES, "msg_x") is None
    ids = [one.account_id for one in two]
    assert await accounts.names(database, [*ids, "acc_x"]) == dict(
        zip(ids, ("Acme", "Umbrella"), strict=True)
    )
    assert await accounts.names(database, []) == {}


async def test_live_calls_have_a_channel(database: Database, two: list[Customer]) -> None:
    rows = await all_accounts.live_calls(database, 100)
    wanted = [made(one) for one in reversed(range(60)) if one // 2 % 4 == 3]
    assert [row["id"] for row in rows] == wanted
    assert len(await all_accounts.live_calls(database, 3)) == 3


@pytest.mark.parametrize("account_id", [None, "acc"])
async def test_a_look_goes_along_the_ids(
    conn: Explaining,  # noqa: F811
    account_id: str | None,
) -> None:
    """No row is sorted, and none is read beyond the bounds of the look."""
    reader = ExplainingReader(conn)
    for listed, prefix in ((CALLS, "call"), (MESSAGES, "msg")):
        for filters in ({}, {"status": "failed"}, {"cursor": f"{prefix}_x", "since": START}):
            await all_accounts.look(reader, Query(listed, account_id, "live", filters), 50)
    assert scans(conn) == []
    assert not [step for step in conn.plans if "TEMP B-TREE" in step], conn.plans
    await all_accounts.live_calls(reader, 50)
    (step,) = [step for step in conn.plans if "ix_call_open" in step]
    assert step == "SCAN call USING INDEX ix_call_open"
