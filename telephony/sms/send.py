"""Accepts messages: priced, paid for by holds, queued; all in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from db import messages
from db.connection import Conn, Row
from db.message_queue import Lane
from db.messages import MessageStatus
from db.outgoing import Outgoing
from telephony.billing import holds
from telephony.billing.holds import Wanted
from telephony.clock import SECOND, Instant
from telephony.errors import (
    MessageNotCancelableError,
    NotFoundError,
    OutgoingStoppedError,
    Problem,
)
from telephony.money import Micros
from telephony.outgoing import is_stopped
from telephony.settings import Settings
from telephony.sms.drafts import Draft, Ready, Sender, ready, sender_of, velocity_of
from telephony.sms.pacing import take_turns

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
    (became,) = send_all(conn, settings, account_id=account_id, mode=mode, key_id=key_id,
                         drafts=[draft], lane=Lane.single, now=now)  # fmt: skip
    if isinstance(became, Problem):
        raise became
    return became


def send_all(
    conn: Conn, settings: Settings, *, account_id: str, mode: str, key_id: str,
    drafts: Sequence[Draft], lane: Lane, now: Instant,
) -> list[Accepted | Problem]:  # fmt: skip
    """Queue or schedule messages of one key; what became of each, in order. Funds that do not
    cover all cover the first ones, and nothing is left of what is refused."""
    if mode == "live" and is_stopped(conn, Outgoing.messages):
        return [OutgoingStoppedError() for _ in drafts]
    who = sender_of(conn, settings, account_id, mode, key_id)
    found = ready(conn, settings, who, drafts, lane, now)
    made = [one for one in found if isinstance(one, Ready)]
    refused = _pay(conn, settings, who, made, now)
    paid = [one for one in made if one.row["id"] not in refused]
    stored = iter(_store(conn, settings, who, paid, now))
    return [
        refused.get(one.row["id"]) or next(stored) if isinstance(one, Ready) else one
        for one in found
    ]


def _pay(
    conn: Conn, settings: Settings, who: Sender, made: Sequence[Ready], now: Instant
) -> dict[str, Problem]:
    """The ids of those that are not paid for, and why."""
    if not made:
        return {}
    refused = holds.place_many(conn, who.account_id, who.mode, "wallet", _wanted(made), now=now,
                               key_id=who.key_id)  # fmt: skip
    if refused:
        unpaid = [one.row["to_number"] for one in made if one.row["id"] in refused]
        velocity_of(settings, who, now).take_back(conn, unpaid)
    return refused


def _wanted(made: Sequence[Ready]) -> list[Wanted]:
    return [
        Wanted(one.row["id"], one.row["cost"], one.row["expires_at"] + HOLD_GRACE_SECONDS * SECOND)
        for one in made
    ]


def _store(
    conn: Conn, settings: Settings, who: Sender, made: Sequence[Ready], now: Instant
) -> list[Accepted]:  # fmt: skip
    queued = [one.row for one in made if one.row["status"] == MessageStatus.queued]
    turns = take_turns(conn, settings, queued, who.per_second, now)
    for row, turn in zip(queued, turns, strict=True):
        row["next_attempt_at"] = turn
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
