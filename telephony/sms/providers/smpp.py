"""The provider `smpp`: some binds to an SMSC, kept up for as long as it is started."""

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import ClassVar, Self

from pydantic import BaseModel

from telephony.settings import Settings
from telephony.sms.providers.base import (
    Capabilities,
    Health,
    Outcome,
    ProviderError,
    Sink,
    Submission,
)
from telephony.sms.providers.smpp_bind import Bind
from telephony.sms.providers.smpp_options import BindMode, SmppOptions, UnknownOutcome
from telephony.sms.providers.smpp_outbox import Outbox
from telephony.sms.providers.smpp_session import Direction, link_down
from telephony.sms.providers.smpp_submit import SubmitWriter
from telephony.sms.providers.smpp_throttle import Throttle

_DIRECTIONS = {
    BindMode.TRANSCEIVER: (Direction.BOTH,),
    BindMode.TRANSMITTER_RECEIVER: (Direction.OUT, Direction.IN),
}


class SmppProvider:
    """All binds share what waits: a message goes out by whichever has room."""

    options: ClassVar[type[BaseModel]] = SmppOptions

    def __init__(self, options: SmppOptions, name: str = "smpp") -> None:
        self.name = name
        self.repeatable = options.unknown_outcome is UnknownOutcome.RESEND
        self.capabilities = Capabilities(options.encodings, inbound=True)
        self._options = options
        throttle = Throttle(options.messages_per_second, monotonic())
        self._outbox = Outbox(throttle, options.window)
        self._writer = SubmitWriter(options)
        self._binds: list[Bind] = []

    @classmethod
    def from_options(cls, name: str, options: Mapping[str, object], settings: Settings) -> Self:
        """ValueError with a line for each mistake in the options."""
        return cls(SmppOptions.from_mapping(options), name)

    async def start(self, sink: Sink) -> None:
        """Begin to connect; `health` tells which binds stand."""
        self._binds = [
            Bind(self._options, direction, self._outbox, self.name, sink)
            for direction in _DIRECTIONS[self._options.bind]
            for _ in range(self._options.binds)
        ]

    async def resume(self, open_ids: Sequence[str]) -> None:
        """Nothing: the SMSC keeps its receipts until they are answered."""

    async def room(self) -> int:
        """Windows and rate of all binds that stand."""
        return await self._outbox.room()

    async def submit(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Through the windows of the binds; `link_down` (retryable) while there is none."""
        if not self._outbox.takers:
            error: ProviderError = link_down(self._detail())
            return [error] * len(batch)
        return await self._outbox.push(self._writer.write(batch), len(batch)).done

    async def stop(self) -> None:
        """Drain, unbind, close; bounded by `drain_seconds` and some."""
        binds, self._binds = self._binds, []
        await asyncio.gather(*(bind.stop() for bind in binds))

    def health(self) -> Health:
        """Up while one bind stands that can submit; the detail says which do not, and why."""
        options, binds = self._options, self._binds
        standing = [bind.session for bind in binds if bind.session and bind.session.up]
        if not self._outbox.takers:
            return Health(False, self._detail())
        used = sum(session.window.in_use for session in standing)
        size = options.window * len(self._outbox.takers)
        detail = f"bound to {options.host}:{options.port}, window {used}/{size}"
        if len(standing) < len(binds):
            detail += f", {len(standing)} of {len(binds)} binds: {self._detail()}"
        return Health(True, detail)

    def figures(self) -> Mapping[str, float]:
        """Counts by kind, and what the windows and the rate are now."""
        sessions, rate = [bind.session for bind in self._binds if bind.session], self._outbox.rate
        return {
            **self._outbox.counts,
            "binds": len(sessions),
            "window_in_use": sum(session.window.in_use for session in sessions),
            "latency_ms": self._outbox.latency_seconds * 1000,
            **({"messages_per_second_max": rate} if rate else {}),
        }

    def _detail(self) -> str:
        """Why a bind does not stand."""
        if not self._binds:
            return "stopped"
        return next((bind.detail for bind in self._binds if bind.session is None), "")
