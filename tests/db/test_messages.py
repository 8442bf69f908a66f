"""Messages, their parts and their receipts."""

from typing import Any

import pytest

from db import message_queue, messages, receipts
from db.connection import Conn, Row
from db.database import Database
from db.messages import TRANSITIONS, MessageStatus
from db.states import terminal
from tests.db.rows import START, add_message
from tests.factories import Customer, customer


@pytest.fixture
async def someone(database: Database) -> Customer:
    return await customer(database)


async def claim(database: Database, limit: int = 9) -> list[Row]:
    return await database.write(message_queue.claim, "sandbox", "t", START, START + 60, limit)


async def test_a_claim_takes_the_oldest_that_are_due(database: Database, someone: Customer) -> None:

    def add(conn: Conn) -> list[str]:
        add_message(conn, someone, provider="smpp")
        add_message(conn, someone, status="scheduled")
        due = (START - 1, START - 3, START, START + 1, START - 2)
        return [add_message(conn, someone, next_attempt_at=at) for at in due]

    ids = await database.write(add)
    taken = await claim(database, limit=3)
    assert [row["id"] for row in taken] == [ids[1], ids[4], ids[0]]
    assert {(row["status"], row["lease_token"], row["lease_until"], row["attempts"])
            for row in taken} == {("sending", "t", START + 60, 1)}  # fmt: skip
    assert [row["id"] for row in await claim(database)] == [ids[2]]
    assert await claim(database) == []


async def test_a_claim_keeps_the_order_of_acceptance(database: Database, someone: Customer) -> None:
    ids = [await database.write(lambda conn: add_message(conn, someone)) for _ in range(9)]
    assert [row["id"] for row in await claim(database, limit=4)] == ids[:4]
    assert [row["id"] for row in await claim(database, limit=9)] == ids[4:]


async def test_leases_that_ran_out_are_found(database: Database, someone: Customer) -> None:
    await database.write(lambda conn: add_message(conn, someone))
    (row,) = await claim(database)
    assert await database.write(message_queue.leases_run_out, "sandbox", START + 60) == []
    (found,) = await database.write(message_queue.leases_run_out, "sandbox", START + 61)
    assert found["id"] == row["id"]
    assert await database.write(message_queue.leases_run_out, "smpp", START + 61) == []


async def test_what_is_past_its_validity_is_found(database: Database, someone: Customer) -> None:
    def add(conn: Conn) -> list[str]:
        for status in ("scheduled", "sending", "delivered", "failed"):
            add_message(conn, someone, status=status)
        return [add_message(conn, someone, status=status) for status in ("queued", "unknown")]

    waiting = await database.write(add)
    assert await database.write(message_queue.past_validity, START + 1_000) == []
    found = await database.write(message_queue.past_validity, START + 1_001)
    assert {row["id"] for row in found} == set(waiting)


async def test_the_history_tells_every_state_in_order(
    database: Database, someone: Customer
) -> None:
    """Also where a deed writes several lines with one instant."""
    message_id = await database.write(lambda conn: add_message(conn, someone))
    await claim(database)

    def settle(conn: Conn) -> list[Any]:
        return [
            messages.go(conn, message_id, MessageStatus.sent, START + 1, sent_at=START + 1),
            messages.go(conn, message_id, MessageStatus.delivered, START + 1, "DELIVRD"),
            messages.go(conn, message_id, MessageStatus.sent, START + 2),
            messages.go(conn, message_id, MessageStatus.undelivered, START + 2),
        ]

    sent, delivered, *late = await database.write(settle)
    assert (sent["status"], sent["sent_at"]) == ("sent", START + 1)
    assert delivered["status"] == "delivered"
    assert late == [None, None]
    lines = await messages.history(database, message_id)
    assert [line["status"] for line in lines] == ["queued", "sending", "sent", "delivered"]
    assert lines[-1] == {"status": "delivered", "detail": "DELIVRD", "at": START + 1}


async def test_a_message_is_its_accounts_and_its_modes(
    database: Database, someone: Customer
) -> None:
    message_id = await database.write(lambda conn: add_message(conn, someone))
    found = await messages.find(database, someone.account_id, "test", message_id)
    assert found is not None
    assert (found["id"], found["body"]) == (message_id, "hello")
    assert await messages.find(database, someone.account_id, "live", message_id) is None
    assert await messages.find(database, "acc_other", "test", message_id) is None


def test_nothing_leaves_a_final_state() -> None:
    assert terminal(TRANSITIONS) == {"delivered", "undelivered", "failed", "expired", "canceled"}
    assert set(TRANSITIONS) == set(MessageStatus)


async def test_parts_are_settled_once(database: Database, someone: Customer) -> None:
    message_id = await database.write(lambda conn: add_message(conn, someone, status="sent"))

    def settle(conn: Conn, *names: str, provider: str = "sandbox") -> list[Row]:
        return receipts.settle_parts(conn, provider, [*names], "delivered", "000")

    first = [(message_id, 2, "p2"), (message_id, 1, "old")]
    await database.write(receipts.add_parts, "sandbox", first)
    await database.write(receipts.add_parts, "sandbox", [(message_id, 1, "p1")])  # sent again
    open_parts = await database.write(receipts.open_parts, "sandbox")
    assert {row["provider_message_id"] for row in open_parts} == {"p1", "p2"}
    assert await database.write(settle, "old") == []
    settled = [{"message_id": message_id, "provider_message_id": "p1"}]
    assert await database.write(settle, "p1", "old") == settled
    assert await database.write(settle, "p1") == []
    assert await database.write(lambda conn: settle(conn, "p2", provider="smpp")) == []
    parts = await database.write(receipts.parts, [message_id])
    assert [(part["part"], part["state"]) for part in parts] == [(1, "delivered"), (2, "accepted")]
    assert len(await database.write(receipts.open_parts, "sandbox")) == 1


async def test_a_refused_part_waits_for_no_receipt(database: Database, someone: Customer) -> None:
    message_id = await database.write(lambda conn: add_message(conn, someone, status="sent"))
    await database.write(receipts.add_parts, "smpp", [(message_id, 1, "p1")])
    await database.write(receipts.add_refused, message_id, 2, "smpp", "0x0000000b")
    parts = await database.write(receipts.parts, [message_id])
    assert [(part["state"], part["error_code"]) for part in parts] == [
        ("accepted", ""), ("undelivered", "0x0000000b"),
    ]  # fmt: skip
    assert len(await database.write(receipts.open_parts, "smpp")) == 1


async def test_an_early_receipt_waits_for_its_message(database: Database) -> None:
    facts = {"provider": "smpp", "provider_message_id": "p1", "state": "delivered",
             "error_code": "000", "raw": "id:p1", "received_at": START, "recipient": "",
             "reference": None}  # fmt: skip
    other = facts | {"provider_message_id": "p2"}
    assert await database.write(receipts.keep_all, [facts]) == {("p1", "delivered")}
    assert await database.write(receipts.keep_all, [other, facts, other]) == {("p2", "delivered")}
    (row,) = await database.write(receipts.early, "smpp", ["p1", "p3"])
    assert {name: row[name] for name in facts} == facts
    assert await database.write(receipts.early, "smpp", ["p3"]) == []
    assert await database.write(receipts.named, "smpp", ["p1", "p2"]) == set()
    await database.write(receipts.match, "smpp", ["p1"], "delivered", START + 5)
    assert await database.write(receipts.early, "smpp", ["p1"]) == []
    assert await database.write(receipts.named, "smpp", ["p1", "p2"]) == {"p1"}
