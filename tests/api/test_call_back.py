"""What a customer sees of a call-back, and of the list of calls."""

from typing import Any

import pytest

from db import call_queue, caller_ids
from db.calls import CallStatus
from db.connection import Conn
from db.database import Database
from telephony.clock import SECOND, now
from telephony.secrets import Vault
from telephony.voice import settle
from telephony.voice.settle import End
from tests.api.client import Api, good, problem
from tests.api.world import NUMBER, add_phone
from tests.factories import Customer, customer

MINE, OWNED, TO = "+15550700001", "+4930700002", "+15559876543"


def own(conn: Conn, who: Customer) -> None:
    caller_ids.verify(conn, who.account_id, MINE, "test", now())
    conn.run(
        "INSERT INTO owned_number (number, account_id, mode, strategy, ring_seconds, targets,"
        " forward_to, created_at) VALUES (:number, :id, 'test', 'all', 20, '', '', 1)",
        number=OWNED, id=who.account_id,
    )  # fmt: skip


@pytest.fixture
async def who(database: Database, vault: Vault) -> Customer:
    owner = await customer(database, sip_funds="5", calls_per_second=1000)
    await add_phone(database, vault, owner)
    await database.write(own, owner)
    return owner


async def placed(door: Api, **body: Any) -> dict[str, Any]:
    return good(await door.post("/voice/call", {"to": TO, **body}), 202)


async def talked(database: Database, call_id: str, first: int, talk: int | None) -> None:
    """The call ended `first` seconds after its first leg had answered; the other side answered
    `talk` seconds before the end."""

    def deed(conn: Conn) -> None:
        (row,) = call_queue.claim(conn, "pbx1", now(), 1)
        assert row["id"] == call_id
        end = row["started_at"] + 90 * SECOND
        answered = None if talk is None else end - talk * SECOND
        status = CallStatus.busy if talk is None else CallStatus.completed
        cause = "user_busy" if talk is None else "normal_clearing"
        ended = End(status, cause, end, answered, None, end - first * SECOND)
        settle.finish(conn, row, ended)

    await database.write(deed)


async def test_both_legs_have_a_price_and_a_cost(
    api: Api, database: Database, who: Customer
) -> None:
    door = api.using(who)
    begun = await placed(door, **{"from": OWNED, "caller_id": MINE})
    assert (begun["from"], begun["caller_id"]) == (OWNED, MINE)
    assert (begun["rate"], begun["first_leg_rate"]) == (0.012, 0.012)
    await talked(database, begun["call_id"], first=30, talk=20)
    shown = good(await door.get(f"/voice/calls/{begun['call_id']}"))
    assert (shown["billsec"], shown["cost"], shown["rate"]) == (20, 0.029, 0.012)
    first = shown["first_leg"]
    assert (first["billsec"], first["cost"], first["rate"]) == (30, 0.017, 0.012)
    assert first["answered_at"] < shown["answered_at"]
    (logged,) = good(await door.get("/voip/logs"))["data"]
    assert (logged["cost"], logged["sip_account"]) == (0.029, None)


async def test_a_first_leg_costs_though_nobody_answered_the_other(
    api: Api, database: Database, who: Customer
) -> None:
    door = api.using(who)
    begun = await placed(door, **{"from": MINE})
    assert begun["caller_id"] == MINE
    await talked(database, begun["call_id"], first=61, talk=None)
    shown = good(await door.get(f"/voice/calls/{begun['call_id']}"))
    assert (shown["status"], shown["billsec"], shown["cost"]) == ("busy", 0, 0.024)
    assert (shown["first_leg"]["billsec"], shown["first_leg"]["cost"]) == (61, 0.024)


async def test_the_dearest_minute_is_that_of_both_legs(api: Api, who: Customer) -> None:
    door = api.using(who)
    enough, less = {"max_price_per_minute": 0.024}, {"max_price_per_minute": 0.023}
    problem(await door.post("/voice/call", {"to": TO, "from": MINE, **less}), 400,
            "validation_error")  # fmt: skip
    await placed(door, **{"from": MINE, **enough})
    assert (await placed(door, **less))["first_leg_rate"] is None


@pytest.mark.parametrize("field", ["from", "caller_id"])
async def test_a_number_of_nobody_s_is_refused(api: Api, who: Customer, field: str) -> None:
    door = api.using(who)
    refused = await door.post("/voice/call", {"to": TO, field: "+15550799999"})
    body = problem(refused, 403, "caller_id_not_allowed")
    assert "/voip/caller-ids" in body["detail"]


def claim(conn: Conn, account_id: str) -> None:
    conn.run(
        "INSERT INTO caller_id (account_id, number, verified_by, claimed_at)"
        " VALUES (:id, '+15550700009', '', 1)",
        id=account_id,
    )


async def test_what_a_test_key_claimed_is_no_caller_id_of_live_calls(
    api: Api, database: Database, vault: Vault
) -> None:
    for mode, status in (("live", 403), ("test", 202)):
        owner = await customer(database, sip_funds="5", mode=mode)
        await add_phone(database, vault, owner, f"phone-{mode}", NUMBER, dial_mode=mode)
        await database.write(claim, owner.account_id)
        for field in ("from", "caller_id"):
            body = {"to": TO, field: "+15550700009"}
            response = await api.using(owner).post("/voice/call", body)
            assert response.status_code == status, response.text


@pytest.mark.parametrize(
    ("asked", "kept"), [(True, "stereo"), (False, ""), ("mixed", "mixed"), ("stereo", "stereo")]
)
async def test_what_is_recorded(plain: Api, sqlite: Database, vault: Vault, asked: object,
                                kept: str) -> None:  # fmt: skip
    who = await customer(sqlite, sip_funds="5")
    await add_phone(sqlite, vault, who)
    door = plain.using(who)
    call_id = (await placed(door, record=asked))["call_id"]
    assert good(await door.get(f"/voice/calls/{call_id}"))["record"] == kept
    for bad in ("loud", 1, "true"):
        problem(await door.post("/voice/call", {"to": TO, "record": bad}), 400, "validation_error")


async def test_the_list_has_open_calls_too(api: Api, database: Database, who: Customer) -> None:
    door = api.using(who)
    ids = [(await placed(door))["call_id"] for _ in range(5)]
    await talked(database, ids[0], first=30, talk=20)
    page = good(await door.get("/voice/calls", limit=3))
    assert [one["call_id"] for one in page["data"]] == ids[:1:-1]
    rest = good(await door.get("/voice/calls", limit=3, cursor=page["next_cursor"]))
    assert [one["call_id"] for one in rest["data"]] == ids[1::-1]
    assert rest["next_cursor"] is None
    done = good(await door.get("/voice/calls", status="completed"))["data"]
    assert [one["call_id"] for one in done] == ids[:1]
    queries: list[tuple[int, dict[str, Any]]] = [
        (5, {"search": "9876"}), (0, {"search": "nobody"}), (4, {"status": "queued"}),
        (5, {"sip_account": "alice"}), (0, {"direction": "inbound"}), (0, {"to": "2020-01-01"}),
    ]  # fmt: skip
    for found, query in queries:
        assert len(good(await door.get("/voice/calls", **query))["data"]) == found, query
    stranger = api.using(await customer(database))
    assert good(await stranger.get("/voice/calls")) == {"data": [], "next_cursor": None}
