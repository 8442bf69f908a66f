"""Many messages by one request: each by itself, all in one transaction, paid exactly."""

from typing import Any

import pytest

from db.database import Database
from telephony.money import MICROS
from tests.api.client import Api, good, problem
from tests.api.world import assert_books_balance, count, pots
from tests.factories import customer

TO = "+15551234567"
PRICE = 7_000


def numbered(count: int) -> list[dict[str, Any]]:
    return [{"to": f"+1555123{at:04}", "text": f"code {at}"} for at in range(count)]


async def test_a_thousand_messages(api: Api, database: Database) -> None:
    who = await customer(database, funds="100", mode="live")
    body = good(await api.using(who).post("/sms/batch", {"messages": numbered(1000)}), 202)
    assert (body["accepted"], body["refused"]) == (1000, 0)
    ids = [one["accepted"]["message_id"] for one in body["results"]]
    assert [one["accepted"]["to"] for one in body["results"]] == [
        f"+1555123{at:04}" for at in range(1000)
    ]
    rows = await database.all("SELECT id, body, status, lane FROM message ORDER BY id")
    assert [row["id"] for row in rows] == ids, "in the order of the batch"
    assert {(row["status"], row["lane"]) for row in rows} == {("queued", 1)}
    assert await pots(database, who) == {
        "wallet": (100 * MICROS, 1000 * PRICE), "sip": (0, 0)
    }  # fmt: skip
    assert await count(database, "message_history") == 1000
    await assert_books_balance(database)


async def test_each_message_is_judged_by_itself(api: Api, database: Database) -> None:
    who = await customer(database, funds="1")
    messages: list[Any] = [
        {"to": TO, "text": "good"},
        {"to": "12", "text": "no number"},
        {"to": TO, "text": "unknown field", "colour": "red"},
        {"to": TO, "text": "a" * 1531},
        {"to": "+4401234567890", "text": "no price"},
        {"to": TO, "text": "stranger", "from": "+15550009999"},
        {"to": "+15551230011", "text": "opted out"},
        {"to": TO, "text": "dear", "max_price": 0.001},
        {"to": TO, "text": "past", "send_at": "2020-01-01"},
        {"text": "no number at all"},
        {"to": TO, "text": "good", "reference": "again"},
    ]
    body = good(await api.using(who).post("/sms/batch", {"messages": messages}), 202)
    codes = [one["problem"]["code"] if one["problem"] else None for one in body["results"]]
    assert codes == [
        None, "validation_error", "unknown_field", "validation_error", "destination_not_allowed",
        "sender_id_not_allowed", "recipient_opted_out", "validation_error", "validation_error",
        "validation_error", None,
    ]  # fmt: skip
    assert body["results"][8]["problem"]["errors"][0]["field"] == "send_at"
    assert [one["duplicate_of"] for one in body["results"]] == [None] * 10 + [0]
    assert (body["accepted"], body["refused"]) == (2, 9)
    assert await pots(database, who) == {"wallet": (MICROS, 2 * PRICE), "sip": (0, 0)}
    await assert_books_balance(database)


@pytest.mark.parametrize("cap", [False, True])
async def test_funds_or_a_cap_cover_the_first_ones(api: Api, database: Database, cap: bool) -> None:
    who = await customer(
        database, funds="1" if cap else "0.021", spend_day_max=3 * PRICE if cap else None
    )
    body = good(await api.using(who).post("/sms/batch", {"messages": numbered(5)}), 202)
    codes = [one["problem"] and one["problem"]["code"] for one in body["results"]]
    wanted = "spend_cap_reached" if cap else "insufficient_funds"
    assert codes == [None, None, None, wanted, wanted]
    assert (await pots(database, who))["wallet"][1] == 3 * PRICE
    assert await count(database, "message") == await count(database, "hold") == 3
    await assert_books_balance(database)


async def test_one_key_covers_the_batch(api: Api, database: Database) -> None:
    who = await customer(database, funds="1")
    door = api.using(who)
    first = await door.post("/sms/batch", {"messages": numbered(3)}, idempotency_key="b1")
    again = await door.post("/sms/batch", {"messages": numbered(3)}, idempotency_key="b1")
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert await count(database, "message") == 3
    other = await door.post("/sms/batch", {"messages": numbered(4)}, idempotency_key="b1")
    problem(other, 422, "idempotency_key_reused")


@pytest.mark.parametrize("messages", [[], [{}] * 1001, "text", [1], None])
async def test_a_batch_that_is_none(plain: Api, sqlite: Database, messages: object) -> None:
    who = await customer(sqlite)
    response = await plain.using(who).post("/sms/batch", {"messages": messages})
    problem(response, 400, "validation_error")
