"""A call of the platform's own to the simulated carrier, now and then: it proves that Asterisk
dials, answers, hangs up and writes the record. It is nobody's call and costs nothing."""

import asyncio
import logging
import time

from db.ids import new_id
from telephony.queue import Kick, repeat
from telephony.voice.ami import AmiError, AmiLink, Originate

PREFIX = "probe"
"""How the ids of its channels begin; no call's and no other channel's does."""
CALLED = "Local/15550000001@simulated-carrier/n"
CONTEXT = "probe"
SECONDS_MAX = 12.0
"""Less than a channel of no call may live: what is left of it after that is hung up."""
LINK_SECONDS_MAX = 30.0

log = logging.getLogger(__name__)


class ProbeCalls:
    """Serves one node; the reader of its call records tells which it `heard`."""

    def __init__(self, link: AmiLink, every_seconds: int) -> None:
        self._link = link
        self._every = every_seconds
        self._failures = 0
        self._told = ""
        self._channel = ""
        self._recorded = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled; returns at once where it is switched off."""
        if self._every:
            await repeat("probe calls", Kick(), self.step, self._every)

    @property
    def known(self) -> bool:
        """Whether a call has ended yet, well or not."""
        return bool(self._told)

    @property
    def unwell(self) -> str:
        """One call may fail under load; two in a row do not."""
        return "degraded" if self._failures < 2 else "outage"

    def look(self) -> tuple[bool, str]:
        """Whether the last call went well, and a sentence."""
        return self._failures == 0, self._told

    def heard(self, channel: str, disposition: str) -> None:
        """Take a record of one of these calls."""
        if channel == self._channel and disposition == "ANSWERED":
            self._recorded.set()

    async def step(self) -> int:
        """Place one call and wait for its record; 0."""
        began = time.monotonic()
        try:
            await self._link.wait_ready(LINK_SECONDS_MAX)
            began = time.monotonic()
            await self._call()
        except (AmiError, TimeoutError) as error:
            self._failures += 1
            why = str(error) or f"no record of an answered call after {SECONDS_MAX:g} s"
            self._told = f"{self._failures} calls in a row failed: {why}"
            log.warning("the probe call failed: %s", why)
            return 0
        self._failures = 0
        seconds = time.monotonic() - began
        self._told = f"the last call was answered, hung up and recorded in {seconds:.1f} s"
        return 0

    async def _call(self) -> None:
        self._channel = new_id(PREFIX)
        self._recorded.clear()
        async with asyncio.timeout(SECONDS_MAX):
            await self._link.action(
                Originate(
                    channel=CALLED, context=CONTEXT, exten="s", priority=1,
                    channel_id=self._channel, timeout_ms=int(SECONDS_MAX * 1000),
                )
            )  # fmt: skip
            await self._recorded.wait()
