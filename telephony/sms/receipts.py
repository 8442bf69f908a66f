"""Delivery receipts find their message, whenever they come, and end it once."""

from collections.abc import Sequence
from typing import Any

from db import messages, receipts
from db.connection import Conn, Row
from db.messages import MessageStatus
from telephony.billing import holds
from telephony.clock import Instant, rfc3339
from telephony.money import to_json
from telephony.sms.providers.base import Receipt, ReceiptState
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
        )  # fmt: skip
        if new and receipt.state.final:
            _settle(conn, receipt.provider, receipt.provider_message_id, receipt.state,
                    receipt.error_code, now)  # fmt: skip


def one_at_a_time(conn: Conn, provider: str) -> None:
    """Acceptances and receipts of a provider wait for each other: else a receipt could miss the
    part that is just being accepted, and two parts that end at once each other."""
    conn.lock(f"sms:{provider}")


def match_early(conn: Conn, provider: str, provider_message_id: str, now: Instant) -> None:
    """Settle a part that was just accepted by receipts that came before the acceptance."""
    for row in receipts.early_receipts(conn, provider, provider_message_id):
        state = ReceiptState(row["state"])
        if state.final:
            _settle(conn, provider, provider_message_id, state, row["error_code"], now)


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
    states = {row["state"]: row["error_code"] for row in receipts.parts(conn, message_id)}
    if "accepted" in states:
        return
    worst = next(state for state in reversed(ReceiptState) if state in states)
    facts: dict[str, Any] = {"error_code": states[worst] or None}
    if worst is ReceiptState.DELIVERED:
        facts["delivered_at"] = now
    row = messages.go(conn, message_id, _BY_STATE[worst], now, **facts)
    if row and row["sent_at"] is None:
        row = _charge(conn, row, now)
    if row:
        report(conn, row, now)


def _charge(conn: Conn, message: Row, now: Instant) -> Row:
    """Nobody knew whether it was sent, and its receipts prove it: its parts are charged now."""
    taken = [part for part in receipts.parts(conn, message["id"]) if part["provider_message_id"]]
    cost = message["price_per_segment"] * len(taken)
    charged = holds.capture(conn, message["id"], message["mode"], cost, now)
    return messages.set_cost(conn, message["id"], charged)


def report(conn: Conn, message: Row, now: Instant) -> None:
    """Tell the customer the state that a message has just reached."""
    delivered_at = message["delivered_at"]
    emit(
        conn, account_id=message["account_id"], mode=message["mode"], kind="delivery_report",
        subject=message["id"], fact=message["status"], callback_url=message["callback_url"],
        now=now,
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
