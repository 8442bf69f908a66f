"""What things cost at the door: held exactly, refused exactly, never counted twice."""

import asyncio
from collections import Counter

import pytest

from db import accounts
from db.connection import Conn
from db.database import Database
from telephony.money import MICROS
from telephony.secrets import Vault
from tests.api.client import Api, good, problem
from tests.api.world import add_phone, assert_books_balance, count, pots
from tests.factories import customer

PRICE = 0.007  # of a part to +1555…
TO = "+15551234567"


@pytest.mark.parametrize(
    ("text", "encoding", "segments"),
    [
        ("a" * 160, "gsm7", 1),
        ("a" * 161, "gsm7", 2),
        ("€" * 80, "gsm7", 1),
        ("€" * 81, "gsm7", 2),
        ("a" * 306, "gsm7", 2),
        ("a" * 307, "gsm7", 3),
        ("ж" * 70, "ucs2", 1),
        ("ж" * 71, "ucs2", 2),
        ("😀" * 35, "ucs2", 1),
        ("😀" * 36, "ucs2", 2),
        ("ж" * 670, "ucs2", 10),
        ("a" * 1530, "gsm7", 10),
    ],
)
async def test_a_message_costs_its_parts(
    plain: Api, sqlite: Database, text: str, encoding: str, segments: int
) -> None:
    who = await customer(sqlite, funds="1")
    body = good(await plain.using(who).post("/sms/send", {"to": TO, "text": text}), 202)
    assert (body["encoding"], body["segments"]) == (encoding, segments)
    assert body["cost"] == round(PRICE * segments, 6)
    assert await pots(sqlite, who) == {"wallet": (MICROS, 7_000 * segments), "sip": (0, 0)}


@pytest.mark.parametrize(("length", "segments"), [(1531, 11), (1600, 11)])
async def test_a_message_of_too_many_parts_is_refused(
    plain: Api, sqlite: Database, length: int, segments: int
) -> None:
    who = await customer(sqlite)
    response = await plain.using(who).post("/sms/send", {"to": TO, "text": "a" * length})
    body = problem(response, 400, "validation_error")
    assert [error["field"] for error in body["errors"]] == ["text"]
    assert str(segments) in body["detail"]


@pytest.mark.parametrize(
    ("funds", "text", "required"),
    [("0", "a", 0.007), ("0.006999", "a", 0.007), ("0.01", "a" * 161, 0.014)],
)
async def test_what_the_wallet_does_not_cover(
    api: Api, database: Database, funds: str, text: str, required: float
) -> None:
    who = await customer(database, funds=funds, sip_funds="5")  # SIP money pays no message
    before = await pots(database, who)
    body = problem(
        await api.using(who).post("/sms/send", {"to": TO, "text": text}), 402, "insufficient_funds"
    )
    assert (body["required"], body["available"]) == (required, float(funds))
    assert await pots(database, who) == before
    assert await count(database, "message") == await count(database, "hold") == 0


async def test_the_last_millionth_can_be_spent(api: Api, database: Database) -> None:
    who = await customer(database, funds="0.007")
    good(await api.using(who).post("/sms/send", {"to": TO, "text": "a"}), 202)
    response = await api.using(who).post("/sms/send", {"to": TO, "text": "a"})
    assert problem(response, 402, "insufficient_funds")["available"] == 0


async def test_sixty_at_once_on_funds_for_thirty_seven(api: Api, database: Database) -> None:
    who = await customer(database, funds="0.264")  # 37 × 0.007 = 0.259, and not 38
    door = api.using(who)
    responses = await asyncio.gather(
        *(door.post("/sms/send", {"to": TO, "text": f"{n}"}) for n in range(60))
    )
    assert Counter(response.status_code for response in responses) == {202: 37, 402: 23}
    assert (await pots(database, who))["wallet"] == (264_000, 259_000)
    assert await count(database, "message") == await count(database, "hold") == 37
    await assert_books_balance(database)


async def test_topups_at_once_never_overdraw(api: Api, database: Database) -> None:
    who = await customer(database, funds="10", sip_funds="1")
    door = api.using(who)
    responses = await asyncio.gather(
        *(door.post("/voip/topup", {"amount": 1.5}) for _ in range(20))
    )
    assert Counter(response.status_code for response in responses) == {200: 6, 402: 14}
    assert await pots(database, who) == {"wallet": (MICROS, 0), "sip": (10 * MICROS, 0)}
    assert len({good(one)["transaction_id"] for one in responses if one.is_success}) == 6
    await assert_books_balance(database)


async def test_a_topup_tells_both_balances(api: Api, database: Database) -> None:
    who = await customer(database, funds="10")
    for amount, wallet, sip in ((0.000001, 9.999999, 0.000001), (9.999999, 0, 10)):
        body = good(await api.using(who).post("/voip/topup", {"amount": amount}))
        found = (body["amount"], body["wallet_balance"], body["sip_balance"])
        assert found == (amount, wallet, sip)
    body = problem(await api.using(who).post("/voip/topup", {"amount": 25}), 402,
                   "insufficient_funds")  # fmt: skip
    assert (body["required"], body["available"]) == (25, 0)
    await assert_books_balance(database)


async def test_held_money_cannot_be_moved_away(api: Api, database: Database) -> None:
    who = await customer(database, funds="1")
    good(await api.using(who).post("/sms/send", {"to": TO, "text": "a"}), 202)
    response = await api.using(who).post("/voip/topup", {"amount": 1})
    assert problem(response, 402, "insufficient_funds")["available"] == 0.993
    body = good(await api.using(who).post("/voip/topup", {"amount": 0.993}))
    assert body["wallet_balance"] == 0.007
    await assert_books_balance(database)


@pytest.mark.parametrize(
    ("sip_funds", "to", "max_seconds", "held"),
    [
        ("50", TO, 14_400, 12_000),
        ("0.012", TO, 60, 12_000),
        ("0.0359", TO, 120, 12_000),
        ("0.017", "+4930123456", 60, 17_000),  # a connect fee of 0.005
    ],
)
async def test_a_call_holds_its_first_slice(
    plain: Api, sqlite: Database, vault: Vault, sip_funds: str, to: str, max_seconds: int,
    held: int,
) -> None:  # fmt: skip
    who = await customer(sqlite, sip_funds=sip_funds)
    await add_phone(sqlite, vault, who)
    body = good(await plain.using(who).post("/voice/call", {"to": to}), 202)
    assert (body["max_seconds"], body["rate"]) == (max_seconds, 0.012)
    assert (await pots(sqlite, who))["sip"][1] == held


async def test_a_call_that_the_sip_wallet_does_not_cover(
    api: Api, database: Database, vault: Vault
) -> None:
    who = await customer(database, funds="100", sip_funds="0.0119")
    await add_phone(database, vault, who)
    response = await api.using(who).post("/voice/call", {"to": TO})
    body = problem(response, 402, "insufficient_funds")
    assert (body["required"], body["available"]) == (0.012, 0.0119)
    assert (await pots(database, who))["sip"] == (11_900, 0)
    assert await count(database, "call") == 0


@pytest.mark.parametrize("to", ["+33123456789", "+81312345678"])
async def test_a_number_without_a_price_is_not_offered(
    plain: Api, sqlite: Database, vault: Vault, to: str
) -> None:
    who = await customer(sqlite, sip_funds="9")
    await add_phone(sqlite, vault, who)
    door = plain.using(who)
    for path, body in (("/sms/send", {"to": to, "text": "a"}), ("/voice/call", {"to": to})):
        problem(await door.post(path, body), 403, "destination_not_allowed")
    assert await count(sqlite, "hold") == 0


async def test_the_sandbox_number_without_money(api: Api, database: Database) -> None:
    """Whatever the wallet has, one millionth more would be needed."""
    who = await customer(database, funds="3")
    response = await api.using(who).post("/sms/send", {"to": "+15551230010", "text": "a"})
    body = problem(response, 402, "insufficient_funds")
    assert (body["required"], body["available"]) == (3.000001, 3)
    response = await api.using(who).post("/sms/send", {"to": "+15551230011", "text": "a"})
    problem(response, 403, "recipient_opted_out")
    assert await pots(database, who) == {"wallet": (3 * MICROS, 0), "sip": (0, 0)}


@pytest.mark.parametrize("of", ["key", "account"])
async def test_a_spend_cap_refuses_messages_and_calls(
    api: Api, database: Database, vault: Vault, of: str
) -> None:
    who = await customer(database, funds="10", sip_funds="10")
    await add_phone(database, vault, who)

    def cap(conn: Conn) -> None:
        if of == "key":
            accounts.change_key(conn, who.key_id, spend_day_max=20_000)
        else:
            accounts.change(conn, who.account_id, spend_day_max=20_000)

    await database.write(cap)
    door = api.using(who)
    good(await door.post("/sms/send", {"to": "+15551234567", "text": "a"}), 202)
    good(await door.post("/voice/call", {"to": "+15559876543"}), 202)
    for path, body in (
        ("/sms/send", {"to": "+15551234567", "text": "a"}),
        ("/voice/call", {"to": "+15559876543"}),
    ):
        refused = problem(await door.post(path, body, "key"), 402, "spend_cap_reached")
        assert (refused["of"], refused["period"], refused["cap"]) == (of, "day", 0.02)
    assert await count(database, "idempotency_key") == 0
