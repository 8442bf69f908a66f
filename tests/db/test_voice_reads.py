"""What the pages of phones and calls read: each account's own, in order, on both databases."""

from db import call_queue, calls, numbers, recordings
from db.connection import Conn
from db.database import Database
from db.recordings import RecordingStatus
from telephony.clock import SECOND, now
from tests.db.rows import add_call
from tests.factories import Customer, customer

OWNED = tuple(f"+155502220{at:02d}" for at in range(5))


def own(conn: Conn, who: Customer, number: str, targets: str = "", forward_to: str = "") -> None:
    numbers.own(
        conn, number=number, account_id=who.account_id, mode="test", strategy="all",
        ring_seconds=25, targets=targets, forward_to=forward_to, created_at=now(),
    )  # fmt: skip


async def listed(database: Database, who: Customer, **asked: str) -> list[str]:
    rows = await numbers.page(database, who.account_id, limit=3, **asked)
    return [row["number"] for row in rows]


async def test_numbers_are_read_in_order_and_found_by_any_part(database: Database) -> None:
    who, other = await customer(database), await customer(database, name="Other")
    for at, number in enumerate(OWNED):
        await database.write(own, who, number, f"desk-{at}", "+4930123456" if at == 3 else "")
    await database.write(own, other, "+15550999000", "desk-0")
    assert await listed(database, who) == list(OWNED[:3])
    assert await listed(database, who, after=OWNED[2]) == list(OWNED[3:])
    assert await listed(database, who, search="DESK-4") == [OWNED[4]]
    assert await listed(database, who, search="4930") == [OWNED[3]]
    assert await listed(database, who, search="%") == []
    assert await listed(database, other) == ["+15550999000"]
    assert await numbers.find(database, other.account_id, OWNED[0]) is None
    await database.write(
        lambda conn: numbers.change(conn, OWNED[0], strategy="order", targets="hall")
    )
    found = await numbers.find(database, who.account_id, OWNED[0])
    assert found
    assert (found["strategy"], found["targets"]) == ("order", "hall")
    assert (await numbers.find(database, who.account_id, OWNED[1]) or {})["targets"] == "desk-1"


async def test_open_calls_are_read_newest_first(database: Database) -> None:
    who, other = await customer(database), await customer(database, name="Other")

    def deed(conn: Conn) -> list[str]:
        made = [add_call(conn, who, created_at=now() - back * SECOND) for back in (30, 20, 10)]
        add_call(conn, other)
        calls.go(conn, made[1], calls.CallStatus.canceled, now(), ended_at=now())
        return made

    oldest, _, newest = await database.write(deed)
    found = await call_queue.in_progress(database, who.account_id, "test", 9)
    assert [row["id"] for row in found] == [newest, oldest]
    assert len(await call_queue.in_progress(database, who.account_id, "test", 1)) == 1
    assert await call_queue.in_progress(database, who.account_id, "live", 9) == []


async def test_a_recording_is_read_by_its_call_whatever_its_state(database: Database) -> None:
    who = await customer(database)

    def deed(conn: Conn) -> str:
        call_id = add_call(conn, who)
        recordings.add(
            conn, call_id=call_id, account_id=who.account_id, mode="test", node="pbx1",
            channels=2, created_at=now(),
        )  # fmt: skip
        return call_id

    call_id = await database.write(deed)
    row = await recordings.of_call(database, call_id)
    assert row
    assert (row["status"], row["peaks"]) == (RecordingStatus.recording, "")
    recording_id = row["id"]
    await database.write(
        lambda conn: recordings.go(conn, recording_id, RecordingStatus.stored, peaks="00ff")
    )
    assert (await recordings.of_call(database, call_id) or {})["peaks"] == "00ff"
    assert await recordings.of_call(database, "call_x") is None
