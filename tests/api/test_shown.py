"""A message and a call can be looked at in every state that they can be in."""

import pytest

from db.calls import CallStatus
from db.database import Database
from db.messages import MessageStatus
from telephony.clock import SECOND, now
from telephony.secrets import Vault
from telephony.voice import settle
from telephony.voice.settle import End
from tests.api.client import Api, good
from tests.api.world import NUMBER, add_phone
from tests.factories import Customer, customer

MESSAGE = {"to": "+15551234567", "text": "Grüße 😀", "reference": "order 66"}
CALL = {"to": "+15559876543", "reference": "order 66"}


@pytest.fixture
async def who(sqlite: Database, vault: Vault) -> Customer:
    owner = await customer(sqlite, sip_funds="5")
    await add_phone(sqlite, vault, owner)
    return owner


@pytest.mark.parametrize("status", MessageStatus)
async def test_a_message(
    plain: Api, sqlite: Database, who: Customer, status: MessageStatus
) -> None:
    door = plain.using(who)
    message_id = good(await door.post("/sms/send", MESSAGE), 202)["message_id"]
    await sqlite.write(lambda conn: conn.run("UPDATE message SET status = :s", s=status))
    shown = good(await door.get(f"/sms/{message_id}"))
    assert (shown["status"], shown["text"], shown["reference"]) == (
        status, MESSAGE["text"], "order 66",
    )  # fmt: skip


@pytest.mark.parametrize("status", CallStatus)
async def test_a_call(plain: Api, sqlite: Database, who: Customer, status: CallStatus) -> None:
    door = plain.using(who)
    call_id = good(await door.post("/voice/call", CALL), 202)["call_id"]
    await sqlite.write(lambda conn: conn.run(
        "UPDATE call SET status = :s, ended_at = created_at", s=status
    ))  # fmt: skip
    shown = good(await door.get(f"/voice/calls/{call_id}"))
    assert (shown["status"], shown["reference"]) == (status, "order 66")
    logged = good(await door.get("/voip/logs"))["data"]
    assert bool(logged) == (status not in ("queued", "dialing", "ringing", "answered"))


async def test_a_call_with_its_timeline_and_its_row(
    api: Api, database: Database, vault: Vault
) -> None:
    who = await customer(database, sip_funds="5")
    await add_phone(database, vault, who)
    door = api.using(who)
    call_id = good(await door.post("/voice/call", CALL), 202)["call_id"]
    at = now()
    await database.write(
        lambda conn: conn.run(
            "UPDATE call SET status = 'dialing', started_at = :at, node = 'pbx1'", at=at
        )
    )
    row = await database.one("SELECT * FROM call")
    assert row
    end = End(CallStatus.completed, "normal_clearing", at + 45 * SECOND, at + 5 * SECOND, 200)
    await database.write(settle.finish, row, end)
    shown = good(await door.get(f"/voice/calls/{call_id}"))
    assert [step["status"] for step in shown["timeline"]] == [
        "queued", "ringing", "answered", "completed",
    ]  # fmt: skip
    (logged,) = good(await door.get("/voip/logs"))["data"]
    assert (shown["status"], logged["status"]) == ("completed", "answered")
    for name in ("billsec", "duration", "cost", "hangup_cause", "sip_code", "caller_id", "to"):
        assert shown[name] == logged[name]
    assert (shown["billsec"], shown["duration"], shown["cost"]) == (40, 45, 0.012)
    assert (logged["caller_id"], logged["node"]) == (NUMBER, "pbx1")
