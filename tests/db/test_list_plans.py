"""What a list reads: the rows between its bounds, by the index that its filter has."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from db import call_log, lists, messages, search
from db.connection import Conn
from db.database import Database
from db.ids import first_id, last_id
from db.searched import CALLS
from db.session import open_database
from tests.db.rows import START, add_call
from tests.factories import customer

SEARCH = re.compile(r"SEARCH call USING (?:COVERING )?INDEX (.*)")
CALLS_MADE, HOUR = 120, 3_600_000_000
DAY = {"since": START + 20 * HOUR, "until": START + 80 * HOUR}


class Planned:
    """A reader that keeps how SQLite means to find the rows of each statement."""

    dialect = "sqlite"

    def __init__(self, database: Database) -> None:
        self._database = database
        self.plans: list[str] = []
        self.asked: list[str] = []

    async def all(self, sql: str, **params: Any) -> list[dict[str, Any]]:
        steps = await self._database.all(f"EXPLAIN QUERY PLAN {sql}", **params)
        self.asked.append(sql)
        self.plans += [step["detail"] for step in steps]
        return await self._database.all(sql, **params)

    async def one(self, sql: str, **params: Any) -> dict[str, Any] | None:
        found = await self.all(sql, **params)
        return found[0] if found else None

    @property
    def of_calls(self) -> set[str]:
        """What is looked for in which index of calls."""
        found = (
            re.search(r"SEARCH call USING (?:COVERING )?INDEX (.*)", one) for one in self.plans
        )
        return {one[1] for one in found if one} - {"sqlite_autoindex_call_1 (id=?)"}


@pytest.fixture
async def planned(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Planned]:
    """Of a database with calls, nearly all of them in blocks."""
    database = await open_database(sqlite_url)
    monkeypatch.setattr(lists, "NEWEST_ROWS", 5)
    monkeypatch.setattr(lists, "NARROW_ROWS", 5)
    who = await customer(database, name="Reader")

    def fill(conn: Conn) -> None:
        for number in range(CALLS_MADE):
            at = START + number * HOUR
            add_call(
                conn, who, id=f"{first_id('call', at // 1000)[:-6]}{number:06d}", created_at=at,
                to_number=f"+1555{number:07d}", sip_account=f"phone-{number % 3}",
                status="completed",
            )  # fmt: skip
        while search.build(conn, CALLS, last_id("call"), 10 * search.ROWS_PER_BLOCK):
            pass

    await database.write(fill)
    yield Planned(database)
    await database.close()


async def asked(planned: Planned, **filters: Any) -> set[str]:
    row = await planned._database.one("SELECT account_id FROM call LIMIT 1")
    assert row is not None
    planned.plans.clear()
    planned.asked.clear()
    await call_log.listing(planned, row["account_id"], "test", limit=5, **filters)
    return planned.of_calls


async def test_a_search_between_dates_has_one_pair_of_bounds(planned: Planned) -> None:
    """Of two lower bounds SQLite takes the first, and would compare all rows between the dates."""
    found = await asked(planned, search="0000071", **DAY)
    assert found == {"ix_call_ended (account_id=? AND mode=? AND id>? AND id<?)"}
    assert any("search_term" in plan for plan in planned.plans), "the blocks were asked"
    for sql in planned.asked:
        if " call" in sql and "IN :ids" not in sql:
            assert (sql.count(" id >"), sql.count(" id <")) == (1, 1), sql


async def test_what_one_phone_called_is_found_by_its_own_index(planned: Planned) -> None:
    own = (
        "ix_call_phone (account_id=? AND mode=? AND sip_account=? AND direction=? AND status=?"
        " AND id>? AND id<?)"
    )
    assert await asked(planned, sip_account="phone-1", status="busy", direction="inbound") == {own}
    assert own in await asked(planned, sip_account="phone-1")
    assert own in await asked(planned, sip_account="phone-1", search="0000070")
    assert not any("ix_call_phone" in one for one in await asked(planned, search="0000070"))


async def test_what_is_rare_is_found_by_an_index_of_outcomes(planned: Planned) -> None:
    """Whatever is asked for of the two: the other one's values are read one after the other."""
    own = "ix_call_outcome (account_id=? AND mode=? AND direction=? AND status=? AND id>? AND id<?)"
    for filters in (
        {"status": "failed"}, {"direction": "internal"},
        {"status": "busy", "direction": "inbound"}, {"status": "failed", "search": "0000070"},
        {"status": "failed", **DAY},
    ):  # fmt: skip
        assert await asked(planned, **filters) == {own}, filters


@pytest.mark.parametrize(
    ("status", "index"),
    [
        ("failed", "ix_message_status (account_id=? AND mode=? AND status=? AND id>? AND id<?)"),
        ("delivered", "ix_message_status (account_id=? AND mode=? AND status=? AND id>? AND id<?)"),
        ("sending", "ix_message_leased"),
        ("queued", "ix_message_queued"),
    ],
)
async def test_messages_of_a_status_are_found_by_an_index(
    planned: Planned, status: str, index: str
) -> None:
    several: tuple[dict[str, Any], ...] = ({}, {"search": "0123"}, {"cursor": "msg_5"})
    for filters in several:
        planned.plans.clear()
        await messages.listing(planned, "acc", "test", limit=5, status=status, **filters)
        of_messages = [one for one in planned.plans if re.match(r"(SEARCH|SCAN) message\b", one)]
        assert of_messages
        for one in of_messages:
            assert index in one or "sqlite_autoindex_message_1 (id=?)" in one, (filters, one)


async def test_no_list_reads_a_table_whole_or_sorts_it(planned: Planned) -> None:
    for filters in ({}, DAY, {"status": "busy"}, {"search": "0000071"}, {"search": "1555", **DAY}):
        await asked(planned, **filters)
        scanned = [plan for plan in planned.plans if re.match(r"SCAN (call|search_block)\b", plan)]
        assert scanned == [], filters
