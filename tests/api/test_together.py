"""Messages that come at the same time are accepted together, each as if it were alone."""

import asyncio
from typing import Any

import pytest

from api.v1 import sms
from db import sms_accounts
from db.database import Database
from telephony.money import MICROS
from telephony.sms.send import send_all
from tests.api.client import Api, good, problem
from tests.api.world import assert_books_balance, count, pots
from tests.factories import customer

PRICE = 7_000
SEVERAL = 30


def numbered(at: int, **more: Any) -> dict[str, Any]:
    return {"to": f"+1555123{at:04}", "text": f"code {at}", **more}


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many messages each deed accepted."""
    seen: list[int] = []

    def watched(*args: Any, **facts: Any) -> Any:
        seen.append(len(facts["drafts"]))
        return send_all(*args, **facts)

    monkeypatch.setattr(sms, "send_all", watched)
    return seen


async def test_many_at_once(api: Api, database: Database, sizes: list[int]) -> None:
    who = await customer(database, funds="10", mode="live")
    door = api.using(who)
    answers = await asyncio.gather(
        *(door.post("/sms/send", numbered(at), f"k{at}") for at in range(SEVERAL))
    )
    bodies = [good(answer, 202) for answer in answers]
    assert [body["to"] for body in bodies] == [f"+1555123{at:04}" for at in range(SEVERAL)]
    assert len({body["message_id"] for body in bodies}) == SEVERAL
    rows = await database.all("SELECT id, to_number, body, lane FROM message")
    assert {(row["id"], row["to_number"], row["body"]) for row in rows} == {
        (body["message_id"], body["to"], f"code {at}") for at, body in enumerate(bodies)
    }
    assert {row["lane"] for row in rows} == {0}, "each is a single message"
    assert sum(sizes) == SEVERAL
    assert max(sizes) > 1
    assert (await pots(database, who))["wallet"] == (10 * MICROS, SEVERAL * PRICE)
    await assert_books_balance(database)


async def test_each_is_answered_its_own(api: Api, database: Database, sizes: list[int]) -> None:
    rich = await customer(database, funds="10")
    poor = await customer(database, funds="0.015", name="Poor")
    wishes = [
        (rich, numbered(1)),
        (poor, numbered(2)),
        (rich, numbered(3, max_price=0.001)),
        (rich, {"to": "+15551230011", "text": "opted out"}),
        (poor, numbered(4)),
        (rich, numbered(5, callback_url="ftp://example.com")),
        (poor, numbered(6)),
        (rich, numbered(7, **{"from": "+15550009999"})),
        (rich, numbered(8)),
    ]
    answers = await asyncio.gather(
        *(api.using(who).post("/sms/send", body) for who, body in wishes)
    )
    codes = [answer.json().get("code") for answer in answers]
    assert [code for (who, _), code in zip(wishes, codes, strict=True) if who is rich] == [
        None, "validation_error", "recipient_opted_out", "validation_error",
        "sender_id_not_allowed", None,
    ]  # fmt: skip
    short = [code for (who, _), code in zip(wishes, codes, strict=True) if who is poor]
    assert sorted(map(str, short)) == ["None", "None", "insufficient_funds"], "whoever came last"
    assert max(sizes) > 1
    assert await count(database, "message") == 4
    assert (await pots(database, rich))["wallet"] == (10 * MICROS, 2 * PRICE)
    assert (await pots(database, poor))["wallet"] == (15_000, 2 * PRICE)
    await assert_books_balance(database)


async def test_one_key_is_one_message(api: Api, database: Database, sizes: list[int]) -> None:
    who = await customer(database, funds="10")
    door, key = api.using(who), "same"
    same = [door.post("/sms/send", numbered(1), key) for _ in range(5)]
    *answers, other = await asyncio.gather(*same, door.post("/sms/send", numbered(2)))
    bodies = [good(answer, 202) for answer in answers]
    assert len({body["message_id"] for body in bodies}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 4
    good(other, 202)
    again = await door.post("/sms/send", numbered(1), key)
    assert good(again, 202) == bodies[0]
    assert again.headers["Idempotent-Replayed"] == "true"
    problem(await door.post("/sms/send", numbered(3), key), 422, "idempotency_key_reused")
    assert await count(database, "message") == 2
    assert sum(sizes) == 2


async def test_of_two_messages_with_one_key_one_is_refused(api: Api, database: Database) -> None:
    who = await customer(database, funds="10")
    door, key = api.using(who), "same"
    answers = await asyncio.gather(
        *(door.post("/sms/send", numbered(at % 2), key) for at in range(6))
    )
    taken = {answer.json()["to"] for answer in answers if answer.status_code == 202}
    refused = [answer for answer in answers if answer.status_code != 202]
    assert (len(taken), len(refused)) == (1, 3), "whoever came first has the key"
    for answer in refused:
        problem(answer, 422, "idempotency_key_reused")
    assert await count(database, "message") == 1


async def test_a_refused_key_may_be_used_again(api: Api, database: Database) -> None:
    who = await customer(database, funds="10")
    door, key = api.using(who), "again"
    refused = await door.post("/sms/send", numbered(1, max_price=0.001), key)
    problem(refused, 400, "validation_error")
    good(await door.post("/sms/send", numbered(1), key), 202)


async def test_a_key_is_forgotten_after_a_day(api: Api, database: Database) -> None:
    who = await customer(database, funds="10")
    door, key = api.using(who), "old"
    first = good(await door.post("/sms/send", numbered(1), key), 202)
    sql = "UPDATE idempotency_key SET created_at = created_at - 90000000000"
    await database.write(lambda conn: conn.run(sql))
    second = good(await door.post("/sms/send", numbered(2), key), 202)
    assert second["message_id"] != first["message_id"]
    assert good(await door.post("/sms/send", numbered(2), key), 202) == second
    assert await count(database, "idempotency_key") == 1


async def test_what_is_refused_counts_for_no_limit(api: Api, database: Database) -> None:
    who = await customer(database, funds="0.015")
    await database.write(lambda conn: sms_accounts.change(conn, who.account_id, per_minute=100))
    door = api.using(who)
    await asyncio.gather(*(door.post("/sms/send", numbered(at)) for at in range(5)))
    (row,) = await database.all("SELECT SUM(messages) AS counted FROM sms_velocity")
    assert row["counted"] == await count(database, "message") == 2


async def test_a_limit_holds_for_those_that_come_together(api: Api, database: Database) -> None:
    who = await customer(database, funds="10")
    await database.write(lambda conn: sms_accounts.change(conn, who.account_id, per_minute=3))
    door = api.using(who)
    answers = await asyncio.gather(*(door.post("/sms/send", numbered(at)) for at in range(8)))
    codes = [answer.json().get("code") for answer in answers]
    assert sorted(map(str, codes)) == ["None"] * 3 + ["rate_limited"] * 5
    assert await count(database, "message") == 3
    assert (await pots(database, who))["wallet"] == (10 * MICROS, 3 * PRICE)
