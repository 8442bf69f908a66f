"""The statement in pieces: whatever is asked for, pages and CSV have what the whole has."""

import csv
import io
from typing import Any

import pytest

from db.database import Database
from tests.api.client import Api, good, problem
from tests.api.test_wallet import charge, lines
from tests.factories import Customer, customer

ALWAYS = {"from": "2020-01-01", "to": "2120-01-01"}


@pytest.fixture
async def who(database: Database) -> Customer:
    """Charges of both wallets beside what was paid in."""
    made = await customer(database, funds="60", sip_funds="40")
    for at in range(5):
        await charge(database, made, *(("call", 2, "sip") if at % 2 else ("msg", 1, "wallet")))
    return made


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 8), ({"wallet": "sip"}, 3), ({"wallet": "wallet"}, 5), ({"kind": "charge"}, 5),
        ({"kind": "sip_topup"}, 2), ({"kind": "charge", "wallet": "sip"}, 2),
        ({**ALWAYS, "kind": "charge"}, 5), ({**ALWAYS, "wallet": "wallet"}, 5),
        ({"kind": "refund", "wallet": "sip"}, 0),
    ],
)  # fmt: skip
async def test_pages_and_csv_have_what_the_whole_has(
    api: Api, database: Database, who: Customer, query: dict[str, Any], count: int
) -> None:
    whole = await lines(api, who, **query)
    assert len(whole) == count
    seen: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    while True:
        body = good(await api.using(who).get("/wallet/transactions", limit=2, **query, **cursor))
        seen += body["data"]
        if body["next_cursor"] is None:
            break
        cursor = {"cursor": body["next_cursor"]}
        await charge(database, who, "msg", 1, "wallet")
    assert seen == whole
    whole = await lines(api, who, **query)
    asked = {"headers": {"Accept": "text/csv"}, **query}
    response = await api.using(who).get("/wallet/transactions", **asked)
    rows = list(csv.DictReader(io.StringIO(response.text, newline="")))
    assert [(row["id"], float(row["amount"])) for row in rows] == [
        (row["id"], row["amount"]) for row in whole
    ]


async def test_a_cursor_shows_nothing_of_others(
    api: Api, database: Database, who: Customer
) -> None:
    other = await customer(database, funds="3")
    page = good(await api.using(who).get("/wallet/transactions", limit=1))
    assert page["next_cursor"]
    theirs = await lines(api, other, cursor=page["next_cursor"])
    mine = await lines(api, who)
    assert not {row["id"] for row in theirs} & {row["id"] for row in mine}
    for cursor in ("x", page["next_cursor"] + "x", page["next_cursor"][:-3]):
        answer = await api.using(who).get("/wallet/transactions", cursor=cursor)
        problem(answer, 400, "validation_error")
