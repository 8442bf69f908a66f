"""Delivery receipts find their message, whenever they come, and end it once."""

from collections.abc import Sequence
from typing import Any

from db import messages, receipts
from db.connection import Conn, Row
from db.messages import MessageStatus
from telephony.billing import holds
from telephony.clock import Instant, rfc3339
from telephony.money import to_json
from telephony.sms.providers.base import Receipt, ReceiptState, reference_of
from telephony.webhooks.events import emit

_BY_STATE = {
    ReceiptState.DELIVERED: MessageStatus.delivered,
    ReceiptState.UNDELIVERED: MessageStatus.undelivered,
    ReceiptState.EXPIRED: MessageStatus.expired,
}


def take(conn: Conn, batch: Sequence[Receipt], now: Instant) -> None:
    """Keep every receipt and settle the parts that are known; the rest wait for theirs."""
    for provider in sorted({receipt.provider for receipt in batch}):
        one_at_a_time(conn, provider)
    for receipt in batch:
        new = receipts.keep_receipt(
            conn, provider=receipt.provider, provider_message_id=receipt.provider_message_id,
            state=receipt.state, error_code=receipt.error_code, raw=receipt.raw, received_at=now,
            recipient=receipt.recipient, reference=receipt.reference,
        )  # fmt: skip
        if new and receipt.reference is not None:
            _name(conn, receipt.provider, receipt.provider_message_id, receipt.recipient,
                  receipt.reference, now)  # fmt: skip
        if new and receipt.state.final:
            _settle(conn, receipt.provider, receipt.provider_message_id, receipt.state,
                    receipt.error_code, now)  # fmt: skip


def one_at_a_time(conn: Conn, provider: str) -> None:
    """Acceptances, receipts and sweeps of a provider wait for each other: else a receipt could
    miss the part that is just being accepted or given up, and two parts that end at once each
    other."""
    conn.lock(f"sms:{provider}")


def match_early(conn: Conn, provider: str, provider_message_id: str, now: Instant) -> None:
    """Settle a part that was just accepted by receipts that came before the acceptance."""
    for row in receipts.early_receipts(conn, provider, provider_message_id):
        state = ReceiptState(row["state"])
        if state.final:
            _settle(conn, provider, provider_message_id, state, row["error_code"], now)


def match_unanswered(conn: Conn, message: Row, now: Instant) -> None:
    """Name and settle the parts of a message of unknown outcome by receipts that came before."""
    for row in receipts.nameless_receipts(conn, message["provider"], message["to_number"]):
        provider, provider_message_id = row["provider"], row["provider_message_id"]
        _name(conn, provider, provider_message_id, row["recipient"], row["reference"], now)
        state = ReceiptState(row["state"])
        if state.final:
            _settle(conn, provider, provider_message_id, state, row["error_code"], now)


def _name(
    conn: Conn, provider: str, provider_message_id: str, recipient: str, reference: int,
    now: Instant,
) -> None:  # fmt: skip
    """A receipt proves that the provider took the one part of unknown outcome that it is of; where
    two parts may be meant, or one whose answer may still come, it proves nothing yet."""
    if receipts.named(conn, provider, provider_message_id):
        return
    found = [
        (message, part)
        for message in messages.unanswered(conn, provider, recipient)
        for part in _nameless(conn, message)
        if reference_of(message["id"], part) == reference
    ]
    if len(found) != 1 or found[0][0]["status"] != MessageStatus.unknown:
        return
    message, part = found[0]
    receipts.add_part(conn, message["id"], part, provider, provider_message_id)
    _sent_after_all(conn, message, now)


def _nameless(conn: Conn, message: Row) -> set[int]:
    known = {row["part"] for row in receipts.parts(conn, message["id"])}
    return set(range(1, message["segments"] + 1)) - known


def _sent_after_all(conn: Conn, message: Row, now: Instant) -> None:
    """Once the outcome of every part is known, it is charged as if it had been answered."""
    known = receipts.parts(conn, message["id"])
    if len(known) < message["segments"]:
        return
    cost = message["price_per_segment"] * taken(known)
    row = messages.go(
        conn, message["id"], MessageStatus.sent, now, "proven by a receipt", sent_at=now,
        cost=cost, lease_token=None,
    )  # fmt: skip
    if row:
        holds.capture(conn, message["id"], message["mode"], cost, now)
        report(conn, row, now)


def taken(parts: Sequence[Row]) -> int:
    """How many of the parts the provider took, named or not; these are charged."""
    return sum(bool(part["provider_message_id"]) or part["state"] == "accepted" for part in parts)


def _settle(
    conn: Conn, provider: str, provider_message_id: str, state: ReceiptState, error_code: str,
    now: Instant,
) -> None:  # fmt: skip
    part = receipts.settle_part(conn, provider, provider_message_id, state, error_code)
    if part is None:
        return
    receipts.match_receipt(conn, provider, provider_message_id, state, now)
    _end(conn, part["message_id"], now)


def _end(conn: Conn, message_id: str, now: Instant) -> None:
    """A message is delivered with its last part, and fails with the worst of them."""
    known = receipts.parts(conn, message_id)
    states = {row["state"]: row["error_code"] for row in known}
    if "accepted" in states or len(known) < known[0]["segments"]:
        return
    worst = next(state for state in reversed(ReceiptState) if state in states)
    facts: dict[str, Any] = {"error_code": states[worst] or None}
    if worst is ReceiptState.DELIVERED:
        facts["delivered_at"] = now
    row = messages.go(conn, message_id, _BY_STATE[worst], now, **facts)
    if row:
        report(conn, row, now)


def report(conn: Conn, message: Row, now: Instant) -> None:
    """Tell the customer the state that a message has just reached."""
    delivered_at = message["delivered_at"]
    emit(
        conn, account_id=message["account_id"], mode=message["mode"], kind="delivery_report",
        subject=message["id"], fact=message["status"], callback_url=message["callback_url"],
        now=now, request_id=message["request_id"],
        payload={
            "message_id": message["id"],
            "status": message["status"],
            "delivered_at": rfc3339(delivered_at) if delivered_at else None,
            "cost": to_json(message["cost"]),
            "to": message["to_number"],
            "from": message["from_number"],
            "reference": message["reference"],
            "error_code": message["error_code"],
        },
    )  # fmt: skip
