"""While outgoing traffic is stopped, the API says so by name, charges nothing, keeps nothing under
an idempotency key, and lets everything pass that stays inside."""

import pytest

from db import numbers
from db.database import Database
from telephony import outgoing
from telephony.clock import now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice import inbound as calls_in
from tests.api.client import Api, good, problem
from tests.api.world import NUMBER, add_phone, assert_books_balance, count, pots
from tests.factories import ACTOR, Customer, customer

TO = "+15559876543"
MESSAGE = {"to": TO, "text": "Hi!"}
CALL = {"to": TO}


@pytest.fixture
async def who(database: Database, vault: Vault) -> Customer:
    """A live customer with a phone, while nothing leaves."""
    owner = await customer(database, funds="5", sip_funds="5", mode="live")
    await add_phone(database, vault, owner, dial_mode="live")
    for kind in ("messages", "calls"):
        await database.write(outgoing.stop, ACTOR, now(), kind, "a test")
    return owner


async def test_what_would_leave_is_refused_by_name(
    api: Api, database: Database, who: Customer
) -> None:
    door, before = api.using(who), await pots(database, who)
    problem(await door.post("/sms/send", MESSAGE, "once"), 503, "outgoing_stopped")
    problem(await door.post("/voice/call", CALL), 503, "outgoing_stopped")
    problem(
        await door.post("/voip/caller-ids", {"number": "+15550111999"}), 503, "outgoing_stopped"
    )
    batch = good(await door.post("/sms/batch", {"messages": [MESSAGE, MESSAGE]}), 202)
    codes = {one["problem"]["code"] for one in batch["results"] if one["problem"]}
    assert codes == {"outgoing_stopped"}
    later = MESSAGE | {"send_at": "2099-01-01T00:00:00Z"}
    problem(await door.post("/sms/send", later), 503, "outgoing_stopped")
    assert await pots(database, who) == before
    assert (await count(database, "message"), await count(database, "call")) == (0, 0)
    await database.write(outgoing.resume, ACTOR, now(), "messages")
    good(await door.post("/sms/send", MESSAGE, "once"), 202)
    problem(await door.post("/voice/call", CALL), 503, "outgoing_stopped")
    await assert_books_balance(database)


async def test_test_mode_and_calls_inside_go_on(
    api: Api, database: Database, vault: Vault, who: Customer
) -> None:
    player = await customer(database, funds="5", sip_funds="5", name="Player")
    await add_phone(database, vault, player, "player", "+15550111444")
    good(await api.using(player).post("/sms/send", MESSAGE), 202)
    good(await api.using(player).post("/voice/call", CALL), 202)
    good(await api.using(who).post("/voice/call", {"to": "sip:alice", "from": "alice"}), 202)


async def test_a_caller_is_not_put_through_to_the_world(
    database: Database, settings: Settings, who: Customer
) -> None:
    """Phones ring as ever; the leg that would leave hears that the number is busy."""
    await database.write(
        lambda conn: numbers.own(
            conn, number=NUMBER, account_id=who.account_id, mode="live", strategy="all",
            ring_seconds=20, targets="", forward_to=TO, created_at=now(),
        )
    )  # fmt: skip
    said = await database.write(
        lambda conn: calls_in.decide(conn, settings, endpoint="_north", dialled=NUMBER,
                                     caller="+15557654321", uniqueid="1.7")
    )  # fmt: skip
    assert said.granted
    said = await database.write(lambda conn: calls_in.forward(conn, settings, uniqueid="1.7"))
    assert (said.granted, said.variables) == (False, {"SV_CAUSE": "17"})
    rows = await database.all("SELECT detail FROM call_moment WHERE detail <> ''")
    assert [row["detail"] for row in rows] == ["not forwarded: outgoing_stopped"]
