"""Traffic by day: what the worker has counted is what a plain count finds, in pieces of any size,
with several workers, and whatever comes meanwhile."""

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from db import calls, messages, traffic
from db.accounts import PLATFORM
from db.calls import CallStatus
from db.connection import Conn
from db.database import Database
from db.ids import new_id
from db.messages import MessageStatus
from db.traffic import DAY
from telephony import traffic as counting
from telephony.clock import now
from telephony.traffic import Traffic, together, whole_days
from tests.db.rows import add_call, add_message
from tests.factories import Customer, customer

ENDS = ("delivered", "undelivered", "failed", "expired", "canceled")
CALL_ENDS = ("completed", "busy", "no_answer", "failed", "canceled")
Key = tuple[str, str, int, str, str]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows settle at once, and a step is small."""
    monkeypatch.setattr(counting, "SETTLING_MILLIS", -1000)
    monkeypatch.setattr(counting, "ROWS_PER_STEP", 7)


@pytest.fixture
async def two(database: Database) -> list[Customer]:
    return [await customer(database, name="One"), await customer(database, name="Two", mode="live")]


def today() -> int:
    return now() // DAY * DAY


def end_message(conn: Conn, who: Customer, end: str, at: int) -> None:
    """A message that came to that end, two segments of 6,000 each if it was sent."""
    made = add_message(conn, who, segments=2, cost=12_000)
    if end in ("failed", "canceled"):
        conn.run("UPDATE message SET cost = 0 WHERE id = :id", id=made)
    else:
        assert messages.go(conn, made, MessageStatus.sending, at)
        assert messages.go(conn, made, MessageStatus.sent, at, sent_at=at)
    assert messages.go(conn, made, MessageStatus(end), at)


def end_call(conn: Conn, who: Customer, end: str, at: int) -> None:
    """A call of 30 seconds if it was answered."""
    made = add_call(conn, who)
    calls.go(conn, made, CallStatus.dialing, at)
    talked: dict[str, Any] = {"billsec": 30, "cost": 12_000} if end == "completed" else {}
    if talked:
        calls.go(conn, made, CallStatus.answered, at)
    assert calls.go(conn, made, CallStatus(end), at, **talked)


def receive(conn: Conn, who: Customer, at: int) -> None:
    conn.insert_all("sms_inbound", [{
        "id": new_id("msg"), "account_id": who.account_id, "mode": who.mode, "provider": "sandbox",
        "from_number": "+15550111222", "to_number": "+15550100000", "body": "hello", "segments": 1,
        "keyword": "", "fact": new_id("fact"), "created_at": at,
    }])  # fmt: skip


def something(conn: Conn, who: Customer, chance: random.Random) -> list[Key]:
    """Some event at some instant of the last days; what it counts as."""
    at = now() - chance.randrange(3) * DAY
    kind, end = chance.choice(("message", "call", "reply")), "received"
    found: set[str] = set()
    if kind == "message":
        end = chance.choice(ENDS)
        end_message(conn, who, end, at)
        found = {"sent"} if end not in ("failed", "canceled") else set()
    elif kind == "call":
        end = chance.choice(CALL_ENDS)
        end_call(conn, who, end, at)
    else:
        receive(conn, who, at)
    day = at - at % DAY
    return [(who.account_id, who.mode, day, kind, one) for one in (end, *found)]


async def counted(database: Database) -> dict[Key, int]:
    rows = await database.all("SELECT * FROM traffic_day")
    return {
        (row["account_id"], row["mode"], row["day"], row["kind"], row["outcome"]): row["count"]
        for row in rows
    }


async def count_all(worker: Traffic) -> None:
    while await worker.step():
        pass


async def test_what_is_counted_is_what_happened(database: Database, two: list[Customer]) -> None:
    chance, happened, workers = random.Random(7), Counter[Key](), [Traffic(database)] * 2
    for _ in range(4):
        for _ in range(15):
            who = chance.choice(two)
            happened.update(await database.write(something, who, chance))
        await asyncio.gather(*(worker.step() for worker in workers))
    for worker in workers:
        await count_all(worker)
    found = await counted(database)
    assert {key: n for key, n in found.items() if key[0] != PLATFORM} == dict(happened)
    sums = Counter[Key]()
    for (_, *rest), n in happened.items():
        sums[(PLATFORM, *rest)] += n  # type: ignore[index]
    assert {key: n for key, n in found.items() if key[0] == PLATFORM} == dict(sums)
    await count_all(workers[0])
    assert await counted(database) == found


async def test_costs_and_units_are_summed_once(database: Database, two: list[Customer]) -> None:
    one, at = two[0], now()

    def deed(conn: Conn) -> None:
        for end in ("delivered", "failed", "expired"):
            end_message(conn, one, end, at)
        late = add_message(conn, one, segments=2, cost=6_000)  # a part of it was taken
        messages.go(conn, late, MessageStatus.sending, at)
        messages.go(conn, late, MessageStatus.unknown, at)
        messages.go(conn, late, MessageStatus.expired, at)
        for end in ("completed", "busy"):
            end_call(conn, one, end, at)

    await database.write(deed)
    await count_all(Traffic(database))
    rows = await traffic.days(database, one.account_id, one.mode, today())
    (day,) = whole_days(rows, today(), 1)
    assert (day.sent, day.delivered, day.undelivered) == (2, 1, 3)
    assert (day.cost["message"], day.cost["call"], day.spent()) == (30_000, 12_000, 42_000)
    assert (day.answered, day.unanswered, day.talk_seconds) == (1, 1, 30)
    assert day.units["message", "sent"] == 4


async def test_what_is_not_settled_waits(
    database: Database, two: list[Customer], monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.write(end_call, two[0], "busy", now())
    monkeypatch.setattr(counting, "SETTLING_MILLIS", 3_600_000)
    await count_all(Traffic(database))
    assert await counted(database) == {}
    monkeypatch.setattr(counting, "SETTLING_MILLIS", -1000)
    await count_all(Traffic(database))
    assert sum((await counted(database)).values()) == 2  # the account's, and the platform's


async def test_an_existing_installation_is_counted_from_some_days_back(
    database: Database, two: list[Customer], monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.write(end_call, two[0], "busy", now())
    monkeypatch.setattr(counting, "DAYS_BACK", -1)
    await count_all(Traffic(database))
    assert await counted(database) == {}


def test_days_without_anything_are_days_all_the_same() -> None:
    row = {"day": 9 * DAY, "kind": "call", "outcome": "busy", "count": 2, "units": 0, "cost": 0}
    days = whole_days([row, row | {"day": 4 * DAY}, row | {"day": 20 * DAY}], 10 * DAY, 3)
    assert [day.at // DAY for day in days] == [8, 9, 10]
    assert [day.unanswered for day in days] == [0, 2, 0]
    total = together(days)
    assert (total.unanswered, total.answered, total.spent()) == (2, 0, 0)
