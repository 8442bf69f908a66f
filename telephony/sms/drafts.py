"""What a customer wants sent, and whether it may be: checked, priced, cut into parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ParamSpec, TypeVar

from db import sms_accounts
from db.connection import Conn, Row
from db.ids import new_id
from db.message_queue import Lane
from telephony.billing import rating
from telephony.billing.rating import Rate, above
from telephony.billing.wallets import just_short
from telephony.clock import SECOND, Instant
from telephony.errors import (
    DestinationNotAllowedError,
    Problem,
    RecipientOptedOutError,
    ValidationFailedError,
)
from telephony.money import Micros, shown
from telephony.settings import Settings
from telephony.sms import lookalikes, segments
from telephony.sms.alphabets import Encoding
from telephony.sms.routes import Way, ways
from telephony.sms.segments import Segmented
from telephony.sms.senders import senders_for
from telephony.sms.velocity import Velocity

P = ParamSpec("P")
T = TypeVar("T")

VALIDITY_SECONDS_DEFAULT = 48 * 3600
SCHEDULE_SECONDS_MAX = 30 * 86400


@dataclass(frozen=True)
class Draft:
    """What a customer wants sent; numbers are E.164, `sender` empty for the default one,
    `smart_encoding` None for what the account has set. `despite_opt_out` is for what tells a
    recipient that the opt-out was heard."""

    to: str
    text: str
    sender: str = ""
    callback_url: str | None = None
    reference: str | None = None
    validity_seconds: int = VALIDITY_SECONDS_DEFAULT
    max_price: Micros | None = None
    send_at: Instant | None = None
    smart_encoding: bool | None = None
    despite_opt_out: bool = False
    request_id: str | None = None


@dataclass(frozen=True)
class Sender:
    """Who sends, and what the account has set."""

    account_id: str
    mode: str
    key_id: str
    default_sender: str
    smart_encoding: bool
    per_minute: int | None
    per_second: int | None


@dataclass(frozen=True)
class Ready:
    """A message that may be sent: its row, and whether look-alikes were put in."""

    row: Row
    smart_encoded: bool


def sender_of(
    conn: Conn, settings: Settings, account_id: str, mode: str, key_id: str
) -> Sender:  # fmt: skip
    """What the account has set, else what the platform has."""
    row = sms_accounts.settings_of(conn, account_id) or {}
    smart = row.get("smart_encoding")
    return Sender(
        account_id, mode, key_id, row.get("default_sender", ""),
        settings.sms_smart_encoding if smart is None else bool(smart), row.get("per_minute"),
        row.get("per_second"),
    )  # fmt: skip


def ready(
    conn: Conn, settings: Settings, who: Sender, drafts: Sequence[Draft], lane: Lane, now: Instant
) -> list[Ready | Problem]:
    """The rows of messages, not stored yet, or the 400 and 403 errors; in the order of the
    drafts. What they need of the database is looked up for all of them at once."""
    sender_for = senders_for(conn, settings, who.account_id, who.mode, who.default_sender)
    begun = [_attempt(_begin, conn, who, draft, sender_for, now) for draft in drafts]
    good = [one for one in begun if isinstance(one, Begun)]
    facts = _look_up(conn, settings, who, good, now)
    made = [
        _attempt(_made, settings, who, facts, one, lane, now) if isinstance(one, Begun) else one
        for one in begun
    ]
    return _screened(conn, velocity_of(settings, who, now), made)


def _attempt(make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | Problem:
    try:
        return make(*args, **kwargs)
    except Problem as problem:
        return problem


@dataclass(frozen=True, slots=True)
class Begun:
    """A draft with its sender and the instant from which it may go."""

    draft: Draft
    sender: str
    at: Instant


def _begin(
    conn: Conn, who: Sender, draft: Draft, sender_for: Callable[[str, str], str], now: Instant
) -> Begun:
    if who.mode == "test":
        _magic(conn, who.account_id, draft.to)
    at = _start(draft.send_at, now)
    return Begun(draft, sender_for(draft.sender, draft.to), at)


@dataclass(frozen=True)
class Facts:
    """What is stored that matters to some messages."""

    opted_out: set[tuple[str, str]]
    ways: Callable[[str, str], list[Way]]
    rates: dict[str, Rate]


def _look_up(
    conn: Conn, settings: Settings, who: Sender, begun: Sequence[Begun], now: Instant
) -> Facts:
    senders, numbers = {one.sender for one in begun}, {one.draft.to for one in begun}
    return Facts(
        sms_accounts.opted_out_of(conn, who.account_id, who.mode, senders, numbers),
        ways(conn, settings, mode=who.mode, account_id=who.account_id,
             messages=[(one.sender, one.draft.to) for one in begun]),
        rating.rates_for(conn, who.account_id, numbers, now),
    )  # fmt: skip


def _made(
    settings: Settings, who: Sender, facts: Facts, begun: Begun, lane: Lane, now: Instant
) -> Ready:  # fmt: skip
    draft, sender = begun.draft, begun.sender
    if (sender, draft.to) in facts.opted_out and not draft.despite_opt_out:
        raise RecipientOptedOutError(f"{draft.to} answered STOP to {sender}.")
    found = facts.ways(sender, draft.to)
    if not found:
        raise DestinationNotAllowedError("No provider carries live SMS here yet. Use a test key.")
    smart = who.smart_encoding if draft.smart_encoding is None else draft.smart_encoding
    text, cut = _cut(draft.text, smart, found[0].encodings, settings.sms_parts_max)
    rate = _affordable(facts.rates.get(draft.to), draft, cut.count)
    row = _row(who, begun, rate, cut, lane, now) | {"body": text, "provider": found[0].provider}
    return Ready(row, text != draft.text)


def velocity_of(settings: Settings, who: Sender, now: Instant) -> Velocity:
    """The guards against floods of what somebody sends at an instant."""
    return Velocity(settings, who.account_id, who.mode, who.per_minute, now)


def _screened(
    conn: Conn, velocity: Velocity, made: Sequence[Ready | Problem]
) -> list[Ready | Problem]:
    good = [one for one in made if isinstance(one, Ready)]
    refused = velocity.screen(conn, [one.row["to_number"] for one in good])
    places = iter(range(len(good)))
    return [refused.get(next(places), one) if isinstance(one, Ready) else one for one in made]


def _row(
    who: Sender, begun: Begun, rate: Rate, cut: Segmented, lane: Lane, now: Instant
) -> Row:  # fmt: skip
    draft = begun.draft
    return {
        "id": new_id("msg"), "account_id": who.account_id, "key_id": who.key_id, "mode": who.mode,
        "status": "queued" if draft.send_at is None else "scheduled", "to_number": draft.to,
        "from_number": begun.sender, "encoding": cut.encoding, "segments": cut.count,
        "currency": rate.currency, "price_per_segment": rate.sms_per_segment,
        "cost": rate.sms_per_segment * cut.count, "callback_url": draft.callback_url,
        "reference": draft.reference, "request_id": draft.request_id, "tried": "",
        "lane": lane, "send_at": draft.send_at,
        "created_at": now, "attempts": 0, "next_attempt_at": begun.at,
        "expires_at": begun.at + draft.validity_seconds * SECOND,
    }  # fmt: skip


def _affordable(rate: Rate | None, draft: Draft, parts: int) -> Rate:
    if rate is None:
        raise rating.no_price(draft.to)
    cost = rate.sms_per_segment * parts
    if draft.max_price is not None and cost > draft.max_price:
        raise above("max_price", f"The message costs {shown(cost, rate.currency)}.")
    return rate


def _start(send_at: Instant | None, now: Instant) -> Instant:
    if send_at is None:
        return now
    if not now < send_at <= now + SCHEDULE_SECONDS_MAX * SECOND:
        raise _wrong("send_at", "out_of_range", "send_at lies within the next 30 days.")
    return send_at


def _cut(
    text: str, smart: bool, encodings: frozenset[Encoding], parts_max: int
) -> tuple[str, Segmented]:
    sent, cut = as_sent(text, smart, encodings)
    if cut.count > parts_max:
        message = f"The text needs {cut.count} parts; {parts_max} is the most."
        raise _wrong("text", "too_many_parts", message)
    return sent, cut


@lru_cache(maxsize=64)
def as_sent(text: str, smart: bool, encodings: frozenset[Encoding]) -> tuple[str, Segmented]:
    """The text, perhaps with look-alikes, and its parts; cached, since a batch often has one text
    for all."""
    if smart:
        return lookalikes.split_smart(text, encodings)
    return text, segments.split(text, encodings)


def _wrong(field: str, code: str, message: str) -> ValidationFailedError:
    return ValidationFailedError(
        message, errors=[{"field": field, "code": code, "message": message}]
    )


def _magic(conn: Conn, account_id: str, to: str) -> None:
    """Test mode's numbers that are refused at the door; the sandbox provider knows the others."""
    if to.endswith("0010"):
        raise just_short(conn, account_id, "test", "wallet")
    if to.endswith("0011"):
        raise RecipientOptedOutError


def duplicates(drafts: Sequence[Draft | None]) -> dict[int, int]:
    """Place → place of the first draft of the batch with the same text to the same number."""
    first: dict[tuple[str, str, str], int] = {}
    found: dict[int, int] = {}
    for at, draft in enumerate(drafts):
        if draft is not None:
            place = first.setdefault((draft.to, draft.sender, draft.text), at)
            if place != at:
                found[at] = place
    return found
