"""Everything that the public page prints works as printed."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from db.database import Database
from telephony.secrets import Vault
from tests.api.client import Api, good
from tests.api.world import (
    NODE,
    NUMBER,
    add_phone,
    apply_everywhere,
    assert_books_balance,
    report_node,
)
from tests.factories import Customer, customer

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")

Check = Callable[[Any], bool]


def is_id(prefix: str) -> Check:
    return lambda value: bool(re.fullmatch(rf"{prefix}_[0-9a-z]{{26}}", value))


def is_time(value: object) -> bool:
    return isinstance(value, str) and bool(TIME.fullmatch(value))


def is_money(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def matches(body: dict[str, Any], wanted: dict[str, Any]) -> None:
    """The body has these fields and no others; a callable judges, all else must be equal."""
    assert body.keys() == wanted.keys()
    for name, want in wanted.items():
        fits = want(body[name]) if callable(want) else body[name] == want
        assert fits, (name, body[name])


@pytest.fixture
async def demo(database: Database, vault: Vault) -> Customer:
    """A customer who owns what the samples name."""
    owner = await customer(database, funds="100", sip_funds="50", country="US")
    await add_phone(database, vault, owner)
    await report_node(database)
    return owner


async def test_send_an_sms(api: Api, database: Database, demo: Customer) -> None:
    """The PHP sample's body."""
    sample = {"to": "+15551234567", "text": "Hi!"}
    body = good(await api.using(demo).post("/sms/send", sample), 202)
    matches(body, {
        "message_id": is_id("msg"), "status": "queued", "cost": 0.007, "currency": "USD",
        "segments": 1, "encoding": "gsm7", "smart_encoded": False, "to": "+15551234567",
        "from": NUMBER,
    })  # fmt: skip
    shown = good(await api.using(demo).get(f"/sms/{body['message_id']}"))
    matches(shown, {
        "message_id": body["message_id"], "status": "queued", "to": "+15551234567",
        "from": NUMBER, "text": "Hi!", "segments": 1, "encoding": "gsm7", "cost": 0.007,
        "currency": "USD", "reference": None, "error_code": None, "created_at": is_time,
        "send_at": None, "sent_at": None, "delivered_at": None,
        "history": lambda steps: len(steps) == 1,
    })  # fmt: skip
    matches(shown["history"][0], {"status": "queued", "detail": "", "at": is_time})
    await assert_books_balance(database)


async def test_place_a_call(api: Api, database: Database, demo: Customer) -> None:
    """The node sample's body."""
    sample = {"to": "+15559876543", "from": NUMBER, "caller_id": NUMBER}
    body = good(await api.using(demo).post("/voice/call", sample), 202)
    matches(body, {
        "call_id": is_id("call"), "status": "queued", "to": "+15559876543", "from": NUMBER,
        "caller_id": NUMBER, "max_seconds": 4 * 3600, "rate": 0.012,
        "first_leg_rate": None,
    })  # fmt: skip
    shown = good(await api.using(demo).get(f"/voice/calls/{body['call_id']}"))
    matches(shown, {
        "call_id": body["call_id"], "status": "queued", "direction": "outbound",
        "to": "+15559876543", "from": NUMBER, "caller_id": NUMBER, "sip_account": "alice",
        "created_at": is_time, "started_at": None, "ringing_at": None, "answered_at": None,
        "ended_at": None, "duration": 0, "billsec": 0, "max_seconds": 4 * 3600, "cost": 0,
        "currency": "USD", "hangup_cause": None, "sip_code": None, "reference": None,
        "recording_url": None, "record": "", "rate": 0.012, "first_leg": None,
        "timeline": lambda steps: [step["status"] for step in steps] == ["queued"],
    })  # fmt: skip
    await assert_books_balance(database)


async def test_update_the_caller_id(api: Api, database: Database, demo: Customer) -> None:
    body = good(await api.using(demo).post("/voip/caller-id", {"caller_id": NUMBER}), 202)
    matches(body, {"sip_account": "alice", "caller_id": NUMBER, "applied": False, "nodes": "0/1"})


async def test_update_the_sip_password(api: Api, database: Database, demo: Customer) -> None:
    """The node has it before the secret is set again; a repeated key tells what was told."""
    sample = {"sip_password": "NewStrongPassword123"}
    body = good(await api.using(demo).post("/voip/password", sample, "pw-1"), 202)
    matches(body, {"sip_account": "alice", "applied": False, "nodes": "0/1"})
    await database.write(apply_everywhere, NODE)
    again = good(await api.using(demo).post("/voip/password", sample, "pw-1"), 202)
    assert again == body


async def test_top_up_the_sip_wallet(api: Api, database: Database, demo: Customer) -> None:
    body = good(await api.using(demo).post("/voip/topup", {"amount": 25}))
    matches(body, {
        "transaction_id": is_id("txn"), "amount": 25, "wallet_balance": 75, "sip_balance": 75,
        "currency": "USD",
    })  # fmt: skip
    await assert_books_balance(database)


@pytest.mark.parametrize("plus", ["+", "%2B"])
async def test_read_the_call_log(api: Api, database: Database, demo: Customer, plus: str) -> None:
    placed = good(await api.using(demo).post("/voice/call", {"to": "+15559876543"}), 202)
    await database.write(lambda conn: conn.run(
        "UPDATE call SET status = 'no_answer', started_at = created_at, ended_at = created_at"
        " + 7000000, duration = 7, hangup_cause = 'no_answer', sip_code = 480, node = 'pbx1'"
    ))  # fmt: skip
    path = f"/voip/logs?limit=10&offset=0&search={plus}1555"
    page = good(await api.using(demo).send("GET", path))
    matches(page, {"data": lambda rows: len(rows) == 1, "total": 1, "total_exact": True,
                   "limit": 10, "offset": 0, "next_cursor": None})  # fmt: skip
    matches(page["data"][0], {
        "id": placed["call_id"], "call_id": placed["call_id"], "direction": "outbound",
        "from": "alice", "to": "+15559876543", "caller_id": NUMBER, "sip_account": "alice",
        "status": "no_answer", "started_at": is_time, "answered_at": None, "ended_at": is_time,
        "ringing_at": None, "ring_seconds": 0, "duration": 7, "billsec": is_int,
        "cost": is_money, "currency": "USD", "rate_per_minute": 0.012,
        "hangup_cause": "no_answer", "sip_code": 480, "recording_url": None, "node": "pbx1",
    })  # fmt: skip
    missed = good(await api.using(demo).send("GET", path.replace("1555", "1777")))
    assert (missed["data"], missed["total"]) == ([], 0)


@pytest.mark.parametrize("with_key", [True, False])
async def test_rates_status_and_ping_with_and_without_a_key(
    api: Api, demo: Customer, with_key: bool
) -> None:
    door = api.using(demo if with_key else None)
    rates = good(await door.get("/rates"))
    matches(rates, {"data": lambda rows: len(rows) == 3, "next_cursor": None})
    matches(rates["data"][0], {
        "country": "Country 1", "iso": "XX", "prefix": "1", "sms": 0.006, "voice": 0.012,
        "currency": "USD", "route": "direct",
    })  # fmt: skip
    status = good(await door.get("/status"))
    matches(status, {"status": "operational", "notice": None, "updated_at": is_time,
                     "components": lambda parts: len(parts) == 1})  # fmt: skip
    matches(status["components"][0], {
        "name": "pbx1", "status": "operational", "checked_at": is_time,
        "remote": False, "since": is_time,
        "detail": "both links are ready",
    })  # fmt: skip
    mine = {"account": "Customer", "mode": "test"} if with_key else {"account": None, "mode": None}
    matches(good(await door.get("/ping")), {
        "pong": True, "time": is_time, "version": lambda text: text.count(".") == 2, **mine,
    })  # fmt: skip
