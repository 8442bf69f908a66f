"""Sender ids through the door: asked for, decided, used, given up."""

import pytest

from db import sms_accounts
from db.database import Database
from db.sms_accounts import SenderStatus
from telephony.clock import now
from telephony.sms import senders
from tests.api.client import Api, good, problem
from tests.factories import Customer, customer

PATH, GERMAN = "/sms/sender-ids", "+4915112345678"


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database, mode="live")


async def decide(
    database: Database, who: Customer, sender: str, status: SenderStatus, note: str = ""
) -> None:
    assert await database.write(
        sms_accounts.decide_sender, who.account_id, sender, status, note, now()
    )


async def test_from_request_to_use_to_the_end(api: Api, database: Database, who: Customer) -> None:
    mine, message = api.using(who), {"to": GERMAN, "text": "Hi!", "from": "A & B"}
    asked = good(await mine.post(PATH, {"sender": "A & B"}), 202)
    assert (asked["status"], asked["reason"], asked["decided_at"]) == ("requested", None, None)
    told = problem(await mine.post("/sms/send", message), 403, "sender_id_not_allowed")
    assert "not approved yet" in told["detail"]

    await decide(database, who, "A & B", SenderStatus.approved)
    assert good(await mine.post("/sms/send", message), 202)["from"] == "A & B"
    assert good(await mine.post(PATH, {"sender": "A & B"}), 202)["status"] == "approved"
    await database.write(
        lambda conn: sms_accounts.change(conn, who.account_id, default_sender="A & B")
    )

    gone = good(await mine.send("DELETE", f"{PATH}/A%20%26%20B"))
    assert gone == {"sender": "A & B", "deleted": True}
    assert good(await mine.get(PATH)) == {"data": []}
    problem(await mine.post("/sms/send", message), 403, "sender_id_not_allowed")
    del message["from"]
    assert good(await mine.post("/sms/send", message), 202)["from"] != "A & B"


async def test_a_refusal_says_why_and_may_be_asked_about_again(
    api: Api, database: Database, who: Customer
) -> None:
    mine = api.using(who)
    good(await mine.post(PATH, {"sender": "BANK"}), 202)
    await decide(database, who, "BANK", SenderStatus.refused, "not your name")
    (row,) = good(await mine.get(PATH))["data"]
    assert (row["sender"], row["status"], row["reason"]) == ("BANK", "refused", "not your name")
    assert row["decided_at"] >= row["requested_at"]
    again = good(await mine.post(PATH, {"sender": "BANK"}), 202)
    assert (again["status"], again["reason"], again["decided_at"]) == ("requested", None, None)


async def test_others_do_not_see_it(api: Api, database: Database, who: Customer) -> None:
    other = api.using(await customer(database, mode="live"))
    good(await api.using(who).post(PATH, {"sender": "ACME"}), 202)
    assert good(await other.get(PATH)) == {"data": []}
    problem(await other.send("DELETE", f"{PATH}/ACME"), 404, "not_found")
    assert len(good(await api.using(who).get(PATH))["data"]) == 1


async def test_an_account_asks_for_so_many_only(
    api: Api, database: Database, who: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(senders, "REQUESTS_MAX", 2)
    mine = api.using(who)
    for sender in ("ONE", "TWO", "ONE"):
        good(await mine.post(PATH, {"sender": sender}), 202)
    told = problem(await mine.post(PATH, {"sender": "THREE"}), 400, "validation_error")
    assert (told["errors"][0]["field"], told["errors"][0]["code"]) == ("sender", "too_many")
    assert len(good(await mine.get(PATH))["data"]) == 2
    good(await mine.send("DELETE", f"{PATH}/ONE"))
    good(await mine.post(PATH, {"sender": "THREE"}), 202)


@pytest.mark.parametrize("sender", ["", "AB", "A" * 12, "12", "A\nB", "ACMÉ", "A/B"])
async def test_what_no_network_takes(plain: Api, sqlite: Database, sender: str) -> None:
    mine = plain.using(await customer(sqlite))
    told = problem(await mine.post(PATH, {"sender": sender}), 400, "validation_error")
    assert told["errors"][0]["field"] == "sender"
    assert "3 to 11" in told["detail"]


async def test_a_key_needs_the_scope(plain: Api, sqlite: Database) -> None:
    mine = plain.using(await customer(sqlite, scopes=("sms:read",)))
    good(await mine.get(PATH))
    problem(await mine.post(PATH, {"sender": "ACME"}), 403, "scope_missing")
    problem(await mine.send("DELETE", f"{PATH}/ACME"), 403, "scope_missing")
