"""`GET /wallet` and its statement: what a customer sees of the ledger."""

import csv
import io
from typing import Any

import pytest

from db import ledger
from db.connection import Conn
from db.database import Database
from db.ids import new_id
from telephony.billing import adjustments, holds, wallets
from telephony.clock import SECOND, now
from tests.api.client import Api, good, problem
from tests.factories import Customer, customer

UNIT = 1_000_000
DAY = 86_400 * SECOND


@pytest.fixture
async def who(database: Database) -> Customer:
    """100 paid in, of which 40 went to the SIP wallet."""
    return await customer(database, funds="60", sip_funds="40")


async def charge(database: Database, who: Customer, prefix: str, amount: int, kind: str) -> str:
    """Hold and capture for a message or a call; its id."""
    name = new_id(prefix)

    def deed(conn: Conn) -> None:
        holds.place(conn, who.account_id, who.mode, kind, amount, reference=name, now=now())
        holds.capture(conn, name, who.mode, amount, now())

    await database.write(deed)
    return name


async def lines(api: Api, who: Customer, **query: Any) -> list[dict[str, Any]]:
    body = good(await api.using(who).get("/wallet/transactions", **query))
    data: list[dict[str, Any]] = body["data"]
    return data


async def test_both_wallets_and_what_is_held(api: Api, database: Database, who: Customer) -> None:
    def deed(conn: Conn) -> None:
        holds.place(conn, who.account_id, "test", "sip", 3 * UNIT, reference="call_x", now=now())
        pot = ledger.pot(conn, who.account_id, "test", "sip")
        ledger.set_low_threshold(conn, pot["id"], 50 * UNIT)

    await database.write(deed)
    body = good(await api.using(who).get("/wallet"))
    assert body == {
        "mode": "test", "currency": "USD",
        "wallet": {"balance": 60, "held": 0, "available": 60, "low_threshold": None, "low": False},
        "sip": {"balance": 40, "held": 3, "available": 37, "low_threshold": 50, "low": True},
    }  # fmt: skip


async def test_any_key_reads_its_own_mode_and_nobody_else_does(
    api: Api, database: Database
) -> None:
    poor = await customer(database, funds="0", scopes=(), mode="live")
    assert good(await api.using(poor).get("/wallet"))["wallet"]["balance"] == 0
    assert await lines(api, poor) == []
    for path in ("/wallet", "/wallet/transactions"):
        problem(await api.get(path), 401, "missing_api_key")


async def test_the_statement_tells_what_each_movement_was(
    api: Api, database: Database, who: Customer
) -> None:
    message = await charge(database, who, "msg", 6_000, "wallet")
    call = await charge(database, who, "call", 12_000, "sip")

    def give_back(conn: Conn) -> None:
        adjustments.refund(conn, f"charge:{message}", 6_000, reason="never arrived",
                           reference=new_id("refund"), actor="ops", now=now())  # fmt: skip
        adjustments.adjust(conn, who.account_id, "test", "sip", -2 * UNIT, reason="typing error",
                           reference=new_id("adjust"), actor="ops", now=now())  # fmt: skip

    await database.write(give_back)
    rows = await lines(api, who)
    told = [(row["wallet"], row["kind"], row["amount"], row["balance"]) for row in rows]
    assert told == [
        ("sip", "adjust", -2, 37.988),
        ("wallet", "refund", 0.006, 60),
        ("sip", "charge", -0.012, 39.988),
        ("wallet", "charge", -0.006, 59.994),
        ("wallet", "sip_topup", -40, 60),
        ("sip", "sip_topup", 40, 40),
        ("wallet", "fund", 100, 100),
    ]
    assert [row["description"] for row in rows] == [
        "Correction: typing error", "Refund: never arrived", "Call", "Message",
        "To the SIP wallet", "From the wallet", "Deposit",
    ]  # fmt: skip
    adjust, refund, called, texted, out, into, _ = rows
    assert (called["call_id"], called["message_id"]) == (call, None)
    assert (texted["message_id"], texted["call_id"]) == (message, None)
    assert refund["refunds"] == texted["id"]
    assert out["id"] == into["id"]
    assert adjust["id"].startswith("txn_")
    assert {row["currency"] for row in rows} == {"USD"}


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_pages_follow_each_other_while_money_moves(
    api: Api, database: Database, who: Customer, limit: int
) -> None:
    for _ in range(3):
        await charge(database, who, "msg", 6_000, "wallet")
    whole = await lines(api, who)
    assert len(whole) == 6
    seen: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    while True:
        body = good(await api.using(who).get("/wallet/transactions", limit=limit, **cursor))
        assert len(body["data"]) <= limit == body["limit"]
        seen += body["data"]
        if body["next_cursor"] is None:
            break
        cursor = {"cursor": body["next_cursor"]}
        await charge(database, who, "msg", 6_000, "wallet")
    assert seen == whole


async def test_filters(api: Api, database: Database, who: Customer) -> None:
    await charge(database, who, "call", 12_000, "sip")
    kinds = {"fund": 1, "sip_topup": 2, "charge": 1, "refund": 0, "adjust": 0}
    for kind, count in kinds.items():
        rows = await lines(api, who, kind=kind)
        assert [row["kind"] for row in rows] == [kind] * count
        first = good(await api.using(who).get("/wallet/transactions", kind=kind, limit=1))
        assert (first["next_cursor"] is None) == (count < 2)
    assert {row["wallet"] for row in await lines(api, who, wallet="sip")} == {"sip"}
    assert len(await lines(api, who, wallet="sip", kind="sip_topup")) == 1
    today = {"from": "2020-01-01", "to": "2120-01-01"}
    assert len(await lines(api, who, **today)) == 4
    assert len(await lines(api, who, **today, kind="sip_topup")) == 2
    assert await lines(api, who, **{"from": "2120-01-01"}) == []
    assert await lines(api, who, to="2020-01-01") == []


async def test_a_day_has_what_moved_on_it(api: Api, database: Database) -> None:
    """Bounds are those of the shown times, whatever instants the ids were made at."""
    who = await customer(database, funds="0")
    noon = now() // DAY * DAY + DAY // 2

    def deed(conn: Conn) -> None:
        for at in (noon - DAY, noon):
            wallets.fund(conn, who.account_id, "test", UNIT, reference=new_id("fund"),
                         actor="test", now=at)  # fmt: skip

    await database.write(deed)
    late, early = await lines(api, who)
    day = late["created_at"][:10]
    assert await lines(api, who, **{"from": day}) == [late]
    since = {"from": early["created_at"], "to": late["created_at"]}
    assert (await lines(api, who, **since))[-1:] != [late]


async def test_what_is_not_a_filter_is_refused(api: Api, who: Customer) -> None:
    bad: dict[str, Any] = {
        "limit": 0,
        "cursor": "txn_1",
        "kind": "surplus",
        "from": "soon",
        "wallet": "both",
    }
    for name, value in bad.items():
        body = problem(
            await api.using(who).get("/wallet/transactions", **{name: value}), 400,
            "validation_error",
        )  # fmt: skip
        assert body["errors"][0]["field"] == name
    problem(await api.using(who).get("/wallet/transactions", page=2), 400, "unknown_field")


async def test_csv_has_the_whole_of_it(api: Api, database: Database, who: Customer) -> None:
    await charge(database, who, "msg", 1, "wallet")
    response = await api.using(who).get(
        "/wallet/transactions", headers={"Accept": "text/csv"}, limit=1
    )
    assert response.headers["content-disposition"] == 'attachment; filename="statement.csv"'
    rows = list(csv.DictReader(io.StringIO(response.text, newline="")))
    assert [row["id"] for row in rows] == [row["id"] for row in await lines(api, who)]
    assert rows[0]["amount"] == "-0.000001"
    assert rows[0]["balance"] == "59.999999"


async def test_what_was_posted_before_balances_were_kept_has_none(
    api: Api, database: Database, who: Customer
) -> None:
    def old(conn: Conn) -> None:
        conn.run("DROP TRIGGER posting_no_update" + (" ON posting" if conn.skip_locked else ""))
        conn.run("UPDATE posting SET balance_after = NULL")

    await database.write(old)
    rows = await lines(api, who)
    assert [row["balance"] for row in rows] == [None] * 3
    assert [row["amount"] for row in rows] == [-40, 40, 100]
