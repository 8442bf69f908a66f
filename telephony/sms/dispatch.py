"""Carries queued messages to a provider: claimed, submitted with no transaction open, recorded."""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from db import messages, receipts
from db.connection import Conn, Row
from db.database import Database
from db.messages import MessageStatus
from telephony.billing import holds
from telephony.clock import SECOND, Instant, now
from telephony.queue import drain, jittered
from telephony.sms import segments
from telephony.sms.alphabets import Encoding
from telephony.sms.providers.base import (
    Outcome,
    Provider,
    ProviderError,
    Receipt,
    Report,
    Submission,
    Submitted,
)
from telephony.sms.receipts import match_early, one_at_a_time, report, take
from telephony.sms.send import CHANNEL

BATCH_MAX = 100
LEASE_SECONDS = 120
RETRY_SECONDS = (1, 2, 5, 15, 60, 300)
SWEEP_SECONDS = 5.0


@dataclass(frozen=True)
class Try:
    """A claimed message with what the provider said of each of its parts."""

    message: Row
    outcomes: list[Outcome]


class Dispatcher:
    """Serves one provider; several may run, in one process or in many."""

    def __init__(self, db: Database, provider: Provider) -> None:
        self._db = db
        self._provider = provider

    async def run(self) -> None:
        """Work until cancelled; then the provider is stopped in good order."""
        await self._provider.start(self._take)
        try:
            await self._provider.resume(await self._db.write(_open_ids, self._provider.name))
            await asyncio.gather(
                drain(self._db, CHANNEL, self.step),
                drain(self._db, "sms-sweep", self._sweep, SWEEP_SECONDS),
            )
        finally:
            with suppress(Exception):
                await self._provider.stop()

    async def step(self) -> int:
        """Claim and submit one batch; how many messages it had."""
        token, at = secrets.token_hex(8), now()
        rows = await self._db.write(
            messages.claim, self._provider.name, token, at, at + LEASE_SECONDS * SECOND, BATCH_MAX
        )
        if rows:
            submissions = [submission for row in rows for submission in cut(row)]
            outcomes = iter(await self._provider.submit(submissions))
            tries = [Try(row, [next(outcomes) for _ in range(row["segments"])]) for row in rows]
            await self._db.write(record, self._provider.name, tries, now())
        return len(rows)

    async def _take(self, batch: Sequence[Report]) -> None:
        receipts = [one for one in batch if isinstance(one, Receipt)]
        if len(receipts) < len(batch):
            raise NotImplementedError("inbound messages have no place yet")
        await self._db.write(take, receipts, now())

    async def _sweep(self) -> int:
        await self._db.write(sweep, self._provider.name, self._provider.repeatable, now())
        return 0


def cut(message: Row) -> list[Submission]:
    """One submission for each part of a message."""
    parts = segments.split_as(message["body"], Encoding(message["encoding"])).parts
    return [
        Submission(
            message_id=message["id"], part=number, parts=len(parts), text=text,
            sender=message["from_number"], recipient=message["to_number"],
            encoding=Encoding(message["encoding"]), reference=hash_reference(message["id"]),
            attempt=message["attempts"],
            validity_seconds=(message["expires_at"] - message["created_at"]) // SECOND,
        )
        for number, text in enumerate(parts, 1)
    ]  # fmt: skip


def hash_reference(message_id: str) -> int:
    """0 … 255, from the random end of the id: what joins the parts at the phone."""
    return sum(message_id.encode()) % 256


def record(conn: Conn, provider: str, tries: list[Try], at: Instant) -> None:
    """Write what came of a batch: sent and charged, back to the queue, failed, or unknown."""
    one_at_a_time(conn, provider)
    for done in tries:
        accepted = [outcome for outcome in done.outcomes if isinstance(outcome, Submitted)]
        errors = [outcome for outcome in done.outcomes if isinstance(outcome, ProviderError)]
        if accepted:
            _sent(conn, provider, done, errors, at)
        elif any(error.outcome_unknown for error in errors):
            _unknown(conn, done.message, errors[0], at)
        elif all(error.retryable for error in errors):
            _again(conn, done.message, errors[0], at)
        else:
            _failed(conn, done.message, errors[0], at)


def _sent(conn: Conn, provider: str, done: Try, errors: list[ProviderError], at: Instant) -> None:
    """Accepted parts are charged, refused ones are not; a text with a hole cannot be repaired.
    The state is moved first: who comes too late to move it must not charge."""
    message = done.message
    taken = sum(isinstance(outcome, Submitted) for outcome in done.outcomes)
    cost = message["price_per_segment"] * taken
    row = messages.go(
        conn, message["id"], MessageStatus.sent, at, "; ".join(map(str, errors)), sent_at=at,
        cost=cost, error_code=errors[0].code if errors else None, lease_token=None,
    )  # fmt: skip
    if row is None:
        return
    holds.capture(conn, message["id"], message["mode"], cost, at)
    report(conn, row, at)
    for part, outcome in enumerate(done.outcomes, 1):
        if isinstance(outcome, Submitted):
            receipts.add_part(conn, message["id"], part, provider, outcome.provider_message_id)
        else:
            receipts.add_refused(conn, message["id"], part, provider, outcome.code)
    for outcome in done.outcomes:
        if isinstance(outcome, Submitted):
            match_early(conn, provider, outcome.provider_message_id, at)


def _unknown(conn: Conn, message: Row, error: ProviderError, at: Instant) -> None:
    messages.go(conn, message["id"], MessageStatus.unknown, at, str(error), error_code=error.code)


def _again(conn: Conn, message: Row, error: ProviderError, at: Instant) -> None:
    step = min(message["attempts"], len(RETRY_SECONDS)) - 1
    due = at + int(jittered(RETRY_SECONDS[step]) * SECOND)
    messages.go(conn, message["id"], MessageStatus.queued, at, str(error), next_attempt_at=due,
                lease_token=None)  # fmt: skip


def _failed(conn: Conn, message: Row, error: ProviderError, at: Instant) -> None:
    _refund(conn, message, MessageStatus.failed, error.code, at, str(error))


def _refund(
    conn: Conn, message: Row, target: MessageStatus, code: str, at: Instant, detail: str = ""
) -> None:
    row = messages.go(conn, message["id"], target, at, detail, error_code=code, cost=0)
    if row:
        holds.release(conn, message["id"], message["mode"], at)
        report(conn, row, at)


def sweep(conn: Conn, provider: str, repeatable: bool, at: Instant) -> None:
    """End what waits in vain: a claim of the provider whose taker died is of unknown outcome, or
    made again where that does no harm; what was not sent within its validity period has expired
    and costs nothing."""
    lost = ProviderError("sender_lost", "the process died while sending", outcome_unknown=True)
    for message in messages.leases_run_out(conn, provider, at):
        if repeatable:
            _again(conn, message, lost, at)
        else:
            _unknown(conn, message, lost, at)
    for message in messages.past_validity(conn, at):
        _refund(conn, message, MessageStatus.expired, "validity_expired", at)


def _open_ids(conn: Conn, provider: str) -> list[str]:
    return [row["provider_message_id"] for row in receipts.open_parts(conn, provider)]
