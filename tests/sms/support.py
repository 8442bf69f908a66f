"""What the provider tests share: submissions, a recording sink, waiting without long sleeps."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from telephony.sms import segments
from telephony.sms.providers.base import (
    Outcome,
    ProviderError,
    Receipt,
    Report,
    Submission,
    Submitted,
)
from telephony.sms.providers.smpp import SmppProvider
from telephony.sms.providers.smpp_options import SmppOptions
from tests.patience import PATIENCE_SECONDS


def submission(text: str = "Your code is 123456", **changes: Any) -> Submission:
    """A lone part from ACME, changed as told."""
    whole = Submission(
        message_id="msg_1",
        part=1,
        parts=1,
        sender="ACME",
        recipient="+15550109999",
        text=text,
        encoding=segments.encoding_of(text),
        reference=7,
        attempt=1,
    )
    return replace(whole, **changes)


def parts_of(text: str, **changes: Any) -> list[Submission]:
    """All parts of a text, as the dispatcher would hand them over."""
    cut = segments.split(text)
    return [
        submission(part, part=number, parts=cut.count, encoding=cut.encoding, **changes)
        for number, part in enumerate(cut.parts, start=1)
    ]


class Sink:
    """Records receipts; the first `failures` calls raise, `gate` holds calls back while clear."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.calls: list[list[Report]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, reports: Sequence[Report]) -> None:
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise RuntimeError("database is away")
        self.calls.append(list(reports))

    @property
    def reports(self) -> list[Report]:
        return [one for call in self.calls for one in call]

    @property
    def receipts(self) -> list[Receipt]:
        return [one for one in self.reports if isinstance(one, Receipt)]

    async def wait_for(self, count: int) -> list[Receipt]:
        await until(lambda: len(self.receipts) >= count)
        return self.receipts


async def until(condition: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Poll until it holds; TimeoutError if it never does."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def config(port: int, **changes: Any) -> SmppOptions:
    """A bind with deadlines short enough for tests."""
    base: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "system_id": "platform",
        "password": "secret",
        "response_seconds": 2,
        "connect_seconds": 1,
        "drain_seconds": 1,
        "reconnect_seconds_min": 0.02,
        "reconnect_seconds_max": 0.05,
    }
    return SmppOptions.from_mapping(base | changes)


@asynccontextmanager
async def bound(port: int, sink: Sink, **changes: Any) -> AsyncIterator[SmppProvider]:
    """A provider with its bind standing."""
    provider = SmppProvider(config(port, **changes))
    await provider.start(sink)
    try:
        await until(lambda: provider.health().up)
        yield provider
    finally:
        await provider.stop()


def submitted(outcome: Outcome) -> str:
    """The id of an outcome that must be good."""
    assert isinstance(outcome, Submitted), outcome
    return outcome.provider_message_id


def refused(outcome: Outcome) -> ProviderError:
    """The error of an outcome that must be bad."""
    assert isinstance(outcome, ProviderError), outcome
    return outcome
