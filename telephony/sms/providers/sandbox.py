"""The provider of test mode: the last four digits of the recipient decide how a part ends.

It keeps no state: a provider_message_id says when and how its part will end, so `resume` can
announce again, after a restart, what was still to come.
"""

import asyncio
import contextlib
import heapq
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict

from telephony import clock
from telephony.clock import SECOND, Instant
from telephony.settings import Settings
from telephony.sms.alphabets import Encoding
from telephony.sms.providers.base import (
    ROOM_ENOUGH,
    Capabilities,
    Health,
    Outcome,
    ProviderError,
    Receipt,
    ReceiptSink,
    ReceiptState,
    Submission,
    Submitted,
)

log = logging.getLogger(__name__)

SINK_RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Ending:
    state: ReceiptState
    seconds: int
    error_code: str = ""


_DEFAULT = _Ending(ReceiptState.DELIVERED, 1)
_ENDINGS = {
    "0001": _Ending(ReceiptState.DELIVERED, 0),
    "0002": _Ending(ReceiptState.UNDELIVERED, 1, "absent_subscriber"),
    "0004": _Ending(ReceiptState.EXPIRED, 1, "validity_expired"),
    "0005": _Ending(ReceiptState.DELIVERED, 30),
}
_ID = re.compile(r"sandbox\.(delivered|undelivered|expired)\.(?P<due>[0-9]{1,18})\..+")
_ERROR_CODES = {ending.state: ending.error_code for ending in _ENDINGS.values()}


class SandboxOptions(BaseModel):
    """None: the numbers decide everything."""

    model_config = ConfigDict(extra="forbid")


class SandboxProvider:
    """Takes every part and ends it as its number says, by the clock of this process."""

    options: ClassVar[type[BaseModel]] = SandboxOptions
    repeatable = True
    capabilities = Capabilities(encodings=frozenset(Encoding), link=False)

    def __init__(self, name: str = "sandbox") -> None:
        self.name = name
        self._due: list[tuple[Instant, str]] = []  # heap
        self._known: set[str] = set()
        self._changed = asyncio.Event()
        self._announcer: asyncio.Task[None] | None = None

    @classmethod
    def from_options(cls, name: str, options: Mapping[str, object], settings: Settings) -> Self:
        """Takes no option."""
        SandboxOptions.model_validate(options)
        return cls(name)

    async def start(self, sink: ReceiptSink) -> None:
        """Start the one task that announces whatever falls due."""
        self._announcer = asyncio.create_task(self._announce(sink), name="sms-sandbox")

    async def resume(self, open_ids: Sequence[str]) -> None:
        """Schedule the ends that were lost with the last process; those past due come at once."""
        for provider_message_id in open_ids:
            self._schedule(provider_message_id)

    async def room(self) -> int:
        """No limit."""
        return ROOM_ENOUGH

    async def submit(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Answer at once by number: …0003 refused, …0006 throttled at its first attempt."""
        return [self._submit_one(submission) for submission in batch]

    async def stop(self) -> None:
        """Forget what is not due yet: `resume` brings it back."""
        if self._announcer is not None:
            self._announcer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._announcer
        self._announcer = None

    def health(self) -> Health:
        """Up between `start` and `stop`."""
        running = self._announcer is not None and not self._announcer.done()
        return Health(running, f"{len(self._due)} receipts to come" if running else "stopped")

    def figures(self) -> Mapping[str, float]:
        """Receipts to come."""
        return {"receipts_due": len(self._due)}

    def _submit_one(self, submission: Submission) -> Outcome:
        digits = submission.recipient[-4:]
        if digits == "0003":
            return ProviderError("sandbox_rejected", "numbers ending in 0003 are refused")
        if digits == "0006" and submission.attempt == 1:
            return ProviderError("sandbox_throttled", "first attempt", throttled=True)
        ending = _ENDINGS.get(digits, _DEFAULT)
        due = clock.now() + ending.seconds * SECOND
        part = f"{submission.message_id}.{submission.part}"
        provider_message_id = f"sandbox.{ending.state}.{due}.{part}"
        self._schedule(provider_message_id)
        return Submitted(provider_message_id)

    def _schedule(self, provider_message_id: str) -> None:
        due = _due(provider_message_id)
        if due is None or provider_message_id in self._known:
            return
        self._known.add(provider_message_id)
        heapq.heappush(self._due, (due, provider_message_id))
        self._changed.set()

    async def _announce(self, sink: ReceiptSink) -> None:
        while True:
            await self._wait()
            receipts = [_receipt(self.name, due, known) for due, known in self._take_due()]
            if not receipts:
                continue
            try:
                await sink(receipts)
            except Exception:
                log.exception("receipts not stored, to be repeated", extra={"n": len(receipts)})
                await asyncio.sleep(SINK_RETRY_SECONDS)
                await self.resume([receipt.provider_message_id for receipt in receipts])

    async def _wait(self) -> None:
        seconds = (self._due[0][0] - clock.now()) / SECOND if self._due else None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        self._changed.clear()

    def _take_due(self) -> list[tuple[Instant, str]]:
        now, taken = clock.now(), []
        while self._due and self._due[0][0] <= now:
            taken.append(heapq.heappop(self._due))
        self._known.difference_update(known for _, known in taken)
        return taken


def _due(provider_message_id: str) -> Instant | None:
    match = _ID.fullmatch(provider_message_id)
    return int(match["due"]) if match else None


def _receipt(name: str, due: Instant, provider_message_id: str) -> Receipt:
    state = ReceiptState(provider_message_id.split(".", 2)[1])
    return Receipt(
        provider=name,
        provider_message_id=provider_message_id,
        state=state,
        error_code=_ERROR_CODES[state],
        at=due,
        raw=f"sandbox {state}",
    )
