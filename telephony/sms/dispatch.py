"""Carries queued messages to a provider: claimed, submitted with no transaction open, recorded."""

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from db import message_queue, receipts, sms_providers
from db.connection import Conn, Row
from db.database import Database
from db.outgoing import Outgoing
from telephony import metrics, traces
from telephony.clock import SECOND, Instant, now
from telephony.logs import bound
from telephony.outgoing import is_stopped
from telephony.queue import drain, unbroken
from telephony.sms import segments
from telephony.sms.alphabets import Encoding
from telephony.sms.breaker import Breaker
from telephony.sms.failover import hand_over
from telephony.sms.inbound import receive
from telephony.sms.outcomes import Try, give_back, record, sweep
from telephony.sms.providers.base import (
    Inbound,
    Outcome,
    Provider,
    ProviderError,
    Receipt,
    Report,
    Submission,
    Submitted,
)
from telephony.sms.receipts import take
from telephony.sms.routes import SANDBOX
from telephony.sms.send import CHANNEL
from telephony.traces import Kind

_CODES = metrics.Bounded()
log = logging.getLogger(__name__)

BATCH_MAX = 100
BATCHES_MAX = 8
"""Batches that wait for answers at once."""
ROOM_SECONDS = 1.0
LEASE_SECONDS = 120
SWEEP_SECONDS = 5.0


class Dispatcher:
    """Serves one provider; several may run, in one process or in many."""

    def __init__(self, db: Database, provider: Provider) -> None:
        self._db = db
        self._provider = provider
        self._breaker = Breaker()
        self._slots = asyncio.Semaphore(BATCHES_MAX)
        self._carried: set[asyncio.Task[None]] = set()
        self._after = ""
        self._stopping = False

    async def run(self) -> None:
        """Work until cancelled; then the provider is stopped in good order, and what it has not
        sent is left to others."""
        await self._provider.start(self._take)
        try:
            await self._provider.resume(await self._db.write(_open_ids, self._provider.name))
            async with asyncio.TaskGroup() as group:  # it ends after a claim that is under way
                group.create_task(drain(self._db, CHANNEL, self._launch))
                group.create_task(drain(self._db, "sms-sweep", self._sweep, SWEEP_SECONDS))
        finally:
            self._stopping = True
            with suppress(Exception):
                await self._provider.stop()
            await asyncio.gather(*self._carried, return_exceptions=True)

    async def step(self) -> int:
        """Claim and submit one batch, and record what came of it; how many messages it had."""
        rows = await self._claim(BATCH_MAX)
        if rows:
            await self._carry(rows)
        return len(rows)

    async def _launch(self) -> int:
        """The same without waiting for the answers: one that is late must not hold up others."""
        if not self._provider.health().up or self._breaker.resting(now()):
            return await self._db.write(hand_over, self._provider.name, now())
        try:
            async with asyncio.timeout(ROOM_SECONDS):
                room = await self._provider.room()
                await self._slots.acquire()
        except TimeoutError:
            return 1  # look again whether it is up
        try:
            rows = await unbroken(self._begin(min(room, BATCH_MAX)))
        except Exception:
            self._slots.release()
            raise
        if not rows:
            self._slots.release()
        return rows

    async def _begin(self, limit: int) -> int:
        rows = await self._claim(limit)
        if rows:
            task = asyncio.create_task(self._carry(rows), name=f"sms-{self._provider.name}")
            self._carried.add(task)
            task.add_done_callback(self._done)
        return len(rows)

    async def _claim(self, limit: int) -> list[Row]:
        token, at = secrets.token_hex(8), now()
        rows = await self._db.write(
            claim, self._provider.name, token, at, at + LEASE_SECONDS * SECOND, limit,
            self._after,
        )  # fmt: skip
        self._after = max((row["account_id"] for row in rows), default="")
        return rows

    async def _carry(self, rows: list[Row]) -> None:
        provider, begun = self._provider, now()
        with metrics.PROVIDER_SECONDS.labels(provider.name).time():
            outcomes = await provider.submit([one for row in rows for one in cut(row)])
        count(provider.name, outcomes)
        self._breaker.note(outcomes, now())
        left = iter(outcomes)
        tries = [Try(row, [next(left) for _ in range(row["segments"])]) for row in rows]
        for done in tries:
            _tell(done, begun)
        if self._stopping and (unsent := [one.message for one in tries if _unsent(one.outcomes)]):
            await self._db.write(give_back, unsent, now())
            tries = [one for one in tries if not _unsent(one.outcomes)]
        await self._db.write(record, provider.name, tries, now(), provider.repeatable)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._carried.discard(task)
        self._slots.release()
        if not task.cancelled() and (error := task.exception()):
            log.error("a batch of %s is not recorded", self._provider.name, exc_info=error)

    async def _take(self, batch: Sequence[Report]) -> None:
        """Both in the order in which they came, each in one transaction."""
        receipts = [one for one in batch if isinstance(one, Receipt)]
        messages = [one for one in batch if isinstance(one, Inbound)]
        for receipt in receipts:
            metrics.PROVIDER_RECEIPTS.labels(receipt.provider, receipt.state).inc()
        if receipts:
            await self._db.write(take, receipts, now())
        for message in messages:
            metrics.PROVIDER_INBOUND.labels(message.provider).inc()
        if messages:
            await self._db.write(receive, messages, now())

    async def _sweep(self) -> int:
        await self._db.write(sweep, self._provider.name, self._provider.repeatable, now())
        return 0


def claim(
    conn: Conn, provider: str, token: str, at: Instant, until: Instant, limit: int, after: str
) -> list[Row]:
    """But for what never leaves: nothing while the kill switch is on, and nothing for a provider
    that is disabled, whose messages go on to others where they can."""
    if provider != SANDBOX:
        if is_stopped(conn, Outgoing.messages):
            return []
        if sms_providers.is_disabled(conn, provider):
            if hand_over(conn, provider, at):
                conn.wake(CHANNEL)
            return []
    return message_queue.claim(conn, provider, token, at, until, limit, after)


def count(provider: str, outcomes: Sequence[Outcome]) -> None:
    """Count what a provider said of parts of messages."""
    for told, n in Counter(map(_told, outcomes)).items():
        metrics.PROVIDER_PARTS.labels(provider, told).inc(n)
    errors = [one.code for one in outcomes if isinstance(one, ProviderError)]
    for code, n in Counter(errors).items():
        metrics.PROVIDER_REFUSALS.labels(provider, _CODES(code)).inc(n)


def _told(outcome: Outcome) -> str:
    if isinstance(outcome, Submitted):
        return "submitted"
    if outcome.outcome_unknown:
        return "unknown"
    return "throttled" if outcome.throttled else "rejected"


def _tell(done: Try, begun: Instant) -> None:
    message = done.message
    codes = sorted({one.code for one in done.outcomes if isinstance(one, ProviderError)})
    if codes:
        with bound(request_id=message["request_id"], message_id=message["id"]):
            log.info("not taken by %s: %s", message["provider"], ", ".join(codes))
    traces.note(
        "submit message", Kind.client, message["request_id"], begun, now(),
        {"sms_voip.message_id": message["id"], "sms_voip.provider": message["provider"],
         "sms_voip.segments": message["segments"], "error": ", ".join(codes) or None},
    )  # fmt: skip


def _unsent(outcomes: Sequence[Outcome]) -> bool:
    """Nothing of the message went out, nor was it refused for good."""
    return all(isinstance(one, ProviderError) and one.retryable for one in outcomes)


def cut(message: Row) -> list[Submission]:
    """One submission for each part of a message."""
    parts = segments.split_as(message["body"], Encoding(message["encoding"])).parts
    return [
        Submission(
            message_id=message["id"], part=number, parts=len(parts), text=text,
            sender=message["from_number"], recipient=message["to_number"],
            encoding=Encoding(message["encoding"]), reference=hash_reference(message["id"]),
            attempt=message["attempts"],
            validity_seconds=validity_of(message),
        )
        for number, text in enumerate(parts, 1)
    ]  # fmt: skip


def hash_reference(message_id: str) -> int:
    """0 … 255, from the random end of the id: what joins the parts at the phone."""
    return sum(message_id.encode()) % 256


def validity_of(message: Row) -> int:
    """Seconds that the customer gave a message from its start on."""
    start = message["send_at"] or message["created_at"]
    return int((message["expires_at"] - start) // SECOND)


def _open_ids(conn: Conn, provider: str) -> list[str]:
    return [row["provider_message_id"] for row in receipts.open_parts(conn, provider)]
