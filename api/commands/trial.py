"""Tries a provider out: one message, and everything that is said of it."""

import asyncio
import secrets
from collections.abc import Sequence

from rich.console import Console

from telephony.sms.alphabets import Encoding
from telephony.sms.providers.base import (
    Provider,
    ProviderError,
    Receipt,
    Report,
    Submission,
    Submitted,
)

TEXT = "Test message"


async def try_out(
    provider: Provider, to: str, sender: str, seconds: float, console: Console
) -> bool:
    """Connect, send, wait for a final receipt, each at most so many seconds; False where the
    message was not taken."""
    ended = asyncio.Event()

    async def sink(reports: Sequence[Report]) -> None:
        for one in reports:
            console.print(f"report: {one}", markup=False)
            if isinstance(one, Receipt) and one.state.final:
                ended.set()

    await provider.start(sink)
    try:
        if not await _connected(provider, seconds, console):
            return False
        outcome = (await provider.submit([_submission(to, sender)]))[0]
        console.print(f"submitted: {outcome}", markup=False)
        taken = isinstance(outcome, Submitted)
        if taken and provider.capabilities.receipts:
            await _wait(ended, seconds, console)
        console.print(f"figures: {dict(provider.figures())}", markup=False)
        return taken and not isinstance(outcome, ProviderError)
    finally:
        await provider.stop()


async def _connected(provider: Provider, seconds: float, console: Console) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await provider.room()
    except TimeoutError:
        console.print(f"no link: {provider.health().detail}", style="red", markup=False)
        return False
    console.print(f"link: {provider.health().detail}", markup=False)
    can = provider.capabilities
    console.print(
        f"capabilities: {', '.join(sorted(can.encodings))};"
        f" receipts: {can.receipts}; inbound: {can.inbound}", markup=False,
    )  # fmt: skip
    return True


async def _wait(ended: asyncio.Event, seconds: float, console: Console) -> None:
    try:
        async with asyncio.timeout(seconds):
            await ended.wait()
    except TimeoutError:
        console.print(f"no final receipt within {seconds} s", style="yellow", markup=False)


def _submission(to: str, sender: str) -> Submission:
    return Submission(
        message_id=f"test_{secrets.token_hex(8)}", part=1, parts=1, sender=sender, recipient=to,
        text=TEXT, encoding=Encoding.GSM7, reference=0, attempt=1, validity_seconds=600,
    )  # fmt: skip
