"""Whose ears an event rings: those of its own account."""

import json

import pytest

from db.connection import Conn
from db.database import Database
from telephony.clock import now
from telephony.webhooks import events
from tests.factories import Customer, customer
from tests.patience import PATIENCE_SECONDS


@pytest.fixture
async def ann(database: Database) -> Customer:
    """Once PostgreSQL's listener is there."""
    ear = database.wakeups.subscribe("warm")
    while not await ear.wait(0.05):
        await database.write(lambda conn: conn.wake("warm"))
    return await customer(database, name="Ann")


@pytest.fixture
async def bob(database: Database) -> Customer:
    return await customer(database, name="Bob")


def fact(who: Customer, subject: str) -> dict[str, object]:
    return {
        "account_id": who.account_id, "mode": "test", "kind": "wallet_low", "subject": subject,
        "fact": "", "callback_url": None, "payload": {"wallet": "sip"}, "now": now(),
        "request_id": None,
    }  # fmt: skip


@pytest.mark.parametrize("together", [False, True])
async def test_an_event_wakes_who_listens_to_its_account_alone(
    database: Database, ann: Customer, bob: Customer, together: bool
) -> None:
    anns, bobs = (database.wakeups.subscribe(events.told(who.account_id)) for who in (ann, bob))

    def tell(conn: Conn, who: Customer, subject: str) -> None:
        told = fact(who, subject)
        if together:
            events.emit_all(conn, [told])
        else:
            events.emit(conn, **told)  # type: ignore[arg-type]

    await database.write(tell, ann, "one")
    assert await anns.wait(PATIENCE_SECONDS)
    await database.write(tell, bob, "two")
    assert await bobs.wait(PATIENCE_SECONDS)
    assert not anns.rung()
    assert not bobs.rung()
    rows = await database.all("SELECT account_id, payload FROM event ORDER BY id")
    assert [(row["account_id"], json.loads(row["payload"])) for row in rows] == [
        (ann.account_id, {"wallet": "sip"}), (bob.account_id, {"wallet": "sip"}),
    ]  # fmt: skip


async def test_a_fact_that_was_told_wakes_nobody(database: Database, ann: Customer) -> None:
    ear = database.wakeups.subscribe(events.told(ann.account_id))
    await database.write(lambda conn: events.emit_all(conn, [fact(ann, "one")]))
    assert await ear.wait(PATIENCE_SECONDS)
    await database.write(lambda conn: events.emit_all(conn, [fact(ann, "one")]))
    assert not await ear.wait(0.2)
