"""The kill switch and calls: what would leave for the world is refused at once, or ends; what
stays inside goes on."""

import pytest

from db import call_queue, calls
from db.connection import Conn
from db.database import Database
from db.outgoing import Outgoing, leaving
from telephony import outgoing
from telephony.admin import kill_switch
from telephony.clock import now
from telephony.errors import OutgoingStoppedError, ValidationFailedError
from telephony.voice import settle
from telephony.voice.authorize import decide
from tests.db.rows import add_call
from tests.factories import ACTOR, Customer, customer
from tests.voice.calling import LIVE, TO, add_phone, call, placed, sip_wallet, told

FUNDS = 5_000_000


@pytest.fixture
async def who(database: Database) -> Customer:
    """A live customer with a phone that dials the world, and another that plays."""
    owner = await customer(database, sip_funds="5", mode="live", calls_per_second=1000)
    await add_phone(database, owner, dial_mode="live")
    return owner


async def stop(database: Database, hang_up: bool = False) -> bool:
    return await database.write(
        kill_switch.stop, ACTOR, now(), "calls", "a leak of credentials", hang_up
    )


async def test_live_calls_to_the_world_are_refused_and_free(
    database: Database, who: Customer
) -> None:
    assert await stop(database)
    with pytest.raises(OutgoingStoppedError):
        await placed(database, who)
    verdict = await database.write(decide, LIVE, endpoint="alice", dialled=TO, uniqueid="1.1")
    assert (verdict.granted, verdict.variables) == (False, {"SV_CAUSE": "42"})
    (row,) = await database.all("SELECT * FROM call")
    assert (row["status"], row["hangup_cause"], row["cost"]) == ("failed", "outgoing_stopped", 0)
    assert await sip_wallet(database, who) == (FUNDS, 0)
    assert await database.write(outgoing.resume, ACTOR, now(), "calls")
    assert (await placed(database, who)).legs.startswith("trunk:default:")


async def test_what_stays_inside_goes_on(database: Database, who: Customer) -> None:
    await stop(database)
    other = await customer(database, sip_funds="5", name="Player")
    await add_phone(database, other, "player", "+15550111444")
    assert (await placed(database, other)).legs.startswith("simulated:")
    assert (await placed(database, who, to="sip:alice", origin="alice")).legs == "phones:alice"


async def test_queued_calls_end_and_others_only_if_that_is_wanted(
    database: Database, who: Customer
) -> None:
    open_call = (await placed(database, who)).call_id
    (row,) = await database.write(call_queue.claim, "pbx1", now(), 10)
    await database.write(settle.ringing, row, now())
    waiting = (await placed(database, who)).call_id
    inside = (await placed(database, who, to="sip:alice", origin="alice")).call_id
    await stop(database)
    await kill_switch.finish(database, now(), hang_up=False)
    ended = await call(database, waiting)
    assert (ended["status"], ended["hangup_cause"], ended["cost"]) == (
        "canceled", "outgoing_stopped", 0,
    )  # fmt: skip
    assert [event["event"] for event in await told(database, waiting)] == ["call_completed"]
    assert (await call(database, inside))["status"] == "queued"
    assert await database.write(calls.to_hang_up, "pbx1", 9) == []
    assert not await stop(database, hang_up=True)  # stopped before, and now those as well
    (asked,) = await database.write(calls.to_hang_up, "pbx1", 9)
    assert (asked["id"], asked["hangup_reason"]) == (open_call, "outgoing_stopped")
    await kill_switch.finish(database, now(), hang_up=True)
    assert (await call(database, inside))["status"] == "queued"


async def test_a_transaction_asks_once_and_sees_its_own_switch(database: Database) -> None:
    def deed(conn: object) -> list[bool]:
        found = []
        for act in (outgoing.stop, outgoing.resume):
            more = ("why",) if act is outgoing.stop else ()
            act(conn, ACTOR, now(), "messages", *more)  # type: ignore[arg-type]
            found += [outgoing.is_stopped(conn, kind) for kind in Outgoing]  # type: ignore[arg-type]
        return found

    assert await database.write(deed) == [True, False, False, False]
    rows = await database.all("SELECT action, subject, after FROM audit_log ORDER BY seq")
    assert [(row["action"], row["subject"]) for row in rows] == [
        ("outgoing.stopped", "messages"), ("outgoing.resumed", "messages"),
    ]  # fmt: skip
    assert '"why"' in rows[0]["after"]
    with pytest.raises(ValidationFailedError, match="Give a reason"):
        await database.write(kill_switch.stop, ACTOR, now(), "messages", "  ")
    with pytest.raises(ValueError, match="pigeons"):
        await database.write(outgoing.stop, ACTOR, now(), "pigeons", "why")
    assert not await database.write(outgoing.resume, ACTOR, now(), "messages")


async def test_what_leaves_is_found_by_the_index_of_carriers(
    database: Database, who: Customer
) -> None:
    """Only live calls that a carrier takes: neither those from a carrier to a phone, nor test
    calls, nor those that have ended or are to end already."""
    rows: dict[str, dict[str, object]] = {
        "leaves": {"mode": "live", "trunk": "north", "route": "trunk", "status": "ringing"},
        "queued": {"mode": "live", "trunk": "north", "route": "trunk", "status": "queued"},
        "comes in": {"mode": "live", "trunk": "north", "route": "phone", "status": "ringing"},
        "plays": {"mode": "test", "trunk": "north", "route": "trunk", "status": "ringing"},
        "over": {"mode": "live", "trunk": "north", "route": "trunk", "status": "completed"},
        "asked": {"mode": "live", "trunk": "north", "route": "trunk", "status": "ringing",
                  "hangup_at": now()},
        "inside": {"mode": "live", "trunk": None, "route": "phone", "status": "answered"},
    }  # fmt: skip

    def deed(conn: Conn) -> list[list[str]]:
        made = {add_call(conn, who, **facts): name for name, facts in rows.items()}
        return [
            sorted(made[row["id"]] for row in leaving(conn, 9, queued_only=only))
            for only in (False, True)
        ]

    assert await database.write(deed) == [["leaves", "queued"], ["queued"]]
