"""Writes what came of submissions: the states of messages, their charges, what is told."""

from collections.abc import Iterable
from dataclasses import dataclass

from db import message_queue, messages, receipts
from db.connection import Conn, Row
from db.messages import MessageStatus
from telephony.billing import holds
from telephony.billing.captures import Charge, capture_all
from telephony.clock import SECOND, Instant
from telephony.queue import jittered
from telephony.sms.failover import elsewhere, first_tried, tried_with
from telephony.sms.providers.base import Outcome, ProviderError, Submitted
from telephony.sms.receipts import match_early, match_unanswered, one_at_a_time, report, taken
from telephony.sms.send import CHANNEL

RETRY_SECONDS = (1, 2, 5, 15, 60, 300)


@dataclass(frozen=True)
class Try:
    """A claimed message with what the provider said of each of its parts."""

    message: Row
    outcomes: list[Outcome]


def record(
    conn: Conn, provider: str, tries: list[Try], at: Instant, repeatable: bool = False
) -> None:
    """Write what came of a batch: sent and charged, back to the queue, on to another provider,
    failed, or unknown."""
    one_at_a_time(conn, provider)
    _all_sent(conn, provider, [done for done in tries if _taken_whole(done)], at)
    for done in tries:
        if _taken_whole(done):
            continue
        accepted = [outcome for outcome in done.outcomes if isinstance(outcome, Submitted)]
        errors = [outcome for outcome in done.outcomes if isinstance(outcome, ProviderError)]
        unsure = not repeatable and any(error.outcome_unknown for error in errors)
        if accepted and unsure:
            _unsure(conn, provider, done, errors, at)
        elif accepted:
            _sent(conn, provider, done, errors, at)
        else:
            _not_sent(conn, provider, done, errors, repeatable, at)


def _taken_whole(done: Try) -> bool:
    return all(isinstance(outcome, Submitted) for outcome in done.outcomes)


def _all_sent(conn: Conn, provider: str, tries: list[Try], at: Instant) -> None:
    """What `_sent` does, for messages of which every part was accepted."""
    rows = messages.all_sent(conn, [done.message["id"] for done in tries], at)
    capture_all(conn, [Charge(row["id"], row["mode"], row["cost"], at) for row in rows])
    report(conn, rows, at)
    moved = {row["id"] for row in rows}
    names = [
        (done.message["id"], part, outcome.provider_message_id)
        for done in tries if done.message["id"] in moved
        for part, outcome in enumerate(done.outcomes, 1) if isinstance(outcome, Submitted)
    ]  # fmt: skip
    receipts.add_parts(conn, provider, names)
    match_early(conn, provider, [name for _, _, name in names], at)


def _not_sent(
    conn: Conn, provider: str, done: Try, errors: list[ProviderError], repeatable: bool,
    at: Instant,
) -> None:  # fmt: skip
    """What may have been taken is nobody else's; the rest goes on to the next provider, and only
    where none is left, back to the queue for later or to its end."""
    message, unknown = done.message, any(error.outcome_unknown for error in errors)
    if unknown and not repeatable:
        _unsure(conn, provider, done, errors, at)
    elif not unknown and (other := elsewhere(conn, message)):
        _over(conn, message, other, errors[0], at)
    elif unknown or all(error.retryable for error in errors):
        _again(conn, message, errors[0], at)
    else:
        _failed(conn, message, errors[0], at)


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
    report(conn, [row], at)
    _note_parts(conn, provider, done, at, enumerate(done.outcomes, 1))


def _note_parts(
    conn: Conn, provider: str, done: Try, at: Instant, outcomes: Iterable[tuple[int, Outcome]]
) -> None:
    """Keep what became of each part; receipts may have come before."""
    message_id, names = done.message["id"], []
    for part, outcome in outcomes:
        if isinstance(outcome, Submitted):
            names.append((message_id, part, outcome.provider_message_id))
        else:
            receipts.add_refused(conn, message_id, part, provider, outcome.code)
    receipts.add_parts(conn, provider, names)
    match_early(conn, provider, [name for _, _, name in names], at)


def _unsure(conn: Conn, provider: str, done: Try, errors: list[ProviderError], at: Instant) -> None:
    """Nothing is charged before the outcome of every part is proven, or its validity over."""
    error = next(error for error in errors if error.outcome_unknown)
    row = _unknown(conn, done.message, error, at)
    if row:
        known = [
            (part, outcome)
            for part, outcome in enumerate(done.outcomes, 1)
            if isinstance(outcome, Submitted) or not outcome.outcome_unknown
        ]
        _note_parts(conn, provider, done, at, known)
        match_unanswered(conn, row, at)


def _unknown(conn: Conn, message: Row, error: ProviderError, at: Instant) -> Row | None:
    return messages.go(
        conn, message["id"], MessageStatus.unknown, at, str(error), error_code=error.code
    )


def _again(conn: Conn, message: Row, error: ProviderError, at: Instant) -> None:
    """Later, from the first choice on."""
    step = min(message["attempts"], len(RETRY_SECONDS)) - 1
    due = at + int(jittered(RETRY_SECONDS[step]) * SECOND)
    first = first_tried(message)
    messages.go(conn, message["id"], MessageStatus.queued, at, str(error), next_attempt_at=due,
                lease_token=None, provider=first, tried="")  # fmt: skip


def _over(conn: Conn, message: Row, other: str, error: ProviderError, at: Instant) -> None:
    detail = f"{message['provider']}: {error}"
    messages.go(conn, message["id"], MessageStatus.queued, at, detail, next_attempt_at=at,
                lease_token=None, provider=other, tried=tried_with(message))  # fmt: skip
    conn.wake(CHANNEL)


def _failed(conn: Conn, message: Row, error: ProviderError, at: Instant) -> None:
    _refund(conn, message, MessageStatus.failed, error.code, at, str(error))


def _refund(
    conn: Conn, message: Row, target: MessageStatus, code: str, at: Instant, detail: str = ""
) -> None:
    row = messages.go(conn, message["id"], target, at, detail, error_code=code, cost=0)
    if row:
        holds.release(conn, message["id"], message["mode"], at)
        report(conn, [row], at)


def give_back(conn: Conn, unsent: list[Row], at: Instant) -> None:
    """Leave claimed messages to another process, which takes them at once."""
    ids, token = [message["id"] for message in unsent], unsent[0]["lease_token"]
    message_queue.give_back(conn, ids, token, at, "the sender was stopped before it was sent")
    conn.wake(CHANNEL)


def sweep(conn: Conn, provider: str, repeatable: bool, at: Instant) -> None:
    """End what waits in vain: a claim of the provider whose taker died is of unknown outcome, or
    made again where that does no harm; what was not sent within its validity period has expired
    and costs nothing."""
    one_at_a_time(conn, provider)
    lost = ProviderError("sender_lost", "the process died while sending", outcome_unknown=True)
    for message in message_queue.leases_run_out(conn, provider, at):
        if repeatable:
            _again(conn, message, lost, at)
        elif row := _unknown(conn, message, lost, at):
            match_unanswered(conn, row, at)
    for message in message_queue.past_validity(conn, at):
        _expire(conn, message, at)


def _expire(conn: Conn, message: Row, at: Instant) -> None:
    """What is known to have been taken is charged, though the rest never will be known."""
    known = receipts.parts(conn, [message["id"]]) if message["status"] == "unknown" else []
    cost = message["price_per_segment"] * taken(known)
    if not cost:
        _refund(conn, message, MessageStatus.expired, "validity_expired", at)
        return
    facts = {"error_code": "validity_expired", "cost": cost}
    row = messages.go(conn, message["id"], MessageStatus.expired, at, "", **facts)
    if row:
        holds.capture(conn, message["id"], message["mode"], cost, at)
        report(conn, [row], at)
