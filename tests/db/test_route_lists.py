"""Routes by the hundred: found by a number, a carrier or a provider, page by page in their order,
off an index."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from db import sms_providers, trunks
from db.connection import Conn, Row
from db.database import Database
from db.session import open_database
from tests.db.rows import START
from tests.db.test_list_plans import Planned
from tests.factories import customer

PREFIXES = ("", "1", "4", "49", "493", "4930", "49301", "49302", "4931", "5")
TO_4930 = ["", "4", "49", "493", "4930", "49301", "49302"]


def _trunk(conn: Conn, name: str) -> str:
    trunks.add(
        conn, name=name, host="192.0.2.1", port=5060, transport="udp", username="",
        secret_sealed="", registers=False, cidrs="", codecs="ulaw",
        caller_id_format="e164", created_at=START,
    )  # fmt: skip
    row = trunks.named(conn, name)
    assert row
    return str(row["id"])


@pytest.fixture
async def network(database: Database) -> dict[str, str]:
    """Each prefix leads to both carriers and both providers; who owns what by name."""
    who = await customer(database, name="Acme")

    def fill(conn: Conn) -> dict[str, str]:
        made = {name: _trunk(conn, name) for name in ("north", "south")}
        for name in made:
            sms_providers.put(conn, name, "http", "", "gsm7", START)
        ways = [(prefix, name) for prefix in PREFIXES for name in made]
        random.Random(7).shuffle(ways)
        for number, (prefix, name) in enumerate(ways):
            trunks.put_route(conn, prefix=prefix, trunk_id=made[name], priority=number % 3,
                             weight=1, strip=0, prepend="")  # fmt: skip
            for account_id in ("", who.account_id):
                sms_providers.add_route(
                    conn, mode="live", account_id=account_id, prefix=prefix, provider=name,
                    sender="ACME" if account_id else "", priority=number % 3, weight=1,
                )  # fmt: skip
        sms_providers.add_route(conn, mode="test", provider="north", account_id="", sender="",
                                prefix="", priority=0, weight=1)  # fmt: skip
        return made

    return {**await database.write(fill), "Acme": who.account_id}


def _after_call(row: Row) -> trunks.Place:
    return row["prefix"], row["priority"], row["trunk_id"]


def _after_message(row: Row) -> sms_providers.Place:
    return row["account_id"], row["sender"], row["prefix"], row["priority"], row["id"]


async def _calls(reader: Any, limit: int = 3, **filters: Any) -> list[Row]:
    found: list[Row] = []
    after = None
    while rows := await trunks.page_of_routes(reader, limit=limit, after=after, **filters):
        found += rows
        after = _after_call(rows[-1])
    return found


async def _messages(reader: Any, limit: int = 3, **filters: Any) -> list[Row]:
    found: list[Row] = []
    after = None
    while rows := await sms_providers.page_of_routes(reader, limit=limit, after=after, **filters):
        found += rows
        after = _after_message(rows[-1])
    return found


async def test_pages_of_call_routes_are_whole(database: Database, network: dict[str, str]) -> None:
    every = await _calls(database)
    assert every == sorted(every, key=_after_call)
    assert [row["prefix"] for row in every] == [one for one in PREFIXES for _ in "ns"]
    assert every == await _calls(database, limit=100)
    south = await _calls(database, trunk_id=network["south"])
    assert [row["prefix"] for row in south] == list(PREFIXES)
    assert {row["name"] for row in south} == {"south"}
    found = await _calls(database, digits="4930", trunk_id=network["south"])
    assert [row["prefix"] for row in found] == TO_4930
    found = await _calls(database, digits="49301234567", trunk_id=network["north"])
    assert [row["prefix"] for row in found] == ["", "4", "49", "493", "4930", "49301"]
    assert await _calls(database, trunk_id="") == []


async def test_pages_of_message_routes_are_whole(
    database: Database, network: dict[str, str]
) -> None:
    every = await _messages(database)
    assert every == sorted(every, key=_after_message)
    assert len(every) == 40
    assert {(row["account_id"], row["account"]) for row in every} == {
        ("", ""), (network["Acme"], "Acme"),
    }  # fmt: skip
    assert every == await _messages(database, limit=100)
    found = await _messages(database, provider="south", account_id=network["Acme"])
    assert [row["prefix"] for row in found] == list(PREFIXES)
    found = await _messages(database, provider="north", account_id="", digits="4930")
    assert [row["prefix"] for row in found] == TO_4930


@pytest.mark.parametrize(
    ("page", "filters", "index"),
    [
        (trunks.page_of_routes, {}, "ix_trunk_route_order"),
        (trunks.page_of_routes, {"after": ("4", 1, "trk")}, "ix_trunk_route_order ("),
        (trunks.page_of_routes, {"trunk_id": "trk"}, "ix_trunk_route_trunk (trunk_id=?"),
        (sms_providers.page_of_routes, {}, "ix_sms_route_order (mode=?"),
        (sms_providers.page_of_routes, {"account_id": "acc"},
         "ix_sms_route_order (mode=? AND account_id=?"),
        (sms_providers.page_of_routes, {"provider": "north"},
         "ix_sms_route_provider (provider=? AND mode=?"),
    ],
)  # fmt: skip
async def test_a_page_is_read_off_an_index(
    sqlite_url: str, page: Callable[..., Awaitable[object]], filters: dict[str, Any], index: str
) -> None:
    database = await open_database(sqlite_url)
    planned = Planned(database)
    await page(planned, limit=5, **filters)
    assert any(index in plan for plan in planned.plans), planned.plans
    assert not any("TEMP B-TREE" in plan for plan in planned.plans), planned.plans
    await database.close()
