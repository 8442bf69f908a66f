"""What a worker had claimed when it was stopped is done, or somebody else's at once."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from cryptography.fernet import Fernet

from db.database import Database
from telephony.queue import unbroken
from telephony.secrets import Vault
from telephony.sms.dispatch import Dispatcher
from telephony.sms.providers.base import Outcome, ProviderError, Submission
from telephony.voice.ami import AmiLink, Originate
from telephony.voice.originate import Originator
from tests.factories import Customer, customer
from tests.sms.sending import Told, by_part, history, message, queue
from tests.voice.calling import add_phone, call, placed

STOPPED = "the sender was stopped before it was sent"


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database, funds="1", mode="live")


class Slow:
    """A database whose answers come a moment after the commit; `committed` tells of the first."""

    def __init__(self, database: Database, deed: str) -> None:
        self.committed = asyncio.Event()
        self.wakeups = database.wakeups
        self._database = database
        self._deed = deed

    async def write(self, deed: Any, *args: Any, **kwargs: Any) -> Any:
        result = await self._database.write(deed, *args, **kwargs)
        if deed.__name__ == self._deed and result:
            self.committed.set()
            await asyncio.sleep(0.2)
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


class Waits(Told):
    """Takes what it is given and sends nothing until it is stopped; then it gives all back."""

    def __init__(self, error: ProviderError) -> None:
        super().__init__(by_part)
        self.asked, self._stopped, self._error = asyncio.Event(), asyncio.Event(), error

    async def submit(self, batch: Sequence[Submission]) -> list[Outcome]:
        self.asked.set()
        await self._stopped.wait()
        return [self._error for _ in batch]

    async def stop(self) -> None:
        self._stopped.set()


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


DOWN = ProviderError("link_down", "stopped", retryable=True)


async def test_messages_that_were_not_sent_are_anothers_at_once(
    database: Database, who: Customer
) -> None:
    message_id, provider = await queue(database, who), Waits(DOWN)
    running = asyncio.create_task(Dispatcher(database, provider).run())
    await provider.asked.wait()
    await stop(running)
    row = await message(database, message_id)
    assert (row["status"], row["attempts"], row["lease_token"]) == ("queued", 0, None)
    assert await history(database, message_id) == ["queued", "sending", "queued"]
    notes = await database.all("SELECT detail FROM message_history ORDER BY id")
    assert notes[-1]["detail"] == STOPPED
    other = Told(by_part)
    assert await Dispatcher(database, other).step() == 1
    assert [one.attempt for one in other.submitted] == [1]
    assert (await message(database, message_id))["status"] == "sent"


async def test_a_message_whose_outcome_nobody_knows_is_not_given_back(
    database: Database, who: Customer
) -> None:
    message_id = await queue(database, who)
    provider = Waits(ProviderError("link_lost", outcome_unknown=True))
    running = asyncio.create_task(Dispatcher(database, provider).run())
    await provider.asked.wait()
    await stop(running)
    assert (await message(database, message_id))["status"] == "unknown"


async def test_a_stop_in_the_middle_of_a_claim_loses_no_message(
    database: Database, who: Customer
) -> None:
    message_id, provider, slow = await queue(database, who), Waits(DOWN), Slow(database, "claim")
    running = asyncio.create_task(Dispatcher(cast(Database, slow), provider).run())
    await slow.committed.wait()
    await stop(running)
    assert (await message(database, message_id))["status"] == "queued"


class Placing:
    """A manager link that takes every action."""

    ready = True

    def __init__(self) -> None:
        self.placed: list[str] = []

    async def action(self, action: Originate) -> None:
        self.placed.append(action.channel_id)


async def test_a_call_that_was_claimed_is_placed_before_the_worker_ends(
    database: Database,
) -> None:
    who = await customer(database, sip_funds="50")
    await add_phone(database, who)
    call_id = (await placed(database, who)).call_id
    link, slow = Placing(), Slow(database, "claim")
    vault = Vault(Fernet.generate_key().decode())
    originator = Originator(cast(Database, slow), cast(AmiLink, link), "pbx1", 100, vault)
    running = asyncio.create_task(originator.run())
    await slow.committed.wait()
    assert link.placed == []
    await stop(running)
    assert link.placed == [call_id]
    assert (await call(database, call_id))["status"] == "dialing"


async def test_what_fails_while_its_caller_is_stopped_does_not_hide_the_stop() -> None:
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.sleep(0.01)
        raise ValueError("no good")

    task = asyncio.create_task(unbroken(work()))
    await begun.wait()
    await stop(task)
    with pytest.raises(ValueError, match="no good"):
        await unbroken(work())
