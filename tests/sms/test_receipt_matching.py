"""Receipts find their message whenever they come, and end it once."""

import asyncio
from itertools import permutations

import pytest

from db.database import Database
from telephony.clock import now
from telephony.sms.dispatch import Dispatcher
from telephony.sms.providers.base import Receipt, ReceiptState
from telephony.sms.receipts import take
from tests.factories import Customer, customer
from tests.sms.sending import Told, by_part, history, message, queue, receipt, reports, wallet

D, U, X = ReceiptState.DELIVERED, ReceiptState.UNDELIVERED, ReceiptState.EXPIRED
ENROUTE, LOST = ReceiptState.ENROUTE, ReceiptState.UNKNOWN


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database, funds="1", mode="live")


@pytest.fixture
async def sent(database: Database, who: Customer) -> str:
    message_id = await queue(database, who, reference="my own id")
    await Dispatcher(database, Told(by_part)).step()
    return message_id


async def tell(database: Database, *receipts: Receipt) -> None:
    await database.write(take, receipts, now())


@pytest.mark.parametrize(
    ("state", "status", "code"),
    [(D, "delivered", ""), (D, "delivered", "000"), (U, "undelivered", "042"), (X, "expired", "")],
)
async def test_a_receipt_ends_its_message(
    database: Database, who: Customer, sent: str, state: ReceiptState, status: str, code: str
) -> None:
    await tell(database, receipt(f"{sent}/1", state, code))
    row = await message(database, sent)
    assert (row["status"], row["error_code"]) == (status, code or None)
    first, last = await reports(database, sent)
    assert (first["status"], first["delivered_at"]) == ("sent", None)
    assert (last["status"], last["reference"]) == (status, "my own id")
    assert (last["delivered_at"] is not None) == (status == "delivered")
    assert last["cost"] == 0.007
    assert (last["to"], last["from"]) == ("+15551239999", "SMSVOIP")
    assert await wallet(database, who) == (993_000, 0)


async def test_a_receipt_before_the_acceptance(database: Database, who: Customer) -> None:
    message_id = await queue(database, who)
    await tell(database, receipt(f"{message_id}/1", ENROUTE), receipt(f"{message_id}/1"))
    assert await history(database, message_id) == ["queued"]
    await Dispatcher(database, Told(by_part)).step()
    assert await history(database, message_id) == ["queued", "sending", "sent", "delivered"]
    told = [one["status"] for one in await reports(database, message_id)]
    assert told == ["sent", "delivered"]


async def test_a_repeated_receipt_changes_nothing(
    database: Database, who: Customer, sent: str
) -> None:
    for _ in range(3):
        await tell(database, receipt(f"{sent}/1"), receipt(f"{sent}/1"))
    await asyncio.gather(*(tell(database, receipt(f"{sent}/1")) for _ in range(10)))
    assert await history(database, sent) == ["queued", "sending", "sent", "delivered"]
    assert len(await reports(database, sent)) == 2
    assert len(await database.all("SELECT 1 FROM sms_receipt")) == 1
    assert await wallet(database, who) == (993_000, 0)


async def test_two_receipts_at_once_end_it_once(
    database: Database, who: Customer, sent: str
) -> None:
    await asyncio.gather(*(tell(database, receipt(f"{sent}/1", state)) for state in (D, U, X)))
    assert len(await history(database, sent)) == 4
    assert len(await reports(database, sent)) == 2
    assert len(await database.all("SELECT 1 FROM sms_receipt")) == 3


@pytest.mark.parametrize("first", [D, U, X])
async def test_a_late_receipt_is_kept_as_a_fact(
    database: Database, sent: str, first: ReceiptState
) -> None:
    await tell(database, receipt(f"{sent}/1", first))
    before = await message(database, sent)
    for state in (D, U, X, ENROUTE, LOST):
        await tell(database, receipt(f"{sent}/1", state, "late"))
    assert await message(database, sent) == before
    assert len(await database.all("SELECT 1 FROM sms_receipt")) == 5


async def test_what_is_not_final_ends_nothing(database: Database, sent: str) -> None:
    await tell(database, receipt(f"{sent}/1", ENROUTE), receipt(f"{sent}/1", LOST))
    assert (await message(database, sent))["status"] == "sent"
    await tell(database, receipt(f"{sent}/1"))
    assert (await message(database, sent))["status"] == "delivered"


async def test_an_id_that_nobody_knows_is_kept_and_harms_no_other(
    database: Database, sent: str
) -> None:
    stranger = receipt("4711", U, "1")
    other_provider = receipt(f"{sent}/1", U, "1", provider="sandbox")
    await tell(database, stranger, other_provider, receipt(f"{sent}/1"))
    assert (await message(database, sent))["status"] == "delivered"
    kept = await database.all("SELECT * FROM sms_receipt WHERE matched_at IS NULL")
    assert {row["provider_message_id"] for row in kept} == {"4711", f"{sent}/1"}


@pytest.mark.parametrize(
    ("states", "status"),
    [((D, D, D), "delivered"), ((D, U, D), "undelivered"), ((D, X, D), "expired"),
     ((D, U, X), "expired")],
)  # fmt: skip
async def test_a_long_text_ends_with_its_last_part_as_its_worst_in_any_order(
    database: Database, who: Customer, states: tuple[ReceiptState, ...], status: str
) -> None:
    for order in permutations(range(3)):
        message_id = await queue(database, who, text="a" * 400)
        await Dispatcher(database, Told(by_part)).step()
        for number, part in enumerate(order):
            assert (await message(database, message_id))["status"] == "sent", number
            await tell(database, receipt(f"{message_id}/{part + 1}", states[part]))
        assert (await message(database, message_id))["status"] == status
        assert [one["status"] for one in await reports(database, message_id)] == ["sent", status]


async def test_a_receipt_at_the_same_time_as_the_acceptance(
    database: Database, who: Customer
) -> None:
    """SMSCs send both at once; on PostgreSQL neither transaction may see the other's row."""
    for _ in range(12):
        message_id = await queue(database, who)
        await asyncio.gather(
            Dispatcher(database, Told(by_part)).step(),
            *(tell(database, receipt(f"{message_id}/1", state)) for state in (ENROUTE, D)),
        )
        assert (await message(database, message_id))["status"] == "delivered"


async def test_parts_settled_at_the_same_time_end_the_message(
    database: Database, who: Customer
) -> None:
    """On PostgreSQL two transactions may each see only their own part as delivered."""
    for _ in range(8):
        message_id = await queue(database, who, text="a" * 300)
        await Dispatcher(database, Told(by_part)).step()
        await asyncio.gather(*(tell(database, receipt(f"{message_id}/{part}")) for part in (1, 2)))
        assert (await message(database, message_id))["status"] == "delivered"
