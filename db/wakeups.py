"""Tells sleeping workers of this process that rows wait for them; a poll is the guarantee."""

import asyncio
from collections import defaultdict


class Wakeup:
    """One worker's ear on one channel."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake the worker now, or let its next wait return at once."""
        self._event.set()

    def rung(self) -> bool:
        """True if it was rung since the last time that this or `wait` looked."""
        was = self._event.is_set()
        self._event.clear()
        return was

    async def wait(self, seconds: float) -> bool:
        """Sleep until rung or until the time is over; True if rung."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Wakeups:
    """Channels by name; `signal` must run on the event loop's thread."""

    def __init__(self) -> None:
        self._ears: defaultdict[str, list[Wakeup]] = defaultdict(list)
        self.stopping = False

    def subscribe(self, channel: str) -> Wakeup:
        """A new ear on the channel; keep it for as long as the worker lives."""
        ear = Wakeup()
        self._ears[channel].append(ear)
        return ear

    def unsubscribe(self, channel: str, ear: Wakeup) -> None:
        """Forget an ear that `subscribe` gave."""
        self._ears[channel].remove(ear)
        if not self._ears[channel]:
            del self._ears[channel]

    def signal(self, channel: str) -> None:
        """Ring every ear of the channel."""
        for ear in self._ears.get(channel, ()):
            ear.ring()

    def stop(self) -> None:
        """Tell everybody who listens for as long as the process lives that it ends."""
        self.stopping = True
        for channel in list(self._ears):
            self.signal(channel)
