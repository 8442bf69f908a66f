"""How workers wait for rows, and how long they wait after a failure."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from db.database import Database

POLL_SECONDS = 1.0
"""A wake-up may be lost with a process; the poll is what the rows can rely on."""
FAILURE_PAUSE_SECONDS = 1.0

T = TypeVar("T")
log = logging.getLogger(__name__)


async def drain(
    db: Database, channel: str, step: Callable[[], Awaitable[int]], poll: float = POLL_SECONDS
) -> None:
    """Run `step` (which tells how many rows it worked on) for ever: again at once while it finds
    rows, else when the channel rings or after the poll. A failing step is logged and retried."""
    ear = db.wakeups.subscribe(channel)
    try:
        while True:
            if not await _tried(channel, step):
                await ear.wait(poll)
    finally:
        db.wakeups.unsubscribe(channel, ear)


async def _tried(channel: str, step: Callable[[], Awaitable[int]]) -> int:
    try:
        found = await step()
    except Exception:
        log.exception("a step of the %s worker failed; it is tried again", channel)
        await asyncio.sleep(FAILURE_PAUSE_SECONDS)
        return 0
    task = asyncio.current_task()
    if task and task.cancelling():
        # A library on Python 3.11's `asyncio.wait_for` loses one that comes with the result.
        raise asyncio.CancelledError
    return found


async def unbroken(work: Coroutine[Any, Any, T]) -> T:
    """Run to its end what must not stop half done; the cancellation of whoever waits comes after
    that."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise


def jittered(seconds: float) -> float:
    """Up to a fifth more or less, so that many retries do not fall on one instant."""
    return seconds * random.uniform(0.8, 1.2)


class Kick:
    """Makes another task look again now instead of at its next turn."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def kick(self) -> None:
        """Let the next or the present wait end."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Sleep until kicked, or until the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        self._event.clear()


async def repeat(name: str, kick: Kick, step: Callable[[], Awaitable[int]], every: float) -> None:
    """Run `step` for ever: at once again while it finds work, else when kicked or after `every`
    seconds. A failing step is logged and retried."""
    while True:
        if not await _tried(name, step):
            await kick.wait(every)
