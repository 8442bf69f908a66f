"""Messages go out no faster than is allowed, and nobody waits for what another has queued."""

import asyncio
from typing import Any

import pytest

from db import message_queue, sms_accounts
from db.connection import Conn
from db.database import Database
from db.message_queue import Lane
from telephony.clock import SECOND, Instant
from telephony.settings import Settings
from telephony.sms.drafts import Draft
from telephony.sms.schedule import release_due
from telephony.sms.send import Accepted, send, send_all
from tests.factories import Customer, customer
from tests.sms.sending import message

START = 1_768_176_000 * SECOND
TO = "+15551239999"
PACED = Settings(smpp_host="127.0.0.1", sms_account_per_second=4)


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database, mode="live")


async def due(
    database: Database, who: Customer, settings: Settings = PACED, to: str = TO, at: Instant = START
) -> float:
    """Send a message at an instant; how many seconds after START it has its turn."""

    def deed(conn: Conn) -> str:
        return send(conn, settings, account_id=who.account_id, mode=who.mode, key_id=who.key_id,
                    draft=Draft(to, "text"), now=at).message_id  # fmt: skip

    return await turn_of(database, await database.write(deed))


async def turn_of(database: Database, message_id: str) -> float:
    return float((await message(database, message_id))["next_attempt_at"] - START) / SECOND


async def batch(database: Database, who: Customer, size: int) -> list[float]:
    """Send a batch; the turns of what was accepted."""
    done = await database.write(
        lambda conn: send_all(
            conn, PACED, account_id=who.account_id, mode=who.mode, key_id=who.key_id,
            lane=Lane.bulk, drafts=[Draft(TO, f"text {n}") for n in range(size)], now=START,
        )
    )  # fmt: skip
    ids = [one.message_id for one in done if isinstance(one, Accepted)]
    return [await turn_of(database, one) for one in ids]


async def claimed(database: Database, after_seconds: float, limit: int = 50) -> list[str]:
    """The accounts whose messages are taken then."""
    at = START + int(after_seconds * SECOND)
    rows = await database.write(message_queue.claim, "smpp", "t", at, at + SECOND, limit)
    return [row["account_id"] for row in rows]


async def test_an_accounts_messages_have_their_turns_one_after_the_other(
    database: Database, who: Customer
) -> None:
    assert [await due(database, who) for _ in range(4)] == [0, 0.25, 0.5, 0.75]
    assert await due(database, who, at=START + SECOND // 2) == 1
    assert await due(database, who, at=START + 9 * SECOND) == 9
    assert await due(database, await customer(database, mode="live")) == 0
    assert await due(database, await customer(database)) == 0


async def test_an_account_has_a_pace_of_its_own(database: Database, who: Customer) -> None:
    async def set_to(per_second: int | None) -> None:
        await database.write(
            lambda conn: sms_accounts.change(conn, who.account_id, per_second=per_second)
        )

    await set_to(2)
    assert [await due(database, who) for _ in range(3)] == [0, 0.5, 1]
    await set_to(None)
    assert [await due(database, who) for _ in range(2)] == [1.5, 1.75]
    await set_to(0)
    assert [await due(database, who) for _ in range(2)] == [0, 0]


async def test_without_a_pace_nothing_waits(database: Database, who: Customer) -> None:
    free = Settings(smpp_host="127.0.0.1")
    assert [await due(database, who, free) for _ in range(3)] == [0, 0, 0]
    assert await database.all("SELECT * FROM pace") == []


async def test_a_prefix_has_a_pace(database: Database, who: Customer) -> None:
    paces: dict[str, Any] = {"sms_prefix_per_second": {"1": 10, "1555": 2, "44": 1}}
    settings = Settings(smpp_host="127.0.0.1", **paces)
    assert [await due(database, who, settings) for _ in range(3)] == [0, 0.5, 1]
    assert [await due(database, who, settings, "+12125550100") for _ in range(2)] == [0, 0.1]
    assert [await due(database, who, settings, "+4915112345678") for _ in range(2)] == [0, 0]
    other = await customer(database, mode="live")
    assert await due(database, other, settings) == 0
    both = Settings(smpp_host="127.0.0.1", sms_account_per_second=1, **paces)
    assert [await due(database, other, both) for _ in range(2)] == [0.5, 1]


async def test_racing_messages_get_different_turns(database: Database, who: Customer) -> None:
    turns = sorted(await asyncio.gather(*(due(database, who) for _ in range(12))))
    assert turns == [at / 4 for at in range(12)]


async def test_a_batch_delays_no_single_message(database: Database, who: Customer) -> None:
    assert await batch(database, who, 100) == [at / 4 for at in range(100)]
    assert await due(database, who) == 0
    rows = await database.all("SELECT subject FROM pace ORDER BY subject")
    assert [row["subject"] for row in rows] == [
        f"sms:{who.account_id}:{lane.value}" for lane in (Lane.single, Lane.bulk)
    ]


async def test_what_is_not_paid_for_takes_no_turn(database: Database) -> None:
    poor = await customer(database, mode="live", funds="0.0145")
    assert await batch(database, poor, 5) == [0, 0.25]
    rows = await database.all("SELECT next_at FROM pace")
    assert [row["next_at"] for row in rows] == [START + SECOND // 2]


async def test_a_claim_passes_over_who_is_at_its_pace(database: Database, who: Customer) -> None:
    await batch(database, who, 40)
    assert await claimed(database, 0) == [who.account_id]
    assert await claimed(database, 0.2) == []
    others = [await customer(database, mode="live") for _ in range(3)]
    for one in others:
        await due(database, one)
    assert sorted(await claimed(database, 0.2)) == sorted(one.account_id for one in others)
    assert await claimed(database, 1) == [who.account_id] * 4


async def test_a_scheduled_message_has_its_turn_when_it_is_released(
    database: Database, who: Customer
) -> None:
    """It takes none before, so what is sent until then does not wait for it."""
    at = START + 60 * SECOND

    def later(conn: Conn) -> str:
        return send(conn, PACED, account_id=who.account_id, mode=who.mode, key_id=who.key_id,
                    draft=Draft(TO, "text", send_at=at), now=START).message_id  # fmt: skip

    ids = [await database.write(later) for _ in range(3)]
    assert [await due(database, who) for _ in range(2)] == [0, 0.25]
    assert await database.write(release_due, PACED, at) == 3
    assert sorted([await turn_of(database, one) for one in ids]) == [60, 60.25, 60.5]
