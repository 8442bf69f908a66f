"""The dispatcher's decisions, with a provider that answers as told."""

import asyncio
from collections.abc import Sequence

import pytest

from db import message_queue
from db.database import Database
from telephony.clock import SECOND, now
from telephony.sms.alphabets import Encoding
from telephony.sms.dispatch import (
    LEASE_SECONDS,
    Dispatcher,
    cut,
    hash_reference,
)
from telephony.sms.outcomes import RETRY_SECONDS, sweep
from telephony.sms.providers.base import Outcome, ProviderError, ReceiptState, Submission
from telephony.sms.receipts import take
from tests.factories import Customer, customer
from tests.patience import PATIENCE_SECONDS
from tests.sms.sending import Told, by_part, hasten, history, message, queue, receipt, wallet
from tests.sms.sending import reports as told_of

FUNDS = 1_000_000
PRICE = 7_000
LONG = "a" * 400  # three parts
THROTTLED = ProviderError("smsc_throttled", throttled=True)
REFUSED = ProviderError("invalid_recipient", "command_status 0x0B")
UNKNOWN = ProviderError("link_lost", outcome_unknown=True)


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database, funds="1", mode="live")


async def test_what_is_submitted(database: Database, who: Customer) -> None:
    message_id = await queue(database, who, text=LONG, validity_seconds=3600)
    provider = Told(by_part)
    assert await Dispatcher(database, provider).step() == 1
    assert await Dispatcher(database, provider).step() == 0
    assert [one.part for one in provider.submitted] == [1, 2, 3]
    assert "".join(one.text for one in provider.submitted) == LONG
    for one in provider.submitted:
        assert one.message_id == message_id
        assert (one.parts, one.encoding, one.attempt) == (3, Encoding.GSM7, 1)
        assert (one.sender, one.recipient) == ("SMSVOIP", "+15551239999")
        assert one.validity_seconds == 3600
        assert one.reference == hash_reference(message_id)
        assert 0 <= one.reference <= 255


async def test_references_differ_between_messages(database: Database, who: Customer) -> None:
    ids = [await queue(database, who) for _ in range(40)]
    assert len({hash_reference(one) for one in ids}) > 20


async def test_order_and_batches(database: Database, who: Customer) -> None:
    ids = [await queue(database, who, text=str(n)) for n in range(130)]
    provider = Told(by_part)
    dispatcher = Dispatcher(database, provider)
    assert [await dispatcher.step() for _ in range(3)] == [100, 30, 0]
    assert [one.message_id for one in provider.submitted] == ids


# the outcome of each of three parts → status, parts charged, error code
TRIES: list[tuple[list[ProviderError | None], str, int, str | None]] = [
    ([None, None, None], "sent", 3, None),
    ([REFUSED, REFUSED, REFUSED], "failed", 0, "invalid_recipient"),
    ([THROTTLED, THROTTLED, THROTTLED], "queued", 3, None),
    ([UNKNOWN, UNKNOWN, UNKNOWN], "unknown", 3, "link_lost"),
    ([UNKNOWN, THROTTLED, REFUSED], "unknown", 3, "link_lost"),
    ([THROTTLED, REFUSED, THROTTLED], "failed", 0, "smsc_throttled"),
    ([None, REFUSED, None], "sent", 2, "invalid_recipient"),
    ([None, None, UNKNOWN], "unknown", 3, "link_lost"),
    ([None, THROTTLED, THROTTLED], "sent", 1, "smsc_throttled"),
]


async def test_what_follows_a_try(database: Database) -> None:
    for case in TRIES:
        await follows(database, await customer(database, funds="1", mode="live"), *case)


async def follows(
    database: Database, who: Customer, answers: list[ProviderError | None], status: str,
    parts: int, code: str | None,
) -> None:  # fmt: skip
    """One line of `TRIES`."""
    message_id = await queue(database, who, text=LONG)
    provider = Told(lambda one: answers[one.part - 1] or by_part(one))
    await Dispatcher(database, provider).step()
    row = await message(database, message_id)
    assert (row["status"], row["cost"], row["error_code"]) == (status, parts * PRICE, code)
    charged = parts * PRICE if status == "sent" else 0
    held = 3 * PRICE if status in ("queued", "unknown") else 0
    assert await wallet(database, who) == (FUNDS - charged, held)
    told = [one["status"] for one in await told_of(database, message_id)]
    assert told == [status] * (status in ("sent", "failed"))


async def test_a_text_with_a_hole_is_not_delivered(database: Database, who: Customer) -> None:
    message_id = await queue(database, who, text=LONG)
    provider = Told(lambda one: REFUSED if one.part == 2 else by_part(one))
    await Dispatcher(database, provider).step()
    for part in (1, 3):
        await database.write(take, [receipt(f"{message_id}/{part}")], now())
    row = await message(database, message_id)
    assert (row["status"], row["error_code"]) == ("undelivered", "invalid_recipient")
    assert row["cost"] == 2 * PRICE
    assert await wallet(database, who) == (FUNDS - 2 * PRICE, 0)


async def test_retries_come_later_and_later(database: Database, who: Customer) -> None:
    message_id = await queue(database, who)
    provider = Told(lambda _: THROTTLED)
    dispatcher = Dispatcher(database, provider)
    for wait in (*RETRY_SECONDS, RETRY_SECONDS[-1]):
        before = now()
        assert await dispatcher.step() == 1
        assert await dispatcher.step() == 0, "not due yet"
        row = await message(database, message_id)
        assert 0.8 * wait <= (row["next_attempt_at"] - before) / SECOND <= 1.2 * wait + 1
        await hasten(database, next_attempt_at=now())
    assert [one.attempt for one in provider.submitted] == [*range(1, len(RETRY_SECONDS) + 2)]
    assert await wallet(database, who) == (FUNDS, PRICE)


async def test_one_that_was_never_sent_expires_and_costs_nothing(
    database: Database, who: Customer
) -> None:
    message_id = await queue(database, who)
    await Dispatcher(database, Told(lambda _: THROTTLED)).step()
    await database.write(sweep, "smpp", False, now())
    assert (await message(database, message_id))["status"] == "queued"
    await hasten(database, expires_at=now() - 1)
    for _ in range(2):
        await database.write(sweep, "smpp", False, now())
    row = await message(database, message_id)
    assert (row["status"], row["cost"], row["error_code"]) == ("expired", 0, "validity_expired")
    (told,) = await told_of(database, message_id)
    assert (told["status"], told["cost"]) == ("expired", 0)
    assert await wallet(database, who) == (FUNDS, 0)


async def test_a_sender_that_died_leaves_an_unknown_outcome(
    database: Database, who: Customer
) -> None:
    """SMPP: it may have been sent, so nobody sends it again; in the end it costs nothing."""
    message_id = await queue(database, who)
    await database.write(message_queue.claim, "smpp", "dead", now(), now() + SECOND, 10)
    provider = Told(by_part)
    dispatcher = Dispatcher(database, provider)
    await database.write(sweep, "smpp", False, now())
    assert await history(database, message_id) == ["queued", "sending"]
    await database.write(sweep, "sandbox", True, now() + LEASE_SECONDS * SECOND)  # another's
    assert await history(database, message_id) == ["queued", "sending"]
    await database.write(sweep, "smpp", False, now() + LEASE_SECONDS * SECOND)
    assert await history(database, message_id) == ["queued", "sending", "unknown"]
    assert await dispatcher.step() == 0
    assert provider.submitted == []
    assert await wallet(database, who) == (FUNDS, PRICE)
    await hasten(database, expires_at=now() - 1)
    await database.write(sweep, "smpp", False, now())
    assert (await message(database, message_id))["status"] == "expired"
    assert await wallet(database, who) == (FUNDS, 0)


class Stuck(Told):
    """Keeps a submission until `gate` is set."""

    def __init__(self) -> None:
        super().__init__(by_part)
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()

    async def submit(self, batch: Sequence[Submission]) -> list[Outcome]:
        self.asked.set()
        await self.gate.wait()
        return await super().submit(batch)


async def test_an_acceptance_after_the_lease_still_counts(
    database: Database, who: Customer
) -> None:
    """The SMSC was only slow: the message is charged once, and its receipt finds it."""
    message_id = await queue(database, who)
    provider = Stuck()
    step = asyncio.create_task(Dispatcher(database, provider).step())
    await provider.asked.wait()
    await hasten(database, lease_until=now() - 1)
    await database.write(sweep, "smpp", False, now())
    provider.gate.set()
    await step
    await database.write(take, [receipt(f"{message_id}/1")], now())
    states = ["queued", "sending", "unknown", "sent", "delivered"]
    assert await history(database, message_id) == states
    assert await wallet(database, who) == (FUNDS - PRICE, 0)


async def test_an_acceptance_after_the_refund_charges_nothing(
    database: Database, who: Customer
) -> None:
    message_id = await queue(database, who)
    provider = Stuck()
    step = asyncio.create_task(Dispatcher(database, provider).step())
    await provider.asked.wait()
    await hasten(database, lease_until=now() - 1, expires_at=now() - 1)
    await database.write(sweep, "smpp", False, now())
    provider.gate.set()
    await step
    await database.write(take, [receipt(f"{message_id}/1")], now())
    assert (await message(database, message_id))["status"] == "expired"
    assert (await message(database, message_id))["cost"] == 0
    assert await wallet(database, who) == (FUNDS, 0)


async def test_a_dispatcher_killed_in_a_submission_submits_nothing_twice(
    database: Database, who: Customer
) -> None:
    message_id = await queue(database, who)
    dying = Stuck()
    step = asyncio.create_task(Dispatcher(database, dying).step())
    await dying.asked.wait()
    step.cancel()
    await asyncio.gather(step, return_exceptions=True)
    fresh = Told(by_part)
    running = asyncio.create_task(Dispatcher(database, fresh).run())
    await hasten(database, lease_until=now() - 1)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await message(database, message_id))["status"] != "unknown":
            await database.write(sweep, "smpp", fresh.repeatable, now())
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert fresh.submitted == []
    assert await wallet(database, who) == (FUNDS, PRICE)


async def test_a_provider_serves_only_its_own_messages(database: Database, who: Customer) -> None:
    tester = await customer(database, funds="1")
    live, test = await queue(database, who), await queue(database, tester)
    for name, message_id in (("smpp", live), ("sandbox", test)):
        provider = Told(by_part, name)
        await Dispatcher(database, provider).step()
        assert [one.message_id for one in provider.submitted] == [message_id]


async def test_the_parts_are_cut_as_they_were_priced(database: Database, who: Customer) -> None:
    texts = ["", "a" * 160, "a" * 161, "€" * 153, "😀" * 100, "ж" * 671]
    for text in texts[1:-1]:
        row = await message(database, await queue(database, who, text=text))
        assert len(cut(row)) == row["segments"]


async def test_the_state_of_a_receipt_is_kept_as_it_came(database: Database, who: Customer) -> None:
    message_id = await queue(database, who)
    await Dispatcher(database, Told(by_part)).step()
    given = receipt(f"{message_id}/1", ReceiptState.UNDELIVERED, "042")
    await database.write(take, [given], now())
    (kept,) = await database.all("SELECT * FROM sms_receipt")
    assert (kept["state"], kept["error_code"], kept["raw"]) == (
        "undelivered", "042", "stat:undelivered",
    )  # fmt: skip
    assert kept["matched_at"] is not None
