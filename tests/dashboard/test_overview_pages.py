"""The overview: figures and charts of what was counted, what needs attention, first steps that
tick themselves; and none of another account."""

import json
import re
from html import unescape
from typing import Any

import pytest

from db import accounts, notices, traffic
from db.connection import Conn
from db.database import Database
from db.ids import new_id
from db.traffic import DAY, MESSAGES
from telephony.accounts import add_key, new_key
from telephony.billing import limits, wallets
from telephony.clock import SECOND, now
from telephony.money import MICROS
from telephony.users.sessions import Member
from tests.dashboard.visitor import Visitor
from tests.db.rows import add_call, add_event, add_message
from tests.factories import Customer
from tests.users.world import People

ADA, BOB = "ada@example.com", "bob@example.com"
CHART = re.compile(r"data-chart='([^']*)'")


@pytest.fixture
async def owner(people: People) -> Member:
    return await people.owner(ADA)


def count(
    conn: Conn, /, member: Member, kind: str, outcome: str, number: int, **more: int
) -> None:  # fmt: skip
    """What the worker counts, for today or so many `days` before."""
    at = now() // DAY * DAY - more.pop("days", 0) * DAY
    known = conn.one("SELECT last_id FROM traffic_frontier WHERE source = 'message'")
    row = {"account_id": member.account_id, "mode": "test", "day": at, "kind": kind,
           "outcome": outcome, "count": number, "units": 0, "cost": 0, **more}  # fmt: skip
    traffic.add(conn, MESSAGES, known["last_id"] if known else None, new_id("mh"), [row])


def as_customer(member: Member) -> Customer:
    return Customer(member.account_id, "test", "", "key_1")


def charts(page: str) -> list[dict[str, Any]]:
    return [json.loads(unescape(found)) for found in CHART.findall(page)]


async def test_what_was_counted_is_shown(sqlite: Database, owner: Member, ada: Visitor) -> None:
    def deed(conn: Conn) -> None:
        count(conn, owner, "message", "sent", 1234, cost=2_500_000)
        count(conn, owner, "message", "delivered", 900)
        count(conn, owner, "message", "undelivered", 100)
        count(conn, owner, "message", "delivered", 100, days=3)
        count(conn, owner, "reply", "received", 7)
        count(conn, owner, "call", "completed", 3, units=75, cost=500_000)
        count(conn, owner, "call", "no_answer", 1)
        count(conn, owner, "call", "busy", 99, days=40)

    await sqlite.write(deed)
    await ada.sign_in(ADA)
    said = await ada.open("/dashboard")
    for told in ("1,234", "7 received", "90.0 %", "90.9 % in 30 days", "75.0 %", "1:15 talked"):
        assert told in said, told
    messages, calls, cost, rates = charts(ada.page.text)
    assert len(messages["labels"]) == len(messages["series"][0]["values"]) == 30
    assert messages["series"][0]["values"][-4:] == [100, 0, 0, 900]
    assert calls["series"][1]["values"][-1] == 1
    assert (cost["unit"], [one["values"][-1] for one in cost["series"]]) == ("USD", [2.5, 0.5])
    assert rates["series"][0]["values"][-4:] == [100.0, None, None, 90.0]
    said = await ada.open("/dashboard?days=90")
    assert max(charts(ada.page.text)[1]["series"][1]["values"]) == 99
    assert "1,234" not in await ada.open("/dashboard?mode=live")
    for bad in ("mode=real", "days=5000", "days=x", "else=1"):
        await ada.open(f"/dashboard?{bad}", 400)


async def test_another_accounts_traffic_is_not_seen(
    sqlite: Database, people: People, owner: Member, bob: Visitor
) -> None:
    await sqlite.write(count, owner, "message", "sent", 1234)
    await people.owner(BOB, "Bob's")
    await bob.sign_in(BOB)
    assert "1,234" not in await bob.open("/dashboard?mode=test")


async def test_first_steps_tick_themselves_and_stay_so(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await ada.sign_in(ADA)
    assert "0 of 5" in await ada.open("/dashboard")
    me, steps = as_customer(owner), 0

    def deliver(conn: Conn) -> None:
        conn.run("INSERT INTO delivery (id, event_id, account_id, url, state, attempts,"
                 " schedule_from, next_attempt_at, created_at) VALUES ('dlv_1', (SELECT id FROM"
                 " event LIMIT 1), :account, '', 'delivered', 1, 0, 0, 0)",
                 account=owner.account_id)  # fmt: skip

    for deed in (
        lambda conn: add_key(conn, owner.account_id, new_key("test"), "first", now()),
        lambda conn: add_message(conn, me),
        lambda conn: add_call(conn, me),
        lambda conn: add_event(conn, me, type="sip_registration", subject="sip_1", fact="1"),
        deliver,
    ):
        await sqlite.write(deed)
        said, steps = await ada.open("/dashboard"), steps + 1
        assert f"{steps} of 5" in said or (steps == 5 and "First steps" not in said)

    def forget(conn: Conn) -> None:
        for table in ("api_key", "delivery", "event"):
            conn.run(f"DELETE FROM {table}")

    await sqlite.write(forget)
    assert "First steps" not in await ada.open("/dashboard")


async def test_what_needs_attention_is_told(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:  # fmt: skip
    await ada.sign_in(ADA)
    said = await ada.open("/dashboard")
    assert "Your password alone protects this account" in said
    assert "Live keys work once your identity is checked" in said
    assert "less than" not in said

    def trouble(conn: Conn) -> None:
        account_id, at = owner.account_id, now()
        wallets.fund(conn, account_id, "test", 5 * MICROS, reference="f", actor="test", now=at)
        limits.set_threshold(conn, account_id, "test", "wallet", 9 * MICROS, at)
        accounts.change(conn, account_id, spend_day_max=10 * MICROS)
        limits.spend(conn, limits.Payer(account_id, "test", None, at), 8 * MICROS)
        notices.add(conn, account_id, "test", "disabled", "whe_1", "It was <b>off</b>.", at)
        key_id = add_key(conn, account_id, new_key("test"), "Old <i>shop</i>", at)
        accounts.change_key(conn, key_id, expires_at=at + DAY)
        add_event(conn, as_customer(owner), id=new_id("evt"))
        conn.run("INSERT INTO delivery (id, event_id, account_id, url, state, attempts,"
                 " schedule_from, next_attempt_at, created_at) SELECT 'dlv_1', id, account_id, '',"
                 " 'failed', 1, 0, 0, 0 FROM event WHERE type = 'delivery_report'")  # fmt: skip

    await sqlite.write(trouble)
    said = await ada.open("/dashboard")
    for told in (
        "Wallet (test) has 5.00 USD, less than 9.00 USD",
        "8.00 USD of the 10.00 USD that may be spent in a day (test)",
        "One webhook was given up", "of 10.00 USD", "Old <i>shop</i>",
    ):  # fmt: skip
        assert told in said, told
    assert "It was &lt;b&gt;off&lt;/b&gt;." in ada.page.text
    assert "<i>shop" not in ada.page.text


async def test_old_failures_and_far_ends_are_not_told(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    def past(conn: Conn) -> None:
        key_id = add_key(conn, owner.account_id, new_key("test"), "Far", now())
        accounts.change_key(conn, key_id, expires_at=now() + 30 * DAY)
        gone = add_key(conn, owner.account_id, new_key("test"), "Gone", now())
        accounts.change_key(conn, gone, expires_at=now() - SECOND)
        accounts.change(conn, owner.account_id, spend_day_max=10 * MICROS)
        limits.spend(conn, limits.Payer(owner.account_id, "test", None, now()), 7 * MICROS)

    await sqlite.write(past)
    await ada.sign_in(ADA)
    said = await ada.open("/dashboard")
    assert "stops working" not in said
    assert "that may be spent" not in said
