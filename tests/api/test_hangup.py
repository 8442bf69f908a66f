"""A customer ends a call: at once where nothing rings yet, and never twice."""

import asyncio

import pytest

from db import call_queue, calls
from db.database import Database
from telephony.clock import now
from telephony.secrets import Vault
from telephony.voice import settle
from tests.api.client import Api, good, problem
from tests.api.world import add_phone, assert_books_balance, pots
from tests.factories import Customer, customer
from tests.voice.calling import call, told

CALL = {"to": "+15559876543", "callback_url": "https://example.com/calls"}


@pytest.fixture
async def who(database: Database, vault: Vault) -> Customer:
    owner = await customer(database, sip_funds="5", calls_per_second=1000)
    await add_phone(database, vault, owner)
    return owner


async def placed(door: Api) -> str:
    return str(good(await door.post("/voice/call", CALL), 202)["call_id"])


async def test_a_queued_call_is_canceled_at_once_and_free(
    api: Api, database: Database, who: Customer
) -> None:
    door = api.using(who)
    call_id = await placed(door)
    ended = good(await door.post(f"/voice/calls/{call_id}/hangup"), 202)
    assert ended == {"call_id": call_id, "status": "canceled"}
    row = await call(database, call_id)
    assert (row["hangup_cause"], row["cost"], row["node"]) == ("hangup_requested", 0, None)
    assert [event["event"] for event in await told(database, call_id)] == ["call_completed"]
    assert (await pots(database, who))["sip"] == (5_000_000, 0)
    assert await database.write(call_queue.claim, "pbx1", now(), 10) == []
    again = await door.post(f"/voice/calls/{call_id}/hangup")
    problem(again, 409, "call_already_ended")
    await assert_books_balance(database)


async def test_a_call_that_was_placed_is_asked_for_once(
    api: Api, database: Database, who: Customer
) -> None:
    door = api.using(who)
    call_id = await placed(door)
    (row,) = await database.write(call_queue.claim, "pbx1", now(), 10)
    await database.write(settle.ringing, row, now())
    for _ in range(2):
        asked = good(await door.post(f"/voice/calls/{call_id}/hangup"), 202)
        assert asked == {"call_id": call_id, "status": "ringing"}
    (found,) = await database.write(calls.to_hang_up, "pbx1", 10)
    assert (found["id"], found["hangup_reason"]) == (call_id, "hangup_requested")
    shown = good(await door.get(f"/voice/calls/{call_id}"))["timeline"]
    assert [(one["status"], one["detail"]) for one in shown][2:] == [
        ("ringing", ""), ("ringing", "hangup_requested"),
    ]  # fmt: skip


async def test_racing_with_the_pbx_it_is_ended_or_asked_for_never_both(
    api: Api, database: Database, who: Customer
) -> None:
    door = api.using(who)
    ids = [await placed(door) for _ in range(12)]
    await asyncio.gather(
        *(door.post(f"/voice/calls/{call_id}/hangup") for call_id in ids),
        *(database.write(call_queue.claim, "pbx1", now(), 3) for _ in range(4)),
    )
    for call_id in ids:
        row = await call(database, call_id)
        ended = row["status"] == "canceled"
        assert ended or (row["status"], row["hangup_reason"]) == ("dialing", "hangup_requested")
        assert ended == (row["node"] is None)


async def test_it_needs_no_body_and_takes_none(api: Api, database: Database, who: Customer) -> None:
    door = api.using(who)
    path = f"/voice/calls/{await placed(door)}/hangup"
    problem(await door.post(path, {"reason": "bored"}), 400, "unknown_field")
    problem(await door.send("POST", path, content=b"{}"), 415, "unsupported_media_type")
    assert good(await door.send("POST", path), 202)["status"] == "canceled"


async def test_only_its_owner_ends_a_call(api: Api, database: Database, who: Customer) -> None:
    call_id = await placed(api.using(who))
    other = await customer(database)
    for path in (f"/voice/calls/{call_id}/hangup", "/voice/calls/call_none/hangup"):
        problem(await api.using(other).post(path), 404, "not_found")
    reader = await customer(database, scopes=("voice:read",))
    refused = await api.using(reader).post(f"/voice/calls/{call_id}/hangup")
    problem(refused, 403, "scope_missing")
    assert (await call(database, call_id))["status"] == "queued"
