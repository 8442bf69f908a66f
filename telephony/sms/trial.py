"""Tries a provider out: one message, and everything that is said of it."""

import asyncio
import secrets
from collections.abc import Callable, Sequence

from telephony.sms.alphabets import Encoding
from telephony.sms.providers.base import (
    Provider,
    Receipt,
    Report,
    Submission,
    Submitted,
)

TEXT = "Test message"
Say = Callable[[str], None]


async def try_out(
    provider: Provider, to: str, sender: str, seconds: float, say: Say
) -> bool | None:  # fmt: skip
    """Connect, send unless `to` is empty, wait for a final receipt, each at most so many seconds;
    False where there is no link or the message was not taken, None where nobody was asked. Every
    step is told by `say`."""
    ended = asyncio.Event()

    async def sink(reports: Sequence[Report]) -> None:
        for one in reports:
            say(f"report: {one}")
            if isinstance(one, Receipt) and one.state.final:
                ended.set()

    await provider.start(sink)
    try:
        if not await _connected(provider, seconds, say):
            return False
        if to:
            return await _sent(provider, _submission(to, sender), ended, seconds, say)
        if provider.capabilities.link:
            say("not tried: whether it takes a message. Name a number to send one.")
            return True
        say("not tried: address, credentials and answers. Name a number to send a message.")
        return None
    finally:
        await provider.stop()


async def _connected(provider: Provider, seconds: float, say: Say) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await provider.room()
    except TimeoutError:
        say(f"no link: {provider.health().detail}")
        return False
    can = provider.capabilities
    say(f"link: {provider.health().detail if can.link else 'none is kept, each message asks anew'}")
    say(
        f"capabilities: {', '.join(sorted(can.encodings))};"
        f" receipts: {can.receipts}; inbound: {can.inbound}"
    )
    return True


async def _sent(
    provider: Provider, submission: Submission, ended: asyncio.Event, seconds: float, say: Say
) -> bool:
    try:
        async with asyncio.timeout(seconds):
            outcome = (await provider.submit([submission]))[0]
    except TimeoutError:
        say(f"no answer within {seconds:g} s")
        return False
    say(f"submitted: {outcome}")
    taken = isinstance(outcome, Submitted)
    if taken and provider.capabilities.receipts:
        await _wait(ended, seconds, say)
    say(f"figures: {dict(provider.figures())}")
    return taken


async def _wait(ended: asyncio.Event, seconds: float, say: Say) -> None:
    try:
        async with asyncio.timeout(seconds):
            await ended.wait()
    except TimeoutError:
        say(f"no final receipt within {seconds:g} s")


def _submission(to: str, sender: str) -> Submission:
    return Submission(
        message_id=f"test_{secrets.token_hex(8)}", part=1, parts=1, sender=sender, recipient=to,
        text=TEXT, encoding=Encoding.GSM7, reference=0, attempt=1, validity_seconds=600,
    )  # fmt: skip
