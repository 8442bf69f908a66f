"""What is written for many messages at once is what would be written for one after the other."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from db import messages, receipts
from db.connection import Conn
from db.database import Database
from db.messages import MessageStatus
from telephony.clock import now
from telephony.sms.dispatch import Dispatcher
from telephony.sms.providers.base import ProviderError, Receipt, ReceiptState, Submission
from telephony.sms.receipts import take
from tests.factories import Customer, customer
from tests.sms.sending import Told, by_part, history, message, queue, receipt, reports, wallet

MESSAGES, RECEIPTS = 40, 150
SEEDS = range(3)
LONG_EVERY = 4
States = dict[int, Any]


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database, funds="5", mode="live")


async def sent(database: Database, who: Customer, before: Sequence[tuple[int, int]]) -> list[str]:
    """Messages that the provider has taken, some of several parts; the receipts of `before`
    (message, part) came before its answer."""
    ids = []
    for number in range(MESSAGES):
        text = "a" * 400 if number % LONG_EVERY == 0 else "Hi!"
        ids.append(await queue(database, who, to=f"+1555123{number:04d}", text=text))
    early = [receipt(f"{ids[number]}/{part}") for number, part in before]
    await database.write(take, early, now())
    dispatcher = Dispatcher(database, Told(by_part))
    while await dispatcher.step():
        pass
    return ids


def drawn(seed: int) -> list[tuple[int, int, ReceiptState, str]]:
    """Receipts in any order and number: message, part, state, code; many come twice, many parts
    have two that differ."""
    dice = random.Random(seed)
    return [
        (dice.randrange(MESSAGES), dice.randint(1, 3), dice.choice(list(ReceiptState)),
         dice.choice(["", "000", "042"]))
        for _ in range(RECEIPTS)
    ]  # fmt: skip


async def outcome(database: Database, who: Customer, ids: list[str]) -> tuple[States, object]:
    """All that a customer may see of the messages, and what they paid."""
    found: States = {}
    for number, message_id in enumerate(ids):
        row = await message(database, message_id)
        told = [one["status"] for one in await reports(database, message_id)]
        states = await history(database, message_id)
        found[number] = (row["status"], row["error_code"], row["cost"], told, states)
    return found, await wallet(database, who)


def batches(told: list[Receipt], size: int) -> list[list[Receipt]]:
    return [told[first : first + size] for first in range(0, len(told), size)]


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_batch_of_receipts_does_what_they_do_one_by_one(
    database: Database, seed: int
) -> None:
    found = []
    drawn_early = [(number, part) for number, part, state, _ in drawn(seed + 1000)[:20]
                   if state is ReceiptState.DELIVERED]  # fmt: skip
    for size in (1, RECEIPTS):
        who = await customer(database, funds="5", mode="live")
        ids = await sent(database, who, drawn_early)
        told = [receipt(f"{ids[n]}/{part}", state, code) for n, part, state, code in drawn(seed)]
        for batch in batches(told, size):
            await database.write(take, batch, now())
        found.append(await outcome(database, who, ids))
    assert found[0] == found[1]
    statuses = {status for status, *_ in found[0][0].values()}
    assert {"sent", "delivered"} < statuses


async def test_one_batch_may_end_messages_in_every_way(database: Database, who: Customer) -> None:
    """Taken whole, taken in part, refused, unknown: all in one claim."""
    texts = {"whole": "Hi!", "long": "a" * 400, "holed": "b" * 400, "refused": "c", "unsure": "d"}
    ids = {name: await queue(database, who, text=text) for name, text in texts.items()}
    names = {message_id: name for name, message_id in ids.items()}

    def answer(one: Submission) -> Any:
        name = names[one.message_id]
        if name == "refused" or (name == "holed" and one.part == 2):
            return ProviderError("0x0000000b")
        if name == "unsure":
            return ProviderError("no_answer", outcome_unknown=True)
        return by_part(one)

    before = await wallet(database, who)
    assert await Dispatcher(database, Told(answer)).step() == len(ids)
    rows = {name: await message(database, message_id) for name, message_id in ids.items()}
    assert {name: row["status"] for name, row in rows.items()} == {
        "whole": "sent", "long": "sent", "holed": "sent", "refused": "failed", "unsure": "unknown",
    }  # fmt: skip
    price = rows["whole"]["price_per_segment"]
    assert {name: rows[name]["cost"] // price for name in ("whole", "long", "holed")} == {
        "whole": 1, "long": 3, "holed": 2,
    }  # fmt: skip
    balance, held = await wallet(database, who)
    assert (before[0] - balance, held) == (6 * price, price)


async def moved(database: Database, deed: Callable[[Conn], Any]) -> list[str]:
    return sorted(row["id"] for row in await database.write(deed))


async def test_only_those_move_whose_state_allows_it(database: Database, who: Customer) -> None:
    first, second, third = [await queue(database, who) for _ in range(3)]
    await Dispatcher(database, Told(by_part)).step()
    await database.write(lambda conn: messages.go(conn, second, MessageStatus.delivered, now()))

    def deliver(conn: Conn) -> Any:
        ids = [first, second, third, "msg_unknown"]
        return messages.go_all(conn, ids, MessageStatus.delivered, now(), delivered_at=7)

    assert await moved(database, deliver) == sorted([first, third])
    assert await moved(database, deliver) == []
    assert (await message(database, second))["delivered_at"] is None
    assert (await message(database, first))["delivered_at"] == 7
    for message_id in (first, second, third):
        assert await history(database, message_id) == ["queued", "sending", "sent", "delivered"]
    assert await moved(database, lambda conn: messages.all_sent(conn, [first, third], now())) == []
    assert await moved(database, lambda conn: messages.all_sent(conn, [], now())) == []


async def test_nothing_to_write_is_no_statement_that_fails(database: Database) -> None:
    await database.write(take, [], now())
    await database.write(receipts.add_parts, "smpp", [])
    await database.write(receipts.match, "smpp", [], "delivered", now())
    assert await database.write(receipts.keep_all, []) == set()
    assert await database.write(receipts.named, "smpp", []) == set()
    assert await database.write(receipts.early, "smpp", []) == []
