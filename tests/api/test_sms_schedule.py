"""Scheduled messages, their cancelling, and the lists."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db import inbound, sms_accounts
from db.connection import Conn
from db.database import Database
from db.ids import new_id
from telephony.clock import SECOND, now
from telephony.money import MICROS
from telephony.settings import Settings
from telephony.sms.schedule import release_due
from tests.api.client import Api, good, problem
from tests.api.world import assert_books_balance, pots
from tests.factories import Customer, customer

TO = "+15551234567"
PRICE = 7_000
SETTINGS = Settings()


def in_hours(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


async def schedule(door: Api, hours: float = 2, **fields: Any) -> dict[str, Any]:
    body = {"to": TO, "text": "later", "send_at": in_hours(hours), **fields}
    return good(await door.post("/sms/send", body), 202)


async def states(door: Api, message_id: str) -> list[str]:
    shown = good(await door.get(f"/sms/{message_id}"))
    return [step["status"] for step in shown["history"]]


async def test_it_waits_for_its_time(api: Api, database: Database) -> None:
    who = await customer(database, funds="1")
    door = api.using(who)
    body = await schedule(door)
    assert body["status"] == "scheduled"
    assert (await pots(database, who))["wallet"] == (MICROS, PRICE)
    assert await database.write(release_due, SETTINGS, now()) == 0
    later = now() + 2 * 3600 * SECOND
    assert await database.write(release_due, SETTINGS, later) == 1
    assert await database.write(release_due, SETTINGS, later) == 0
    assert await states(door, body["message_id"]) == ["scheduled", "queued"]
    shown = good(await door.get(f"/sms/{body['message_id']}"))
    assert shown["send_at"] > shown["created_at"]
    row = await database.one("SELECT * FROM message")
    assert row is not None
    assert row["expires_at"] - row["send_at"] == 48 * 3600 * SECOND


@pytest.mark.parametrize("send_at", ["2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "soon"])
async def test_times_that_are_refused(plain: Api, sqlite: Database, send_at: str) -> None:
    who = await customer(sqlite)
    body = {"to": TO, "text": "x", "send_at": send_at}
    found = problem(await plain.using(who).post("/sms/send", body), 400, "validation_error")
    assert found["errors"][0]["field"] == "send_at"


async def test_cancelling_returns_the_money_once(api: Api, database: Database) -> None:
    who, stranger = await customer(database, funds="1"), await customer(database, funds="1")
    door = api.using(who)
    queued = good(await door.post("/sms/send", {"to": TO, "text": "x"}), 202)
    for left, body in ((PRICE, await schedule(door)), (0, queued)):
        path = f"/sms/{body['message_id']}/cancel"
        problem(await api.using(stranger).post(path), 404, "not_found")
        assert good(await door.post(path))["status"] == "canceled"
        assert (await pots(database, who))["wallet"] == (MICROS, left)
        problem(await door.post(path), 409, "message_not_cancelable")
        assert (await states(door, body["message_id"]))[-1] == "canceled"
    await assert_books_balance(database)


async def test_what_is_being_sent_is_not_canceled(api: Api, database: Database) -> None:
    who = await customer(database, funds="1")
    door = api.using(who)
    body = await schedule(door)
    await database.write(lambda conn: conn.run("UPDATE message SET status = 'sending'"))
    found = problem(
        await door.post(f"/sms/{body['message_id']}/cancel"), 409, "message_not_cancelable"
    )
    assert "sending" in found["detail"]
    assert (await pots(database, who))["wallet"] == (MICROS, PRICE)


async def test_who_opts_out_meanwhile_gets_nothing(api: Api, database: Database) -> None:
    who = await customer(database, funds="1")
    door = api.using(who)
    body = await schedule(door)

    def stop(conn: Conn) -> None:
        sms_accounts.opt_out(conn, who.account_id, "test", body["from"], TO, "stop", now())

    await database.write(stop)
    assert await database.write(release_due, SETTINGS, now() + 3 * 3600 * SECOND) == 1
    shown = good(await door.get(f"/sms/{body['message_id']}"))
    assert (shown["status"], shown["error_code"], shown["cost"]) == (
        "failed", "recipient_opted_out", 0,
    )  # fmt: skip
    assert (await pots(database, who))["wallet"] == (MICROS, 0)
    problem(await door.post("/sms/send", {"to": TO, "text": "x"}), 403, "recipient_opted_out")
    await database.write(sms_accounts.opt_in, who.account_id, "test", body["from"], TO)
    good(await door.post("/sms/send", {"to": TO, "text": "x"}), 202)


async def test_lists_are_paged_and_filtered(api: Api, database: Database) -> None:
    who, other = await customer(database, funds="1"), await customer(database, funds="1")
    door = api.using(who)
    sent = [
        good(await door.post("/sms/send", {"to": f"+1555123000{at}", "text": "x"}), 202)
        for at in (5, 6, 7)
    ]
    await schedule(door)
    good(await api.using(other).post("/sms/send", {"to": TO, "text": "x"}), 202)
    first = good(await door.get("/sms", limit=3))
    assert (first["total"], len(first["data"])) == (4, 3)
    rest = good(await door.get("/sms", limit=3, cursor=first["next_cursor"]))
    assert rest["next_cursor"] is None
    ids = [row["message_id"] for row in first["data"] + rest["data"]]
    assert ids == sorted(ids, reverse=True)
    found = good(await door.get("/sms", search="0006", status="queued"))["data"]
    assert [row["message_id"] for row in found] == [sent[1]["message_id"]]
    assert good(await door.get("/sms", status="scheduled"))["total"] == 1
    assert good(await door.send("GET", "/sms?search=+1555123"))["total"] == 4
    assert good(await door.get("/sms", to="2020-01-01"))["total"] == 0
    assert good(await door.send("GET", "/sms?from=2020-01-01"))["total"] == 4
    problem(await door.get("/sms", status="gone"), 400, "validation_error")


async def test_received_messages_are_listed(api: Api, database: Database) -> None:
    who, other = await customer(database), await customer(database)
    for at, owner in enumerate((who, who, other)):
        await database.write(_receive, owner, f"text {at}")
    page = good(await api.using(who).get("/sms/inbound", limit=1))
    assert (page["total"], page["data"][0]["text"]) == (2, "text 1")
    last = good(await api.using(who).get("/sms/inbound", cursor=page["next_cursor"]))
    assert [row["text"] for row in last["data"]] == ["text 0"]
    assert last["data"][0]["keyword"] is None


def _receive(conn: Conn, owner: Customer, text: str) -> None:
    inbound.add(
        conn, id=new_id("msg"), account_id=owner.account_id, mode=owner.mode, provider="sandbox",
        from_number=TO, to_number="+15550111222", body=text, segments=1, keyword="",
        fact=new_id("fact"), created_at=now(),
    )  # fmt: skip
