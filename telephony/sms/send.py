"""Accepts messages: priced, paid for by holds, queued; all in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from db import messages
from db.connection import Conn, Row
from db.message_queue import Lane
from db.messages import MessageStatus
from telephony.billing import holds
from telephony.billing.holds import Wanted
from telephony.clock import SECOND, Instant
from telephony.errors import MessageNotCancelableError, NotFoundError, Problem
from telephony.money import Micros
from telephony.settings import Settings
from telephony.sms.drafts import Draft, Ready, Sender, ready, sender_of
from telephony.sms.pacing import take_turn

CHANNEL = "sms"
HOLD_GRACE_SECONDS = 24 * 3600
"""The sweep of expired messages returns their money; the hold ends by itself if it never runs."""


@dataclass(frozen=True)
class Accepted:
    """A queued or scheduled message and what is held for it."""

    message_id: str
    status: str
    sender: str
    encoding: str
    segments: int
    smart_encoded: bool
    cost: Micros
    currency: str


def send(
    conn: Conn, settings: Settings, *, account_id: str, mode: str, key_id: str, draft: Draft,
    now: Instant,
) -> Accepted:  # fmt: skip
    """Queue or schedule a message; raises InsufficientFundsError and the errors of `ready`, and
    then holds nothing."""
    who = sender_of(conn, settings, account_id, mode, key_id)
    made = ready(conn, settings, who, draft, Lane.single, now)
    (wanted,) = _wanted([made])
    holds.place(conn, account_id, mode, "wallet", wanted.amount, reference=wanted.reference,
                now=now, key_id=key_id, expires_at=wanted.expires_at)  # fmt: skip
    return _store(conn, settings, who, [made])[0]


def send_batch(
    conn: Conn, settings: Settings, *, account_id: str, mode: str, key_id: str,
    drafts: Sequence[Draft | None], now: Instant,
) -> list[Accepted | Problem | None]:  # fmt: skip
    """Queue or schedule many messages; what became of each, in order. None stays None: it was
    refused before. Funds that do not cover all cover the first ones."""
    who = sender_of(conn, settings, account_id, mode, key_id)
    found = [_try(conn, settings, who, draft, now) for draft in drafts]
    made = [one for one in found if isinstance(one, Ready)]
    refused = holds.place_many(conn, account_id, mode, "wallet", _wanted(made), now=now,
                               key_id=key_id)  # fmt: skip
    paid = [one for one in made if one.row["id"] not in refused]
    stored = iter(_store(conn, settings, who, paid))
    return [
        refused.get(one.row["id"]) or next(stored) if isinstance(one, Ready) else one
        for one in found
    ]


def _try(
    conn: Conn, settings: Settings, who: Sender, draft: Draft | None, now: Instant
) -> Ready | Problem | None:
    if draft is None:
        return None
    try:
        return ready(conn, settings, who, draft, Lane.bulk, now)
    except Problem as problem:
        return problem


def _wanted(made: Sequence[Ready]) -> list[Wanted]:
    return [
        Wanted(one.row["id"], one.row["cost"], one.row["expires_at"] + HOLD_GRACE_SECONDS * SECOND)
        for one in made
    ]


def _store(conn: Conn, settings: Settings, who: Sender, made: Sequence[Ready]) -> list[Accepted]:
    for row in (one.row for one in made if one.row["status"] == MessageStatus.queued):
        row["next_attempt_at"] = take_turn(
            conn, settings, row, who.per_second, row["next_attempt_at"]
        )
    if made:
        messages.add_all(conn, [one.row for one in made])
        conn.wake(CHANNEL)
    return [_accepted(one.row, one.smart_encoded) for one in made]


def _accepted(row: Row, smart_encoded: bool) -> Accepted:
    return Accepted(
        row["id"], row["status"], row["from_number"], row["encoding"], row["segments"],
        smart_encoded, row["cost"], row["currency"],
    )  # fmt: skip


def cancel(conn: Conn, *, account_id: str, mode: str, message_id: str, now: Instant) -> Row:
    """End a message that nobody has begun to send, and return its money; raises NotFoundError and
    MessageNotCancelableError."""
    found = messages.one(conn, account_id, mode, message_id)
    if found is None:
        raise NotFoundError("There is no such message.")
    row = messages.go(conn, message_id, MessageStatus.canceled, now, cost=0)
    if row is None:
        raise MessageNotCancelableError(f"The message is {found['status']} already.")
    holds.release(conn, message_id, mode, now)
    return row
