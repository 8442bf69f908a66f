"""One receiver's queue in a worker, and how much is taken for it at once."""

from collections import deque
from dataclasses import dataclass, field

from db.connection import Row
from telephony.clock import SECOND
from telephony.webhooks.attempt import Attempt

ROOM_START = 16
ROOM_MIN = 2
"""A receiver that does not answer holds so many places, which others want, too."""
ROOM_MAX = 256
SENDERS_MAX = 32
"""Connections to one receiver at once."""
QUICK_US = SECOND // 4
SLOW_US = 2 * SECOND


@dataclass(slots=True)
class Lane:
    """`rows` wait in order; `taken` counts them and those that are sent or not recorded yet.
    `room` is how many may be taken: it grows with quick replies and halves with slow ones."""

    rows: deque[Row] = field(default_factory=deque)
    room: int = ROOM_START
    taken: int = 0
    senders: int = 0

    @property
    def quick(self) -> bool:
        """It has proven that it keeps up."""
        return self.room > ROOM_START

    @property
    def wants_sender(self) -> bool:
        """More connections would send sooner."""
        return self.senders < min(len(self.rows) + self.senders, self.room, SENDERS_MAX)

    def learn(self, attempt: Attempt) -> None:
        """Trust a receiver more or less."""
        if attempt.latency_us >= SLOW_US:
            self.room = max(ROOM_MIN, self.room // 2)
        elif attempt.accepted and attempt.latency_us <= QUICK_US:
            self.room = min(ROOM_MAX, self.room + 1)
