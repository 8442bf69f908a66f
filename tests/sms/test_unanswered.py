"""Messages of unknown outcome: what proves that they were taken, what does not, who pays."""

import asyncio
import time
from collections.abc import Callable, Sequence

import pytest

from db import message_queue
from db.connection import Conn
from db.database import Database
from telephony.billing import verify
from telephony.clock import now
from telephony.sms.dispatch import Dispatcher
from telephony.sms.outcomes import sweep
from telephony.sms.providers.base import (
    ProviderError,
    Receipt,
    ReceiptState,
    Submission,
    reference_of,
)
from telephony.sms.receipts import take
from tests.factories import Customer, customer
from tests.sms.sending import Told, by_part, history, message, queue, wallet

FUNDS, PRICE = 1_000_000, 7_000
LOST = ProviderError("link_lost", outcome_unknown=True)
DOWN = ProviderError("link_down", retryable=True)
LONG = "a" * 400
TO = "+15551239999"
UNCOMMITTED_SECONDS = 0.5
D, U = ReceiptState.DELIVERED, ReceiptState.UNDELIVERED
ENROUTE = ReceiptState.ENROUTE

Answers = Callable[[Submission], str | ProviderError]


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database, funds="1", mode="live")


async def lost(database: Database, who: Customer, answers: Answers, text: str = "Hi!") -> str:
    """A message whose submission ended like that; its id."""
    message_id = await queue(database, who, to=TO, text=text)
    await Dispatcher(database, Told(answers)).step()
    return message_id


def proof(name: str, reference: int, state: ReceiptState = D, to: str = TO) -> Receipt:
    return Receipt("smpp", name, state, recipient=to, reference=reference, raw="")


async def tell(database: Database, receipts: Sequence[Receipt]) -> None:
    for receipt in receipts:
        await database.write(take, [receipt], now())


async def test_a_receipt_with_its_reference_proves_that_it_was_sent(
    database: Database, who: Customer
) -> None:
    message_id = await lost(database, who, lambda _: LOST)
    assert await history(database, message_id) == ["queued", "sending", "unknown"]
    receipt = proof("x1", reference_of(message_id, 1))
    await tell(database, [receipt, receipt])
    states = ["queued", "sending", "unknown", "sent", "delivered"]
    assert await history(database, message_id) == states
    row = await message(database, message_id)
    assert row["cost"] == PRICE
    assert await wallet(database, who) == (FUNDS - PRICE, 0)
    assert await verify.verify(database) == {}


async def test_a_late_answer_names_it_and_its_receipt_finds_it(
    database: Database, who: Customer
) -> None:
    message_id = await lost(database, who, lambda _: LOST)
    await tell(database, [proof("x1", reference_of(message_id, 1), ENROUTE)])
    assert (await message(database, message_id))["status"] == "sent"
    assert await wallet(database, who) == (FUNDS - PRICE, 0)
    await tell(database, [Receipt("smpp", "x1", U, "042")])
    row = await message(database, message_id)
    assert (row["status"], row["error_code"]) == ("undelivered", "042")


async def test_a_receipt_that_came_before_the_outcome_was_known(
    database: Database, who: Customer
) -> None:
    message_id = await queue(database, who, to=TO)
    await tell(database, [proof("x1", reference_of(message_id, 1))])
    await Dispatcher(database, Told(lambda _: LOST)).step()
    states = ["queued", "sending", "unknown", "sent", "delivered"]
    assert await history(database, message_id) == states


async def test_a_receipt_that_comes_while_its_message_is_given_up(
    database: Database, who: Customer
) -> None:
    """The claim of a dead process runs out at the instant at which the SMSC, bound anew, repeats
    its receipts."""
    message_id = await queue(database, who, to=TO)
    await database.write(message_queue.claim, "smpp", "dead", now(), 0, 10)
    began = asyncio.Event()
    loop = asyncio.get_running_loop()

    def take_slowly(conn: Conn) -> None:
        take(conn, [proof("x1", reference_of(message_id, 1))], now())
        loop.call_soon_threadsafe(began.set)
        time.sleep(UNCOMMITTED_SECONDS)

    taking = asyncio.create_task(database.write(take_slowly))
    await began.wait()
    await database.write(sweep, "smpp", False, now())
    await taking
    states = ["queued", "sending", "unknown", "sent", "delivered"]
    assert await history(database, message_id) == states


async def test_what_proves_nothing(database: Database, who: Customer) -> None:
    message_id = await lost(database, who, lambda _: LOST)
    right = reference_of(message_id, 1)
    await tell(
        database,
        [
            proof("x1", right ^ 1),
            proof("x2", right, to="+15550000000"),
            proof("x3", right)._replace(provider="another"),
            proof("x4", right)._replace(reference=None),
        ],
    )
    assert (await message(database, message_id))["status"] == "unknown"
    assert await wallet(database, who) == (FUNDS, PRICE)


async def test_of_two_that_may_be_meant_neither_is_guessed(
    database: Database, who: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony.sms.receipts.reference_of", lambda *_: 7)
    ids = [await lost(database, who, lambda _: LOST) for _ in range(2)]
    await tell(database, [proof("x1", 7)])
    assert {(await message(database, one))["status"] for one in ids} == {"unknown"}


async def test_the_id_of_a_part_that_is_known_proves_nothing_else(
    database: Database, who: Customer
) -> None:
    known = await lost(database, who, by_part)
    unknown = await lost(database, who, lambda _: LOST)
    wrong = reference_of(unknown, 1)
    await tell(database, [proof(f"{known}/1", wrong), proof(f"{known}/1", wrong, U)])
    assert (await message(database, known))["status"] == "delivered"
    assert (await message(database, unknown))["status"] == "unknown"


@pytest.mark.parametrize("order", [[1, 2, 3], [3, 1, 2]])
async def test_a_long_one_is_charged_when_all_of_its_parts_are_known(
    database: Database, who: Customer, order: list[int]
) -> None:
    """Part 1 was answered, the others were not."""
    message_id = await lost(
        database, who, lambda one: by_part(one) if one.part == 1 else LOST, LONG
    )
    names = {1: f"{message_id}/1", 2: "x2", 3: "x3"}
    for part in order:
        assert (await message(database, message_id))["status"] in ("unknown", "sent")
        await tell(database, [proof(names[part], reference_of(message_id, part))])
    row = await message(database, message_id)
    assert (row["status"], row["cost"]) == ("delivered", 3 * PRICE)
    assert await wallet(database, who) == (FUNDS - 3 * PRICE, 0)


async def test_a_part_that_never_went_out_is_not_charged(database: Database, who: Customer) -> None:
    message_id = await lost(database, who, lambda one: LOST if one.part < 3 else DOWN, LONG)
    await tell(database, [proof(f"x{part}", reference_of(message_id, part)) for part in (1, 2)])
    row = await message(database, message_id)
    assert (row["status"], row["cost"]) == ("undelivered", 2 * PRICE)
    assert await wallet(database, who) == (FUNDS - 2 * PRICE, 0)


async def test_at_the_end_of_its_validity_what_is_proven_is_charged(
    database: Database, who: Customer
) -> None:
    message_id = await lost(database, who, lambda _: LOST, LONG)
    other = await lost(database, who, lambda _: LOST, LONG)
    await tell(database, [proof("x1", reference_of(message_id, 1))])
    await database.write(sweep, "smpp", False, now() + 10**13)
    row = await message(database, message_id)
    assert (row["status"], row["cost"]) == ("expired", PRICE)
    assert (await message(database, other))["cost"] == 0
    assert await wallet(database, who) == (FUNDS - PRICE, 0)
    assert await verify.verify(database) == {}


async def test_parts_that_went_out_as_one_end_together(database: Database, who: Customer) -> None:
    message_id = await lost(database, who, lambda _: "one id", LONG)
    await tell(database, [Receipt("smpp", "one id", D)])
    row = await message(database, message_id)
    assert (row["status"], row["cost"]) == ("delivered", 3 * PRICE)
