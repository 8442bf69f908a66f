"""The same request twice does one thing, and an Idempotency-Key says what the same request is."""

import asyncio
import json
from pathlib import Path

import psycopg
import pytest

from db.database import Database
from db.idempotency import KEPT_SECONDS
from telephony.accounts import add_key, new_key
from telephony.billing import wallets
from telephony.clock import SECOND, now
from telephony.money import MICROS
from telephony.secrets import Vault
from tests.api.client import Api, good, problem
from tests.api.world import (
    NODE,
    add_phone,
    apply_everywhere,
    assert_books_balance,
    count,
    pots,
    report_node,
)
from tests.factories import Customer, customer

SAMPLE = {"to": "+15551234567", "text": "Your code is 123456"}
KEY = "msg-123-otp"


@pytest.fixture
async def who(database: Database, vault: Vault) -> Customer:
    owner = await customer(database, funds="1", sip_funds="1")
    await add_phone(database, vault, owner)
    return owner


async def test_a_repeated_request_is_answered_from_memory(
    api: Api, database: Database, who: Customer
) -> None:
    first = await api.using(who).post("/sms/send", SAMPLE, KEY)
    good(first, 202)
    assert "idempotent-replayed" not in first.headers
    for _ in range(3):
        again = await api.using(who).post("/sms/send", SAMPLE, KEY)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["idempotent-replayed"] == "true"
        assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert await count(database, "message") == await count(database, "hold") == 1
    assert (await pots(database, who))["wallet"] == (1_000_000, 7_000)


@pytest.mark.parametrize(
    "other",
    [
        {**SAMPLE, "text": "Your code is 654321"},
        {**SAMPLE, "reference": "x"},
        {**SAMPLE, "to": "+15551234568"},
    ],
)
async def test_a_key_stands_for_one_request(
    plain: Api, sqlite: Database, other: dict[str, str]
) -> None:
    door = plain.using(await customer(sqlite))
    good(await door.post("/sms/send", SAMPLE, KEY), 202)
    problem(await door.post("/sms/send", other, KEY), 422, "idempotency_key_reused")
    assert await count(sqlite, "message") == 1


async def test_a_refusal_is_not_kept(api: Api, database: Database) -> None:
    """After paying in or correcting the body, the same key may do what it was meant to."""
    who = await customer(database, funds="0")
    door = api.using(who)
    problem(await door.post("/sms/send", {**SAMPLE, "to": "x"}, KEY), 400, "validation_error")
    problem(await door.post("/sms/send", SAMPLE, KEY), 402, "insufficient_funds")
    opted_out = {**SAMPLE, "to": "+15551230011"}
    problem(await door.post("/sms/send", opted_out, KEY), 403, "recipient_opted_out")
    assert await count(database, "idempotency_key") == 0

    await database.write(
        lambda conn: wallets.fund(conn, who.account_id, "test", MICROS, reference="paid in",
                                  actor="test", now=now())
    )  # fmt: skip
    response = await door.post("/sms/send", SAMPLE, KEY)
    good(response, 202)
    assert "idempotent-replayed" not in response.headers


async def test_twenty_at_once_are_one(api: Api, database: Database, who: Customer) -> None:
    door = api.using(who)
    responses = await asyncio.gather(*(door.post("/sms/send", SAMPLE, KEY) for _ in range(20)))
    assert {response.status_code for response in responses} == {202}
    assert len({response.content for response in responses}) == 1
    first = [one for one in responses if "idempotent-replayed" not in one.headers]
    assert len(first) == 1
    assert await count(database, "message") == await count(database, "hold") == 1
    assert (await pots(database, who))["wallet"] == (1_000_000, 7_000)
    await assert_books_balance(database)


async def test_accounts_modes_and_endpoints_have_keys_of_their_own(
    api: Api, database: Database, who: Customer
) -> None:
    live = new_key("live")
    await database.write(add_key, who.account_id, live, "live", now())
    await database.write(
        lambda conn: wallets.fund(conn, who.account_id, "live", MICROS, reference="live",
                                  actor="test", now=now())
    )  # fmt: skip
    other = await customer(database, name="Other")
    for caller in (who, live, other):
        good(await api.using(caller).post("/sms/send", SAMPLE, KEY), 202)
    good(await api.using(who).post("/voice/call", {"to": "+15559876543"}, KEY), 202)
    good(await api.using(who).post("/voip/topup", {"amount": 0.1}, KEY))
    assert await count(database, "idempotency_key") == 5
    assert await count(database, "message") == 3


async def test_a_key_belongs_to_the_account_not_to_the_api_key(
    api: Api, database: Database, who: Customer
) -> None:
    rotated = new_key("test")
    await database.write(add_key, who.account_id, rotated, "rotated", now())
    first = await api.using(who).post("/sms/send", SAMPLE, KEY)
    again = await api.using(rotated).post("/sms/send", SAMPLE, KEY)
    assert again.content == first.content
    assert await count(database, "message") == 1


@pytest.mark.parametrize("key", ["", "k" * 256, "tab\tinside", "é", "\x7f"])
async def test_a_key_that_is_no_key(plain: Api, sqlite: Database, key: str) -> None:
    who = await customer(sqlite)
    headers = {"Idempotency-Key": key.encode()}
    response = await plain.using(who).send("POST", "/sms/send", json=SAMPLE, headers=headers)
    problem(response, 400, "idempotency_key_invalid")
    assert await count(sqlite, "message") == 0


@pytest.mark.parametrize("key", ["k", "k" * 255, "a key! with {all} ~kinds", "'; DROP TABLE call"])
async def test_keys_that_are_keys(plain: Api, sqlite: Database, key: str) -> None:
    who = await customer(sqlite)
    first = await plain.using(who).post("/sms/send", SAMPLE, key)
    assert good(await plain.using(who).post("/sms/send", SAMPLE, key), 202) == first.json()


async def test_a_key_is_forgotten_after_a_day(api: Api, database: Database, who: Customer) -> None:
    first = good(await api.using(who).post("/sms/send", SAMPLE, KEY), 202)
    for age, same in ((KEPT_SECONDS - 60, True), (KEPT_SECONDS + 60, False)):
        at = now() - age * SECOND
        await database.write(lambda conn, at=at: conn.run(  # type: ignore[misc]
            "UPDATE idempotency_key SET created_at = :at", at=at
        ))  # fmt: skip
        again = await api.using(who).post("/sms/send", SAMPLE, KEY)
        assert (good(again, 202)["message_id"] == first["message_id"]) is same
    assert await count(database, "idempotency_key") == 1
    assert await count(database, "message") == 2


async def test_a_generated_secret_is_replayed_and_is_nowhere_in_the_clear(
    api: Api, database: Database, database_url: str, vault: Vault
) -> None:
    who = await customer(database)
    await add_phone(database, vault, who)
    await report_node(database)
    door = api.using(who)
    first = good(await door.post("/voip/password", {}, "new-secret"), 202)
    await database.write(apply_everywhere, NODE)
    again = await door.post("/voip/password", {}, "new-secret")
    assert len(first["sip_password"]) == 24
    assert good(again, 202) == first  # what was answered, though it is applied by now
    assert again.headers["idempotent-replayed"] == "true"
    message = good(await door.post("/sms/send", SAMPLE), 202)["message_id"]
    stored = await everything_stored(database_url)
    assert message.encode() in stored  # the scan does see what is stored
    assert first["sip_password"].encode() not in stored
    given = "A secret of my own choice"
    good(await door.post("/voip/password", {"sip_password": given}, "given-secret"), 202)
    stored = await everything_stored(database_url)
    for secret in (given, who.key):
        assert secret.encode() not in stored
        assert json.dumps(secret).encode() not in stored


async def everything_stored(url: str) -> bytes:
    """Every byte of the SQLite files, or every row of every table of PostgreSQL as text."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    async with await psycopg.AsyncConnection.connect(url) as connection:
        cursor = await connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
        tables = [name for (name,) in await cursor.fetchall()]
        assert "idempotency_key" in tables
        rows = []
        for table in tables:
            cursor = await connection.execute(f'SELECT t::text FROM "{table}" t'.encode())
            rows += [row for (row,) in await cursor.fetchall()]
    return "\n".join(rows).encode()
