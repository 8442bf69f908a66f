"""Accepts a message: priced, paid for by a hold, queued; all in the caller's transaction."""

from dataclasses import dataclass

from db import caller_ids, messages
from db.connection import Conn
from db.ids import new_id
from telephony.billing import holds, rating
from telephony.billing.wallets import available, not_enough
from telephony.clock import SECOND, Instant
from telephony.errors import (
    DestinationNotAllowedError,
    RecipientOptedOutError,
    SenderIdNotAllowedError,
    ValidationFailedError,
    above,
)
from telephony.money import Micros, shown
from telephony.settings import Settings
from telephony.sms import segments

CHANNEL = "sms"
PARTS_MAX = 10
VALIDITY_SECONDS_DEFAULT = 48 * 3600
HOLD_GRACE_SECONDS = 24 * 3600
"""The sweep of expired messages returns their money; the hold ends by itself if it never runs."""


@dataclass(frozen=True)
class Draft:
    """What a customer wants sent; numbers are E.164, `sender` empty for the default one."""

    to: str
    text: str
    sender: str = ""
    callback_url: str | None = None
    reference: str | None = None
    validity_seconds: int = VALIDITY_SECONDS_DEFAULT
    max_price: Micros | None = None


@dataclass(frozen=True)
class Accepted:
    """A queued message and what is held for it."""

    message_id: str
    sender: str
    encoding: str
    segments: int
    cost: Micros
    currency: str


def send(
    conn: Conn, settings: Settings, *, account_id: str, mode: str, key_id: str, draft: Draft,
    now: Instant,
) -> Accepted:  # fmt: skip
    """Queue a message; raises InsufficientFundsError and the 403 errors, and then holds nothing."""
    provider = provider_for(settings, mode)
    if mode == "test":
        _magic(conn, account_id, draft.to)
    sender = _sender(conn, account_id, draft.sender, settings)
    split = segments.split(draft.text)
    if split.count > PARTS_MAX:
        raise _too_long(split.count)
    rate = rating.rate_for(conn, account_id, draft.to)
    cost = rate.sms_per_segment * split.count
    if draft.max_price is not None and cost > draft.max_price:
        raise above("max_price", f"The message costs {shown(cost, rate.currency)}.")
    message_id = new_id("msg")
    expires_at = now + draft.validity_seconds * SECOND
    holds.place(
        conn, account_id, mode, "wallet", cost, reference=message_id, now=now, key_id=key_id,
        expires_at=expires_at + HOLD_GRACE_SECONDS * SECOND,
    )  # fmt: skip
    messages.add(
        conn, id=message_id, account_id=account_id, key_id=key_id, mode=mode, status="queued",
        to_number=draft.to, from_number=sender, body=draft.text, encoding=split.encoding,
        segments=split.count, price_per_segment=rate.sms_per_segment, cost=cost,
        currency=rate.currency, callback_url=draft.callback_url, reference=draft.reference,
        provider=provider, created_at=now, next_attempt_at=now, attempts=0,
        expires_at=expires_at,
    )  # fmt: skip
    conn.wake(CHANNEL)
    return Accepted(message_id, sender, split.encoding, split.count, cost, rate.currency)


def provider_for(settings: Settings, mode: str) -> str:
    """The provider that carries a mode's messages; raises where live SMS is not set up."""
    if mode == "test":
        return "sandbox"
    if not settings.smpp_host:
        raise DestinationNotAllowedError("No provider carries live SMS here yet. Use a test key.")
    return "smpp"


def _sender(conn: Conn, account_id: str, asked: str, settings: Settings) -> str:
    if not asked:
        return caller_ids.first(conn, account_id) or settings.sms_sender
    if not caller_ids.may_show(conn, account_id, asked):
        raise SenderIdNotAllowedError(f"{asked} is not a verified number of this account.")
    return asked


def _too_long(parts: int) -> ValidationFailedError:
    message = f"The text needs {parts} parts; {PARTS_MAX} is the most."
    field = {"field": "text", "code": "too_many_parts", "message": message}
    return ValidationFailedError(message, errors=[field])


def _magic(conn: Conn, account_id: str, to: str) -> None:
    """Test mode's numbers that are refused at the door; the sandbox provider knows the others."""
    if to.endswith("0010"):
        free = available(conn, account_id, "test", "wallet")
        raise not_enough(free + 1, free)
    if to.endswith("0011"):
        raise RecipientOptedOutError
