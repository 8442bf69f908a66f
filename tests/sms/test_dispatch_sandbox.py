"""Every number of the sandbox from the queue to its end: states, charges, what is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from db import message_queue
from db.database import Database
from telephony.clock import SECOND, now
from telephony.errors import InsufficientFundsError, Problem, RecipientOptedOutError
from telephony.sms import outcomes
from telephony.sms.dispatch import LEASE_SECONDS, Dispatcher
from telephony.sms.providers import sandbox
from telephony.sms.providers.sandbox import SandboxProvider
from tests.factories import Customer, customer
from tests.patience import PATIENCE_SECONDS
from tests.sms.sending import hasten, history, message, queue, reports, wallet

FUNDS = 1_000_000
PRICE = 7_000
LIVED = ["queued", "sending", "sent"]


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database, funds="1")


@asynccontextmanager
async def dispatching(database: Database) -> AsyncIterator[None]:
    """A dispatcher of the sandbox provider at work."""
    task = asyncio.create_task(Dispatcher(database, SandboxProvider()).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], Awaitable[bool]], seconds: float = PATIENCE_SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.02)


async def reach(database: Database, wanted: dict[str, str]) -> None:
    """Wait until every message (id → status) is where it should be."""

    async def there() -> bool:
        found = await database.all("SELECT id, status FROM message")
        return {row["id"]: row["status"] for row in found} == wanted

    await until(there)


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes a second or thirty comes at once."""
    at_once = {digits: replace(end, seconds=0) for digits, end in sandbox._ENDINGS.items()}
    monkeypatch.setattr(outcomes, "RETRY_SECONDS", (0.05,))
    monkeypatch.setattr(sandbox, "_ENDINGS", at_once)
    monkeypatch.setattr(sandbox, "_DEFAULT", replace(sandbox._DEFAULT, seconds=0))


# digits: (states after `sending`, what is charged, the last report's status and error code)
ENDINGS: dict[str, tuple[list[str], int, str, str | None]] = {
    "0001": (["sent", "delivered"], PRICE, "delivered", None),
    "0002": (["sent", "undelivered"], PRICE, "undelivered", "absent_subscriber"),
    "0003": (["failed"], 0, "failed", "sandbox_rejected"),
    "0004": (["sent", "expired"], PRICE, "expired", "validity_expired"),
    "0005": (["sent", "delivered"], PRICE, "delivered", None),
    "0006": (["queued", "sending", "sent", "delivered"], PRICE, "delivered", None),
    "4567": (["sent", "delivered"], PRICE, "delivered", None),
}


@pytest.mark.usefixtures("brisk")
async def test_every_number_ends_as_it_says(database: Database, who: Customer) -> None:
    sent = {digits: await queue(database, who, f"+1555123{digits}") for digits in ENDINGS}
    assert await wallet(database, who) == (FUNDS, len(ENDINGS) * PRICE)
    async with dispatching(database):
        await reach(database, {sent[digits]: ENDINGS[digits][0][-1] for digits in ENDINGS})
    for digits, (states, charged, status, code) in ENDINGS.items():
        row = await message(database, sent[digits])
        assert await history(database, row["id"]) == ["queued", "sending", *states], digits
        assert (row["cost"], row["error_code"]) == (charged, code), digits
        assert (row["delivered_at"] is not None) == (status == "delivered"), digits
        assert (row["sent_at"] is not None) == ("sent" in states), digits
        told = await reports(database, row["id"])
        assert [one["status"] for one in told] == [
            state for state in states if state not in ("queued", "sending")
        ]
        assert told[-1].keys() == {
            "message_id", "status", "delivered_at", "cost", "to", "from", "reference", "error_code",
        }  # fmt: skip
        assert (told[-1]["status"], told[-1]["error_code"]) == (status, code), digits
        assert told[-1]["cost"] == charged / 1_000_000
        assert (told[-1]["delivered_at"] is not None) == (status == "delivered")
    assert await wallet(database, who) == (FUNDS - 6 * PRICE, 0)


async def test_real_seconds_of_the_default_and_of_0005(database: Database, who: Customer) -> None:
    first = await queue(database, who)
    slow = await queue(database, who, "+15551230005")
    async with dispatching(database):
        await reach(database, {first: "delivered", slow: "sent"})
    row = await message(database, first)
    assert SECOND <= row["delivered_at"] - row["sent_at"] < 2.5 * SECOND
    assert await history(database, slow) == LIVED
    (part,) = await database.all("SELECT * FROM message_part WHERE message_id = :id", id=slow)
    due = int(part["provider_message_id"].split(".")[2])
    assert 29 * SECOND < due - (await message(database, slow))["sent_at"] <= 30 * SECOND


@pytest.mark.parametrize(
    ("digits", "error"), [("0010", InsufficientFundsError), ("0011", RecipientOptedOutError)]
)
async def test_numbers_that_the_door_refuses(
    database: Database, who: Customer, digits: str, error: type[Problem]
) -> None:
    with pytest.raises(error) as raised:
        await queue(database, who, f"+1555123{digits}")
    if digits == "0010":
        assert raised.value.extra["required"] > raised.value.extra["available"] == 1
    assert await wallet(database, who) == (FUNDS, 0)
    assert await database.all("SELECT 1 FROM message") == []


async def test_magic_numbers_are_magic_in_test_mode_only(database: Database) -> None:
    live = await customer(database, funds="1", mode="live")
    for digits in ("0010", "0011"):
        await queue(database, live, f"+1555123{digits}")
    assert await wallet(database, live) == (FUNDS, 2 * PRICE)


@pytest.mark.usefixtures("brisk")
async def test_a_long_text_is_delivered_with_its_last_part(
    database: Database, who: Customer
) -> None:
    message_id = await queue(database, who, text="ж" * 150)
    async with dispatching(database):
        await reach(database, {message_id: "delivered"})
    parts = await database.all("SELECT * FROM message_part ORDER BY part")
    assert [part["state"] for part in parts] == ["delivered"] * 3
    assert len({part["provider_message_id"] for part in parts}) == 3
    assert [one["status"] for one in await reports(database, message_id)] == ["sent", "delivered"]
    assert await wallet(database, who) == (FUNDS - 3 * PRICE, 0)


async def test_a_restarted_dispatcher_takes_up_the_receipts(
    database: Database, who: Customer
) -> None:
    """The first one dies after the submission; the second one knows only the database."""
    message_id = await queue(database, who)
    async with dispatching(database):
        await reach(database, {message_id: "sent"})
    async with dispatching(database):
        await reach(database, {message_id: "delivered"})
    assert await history(database, message_id) == [*LIVED, "delivered"]
    assert await wallet(database, who) == (FUNDS - PRICE, 0)


@pytest.mark.usefixtures("brisk")
async def test_a_sandbox_message_whose_sender_died_is_sent_again(
    database: Database, who: Customer
) -> None:
    message_id = await queue(database, who)
    await database.write(message_queue.claim, "sandbox", "dead", now(), now() + 1, 10)
    await hasten(database, lease_until=now() - LEASE_SECONDS * SECOND)
    async with dispatching(database):
        await reach(database, {message_id: "delivered"})
    assert await history(database, message_id) == [
        "queued", "sending", "queued", "sending", "sent", "delivered",
    ]  # fmt: skip
    assert await wallet(database, who) == (FUNDS - PRICE, 0)


@pytest.mark.usefixtures("brisk")
async def test_two_dispatchers_send_nothing_twice(database: Database, who: Customer) -> None:
    ids = [await queue(database, who, text=f"number {n}") for n in range(120)]
    async with dispatching(database), dispatching(database):
        await reach(database, dict.fromkeys(ids, "delivered"))
    parts = await database.all("SELECT * FROM message_part")
    assert len(parts) == len(ids)
    for message_id in ids[::10]:
        assert await history(database, message_id) == [*LIVED, "delivered"]
    assert await wallet(database, who) == (FUNDS - 120 * PRICE, 0)
