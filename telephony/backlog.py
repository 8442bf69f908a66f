"""How much waits in the queues: one that is full takes no more, instead of growing without end."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from db import call_queue, message_queue
from db.connection import Reader
from telephony.errors import QueueFullError
from telephony.queue import Kick, repeat
from telephony.settings import Settings

EVERY_SECONDS = 1.0
REST = 20
"""So many times as long as a count took, nothing is counted: a long queue is counted less often."""

Queue = Literal["messages", "calls"]


@dataclass
class _Counted:
    """What waited when it was last counted, and what was taken since; by account."""

    most: int
    most_of_one: int
    waiting: dict[str, int] = field(default_factory=dict)
    total: int = 0
    since: Counter[str] = field(default_factory=Counter)

    def learn(self, waiting: dict[str, int]) -> None:
        self.waiting, self.total = waiting, sum(waiting.values())
        self.since = Counter()

    def take(self, account_id: str, count: int) -> None:
        of_one = self.waiting.get(account_id, 0) + self.since[account_id]
        if of_one + count > self.most_of_one:
            raise QueueFullError(
                f"{of_one} of this account wait already; {self.most_of_one} may.", of="account"
            )
        if self.total + self.since.total() + count > self.most:
            raise QueueFullError(of="platform")
        self.since[account_id] += count


class Backlog:
    """Counts beside the writer, never for a request; several processes see what each has stored
    after a second at most. Until it has looked it refuses nothing."""

    def __init__(self, reader: Reader, settings: Settings) -> None:
        self._reader = reader
        self._queues: dict[Queue, _Counted] = {
            "messages": _Counted(
                settings.messages_queued_max, settings.messages_queued_account_max
            ),
            "calls": _Counted(settings.calls_queued_max, settings.calls_queued_account_max),
        }

    async def run(self) -> None:
        """Count for ever."""
        await repeat("backlog", Kick(), self._look_and_rest, EVERY_SECONDS)

    async def look(self) -> None:
        """Count what waits now."""
        messages, calls = self._queues["messages"], self._queues["calls"]
        messages.learn(await message_queue.waiting(self._reader, messages.most + 1))
        calls.learn(await call_queue.waiting(self._reader, calls.most + 1))

    def take(self, queue: Queue, account_id: str, count: int = 1) -> None:
        """Make room for that many more of an account; raises QueueFullError. May be called in a
        deed: what it remembers is an estimate, put right by the next count."""
        self._queues[queue].take(account_id, count)

    async def _look_and_rest(self) -> int:
        began = time.monotonic()
        await self.look()
        await asyncio.sleep((time.monotonic() - began) * REST)
        return 0
