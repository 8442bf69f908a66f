"""Delivery receipts find their message, whenever they come, and end it once."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from db import messages, receipts
from db.connection import Conn, Row
from db.messages import MessageStatus
from telephony.billing import holds
from telephony.clock import Instant, rfc3339
from telephony.money import to_json
from telephony.sms.providers.base import Receipt, ReceiptState, reference_of
from telephony.webhooks.events import emit_all

_BY_STATE = {
    ReceiptState.DELIVERED: MessageStatus.delivered,
    ReceiptState.UNDELIVERED: MessageStatus.undelivered,
    ReceiptState.EXPIRED: MessageStatus.expired,
}


class End(NamedTuple):
    """What a receipt says of the part that the provider calls so."""

    name: str
    state: ReceiptState
    error_code: str


def take(conn: Conn, batch: Sequence[Receipt], now: Instant) -> None:
    """Keep every receipt and settle the parts that are known; the rest wait for theirs."""
    by_provider: defaultdict[str, list[Receipt]] = defaultdict(list)
    for receipt in batch:
        by_provider[receipt.provider].append(receipt)
    for provider in sorted(by_provider):
        one_at_a_time(conn, provider)
        _take(conn, provider, by_provider[provider], now)


def one_at_a_time(conn: Conn, provider: str) -> None:
    """Acceptances, receipts and sweeps of a provider wait for each other: else a receipt could
    miss the part that is just being accepted or given up, and two parts that end at once each
    other."""
    conn.lock(f"sms:{provider}")


def _take(conn: Conn, provider: str, batch: list[Receipt], now: Instant) -> None:
    kept = receipts.keep_all(conn, [_row(one, now) for one in batch])
    new = [one for one in batch if (one.provider_message_id, one.state) in kept]
    _name_all(
        conn, provider,
        [(one.provider_message_id, one.recipient, one.reference)
         for one in new if one.reference is not None],
        now,
    )  # fmt: skip
    told = [End(one.provider_message_id, one.state, one.error_code) for one in new]
    _settle(conn, provider, told, now)


def _row(receipt: Receipt, now: Instant) -> Row:
    return {
        "provider": receipt.provider, "provider_message_id": receipt.provider_message_id,
        "state": receipt.state, "error_code": receipt.error_code, "raw": receipt.raw,
        "received_at": now, "recipient": receipt.recipient, "reference": receipt.reference,
    }  # fmt: skip


def match_early(conn: Conn, provider: str, names: list[str], now: Instant) -> None:
    """Settle parts that were just accepted by receipts that came before the acceptance."""
    _settle(conn, provider, map(_end_of, receipts.early(conn, provider, names)), now)


def _end_of(row: Row) -> End:
    return End(row["provider_message_id"], ReceiptState(row["state"]), row["error_code"])


def match_unanswered(conn: Conn, message: Row, now: Instant) -> None:
    """Name and settle the parts of a message of unknown outcome by receipts that came before."""
    provider = message["provider"]
    found = receipts.nameless_receipts(conn, provider, message["to_number"])
    _name_all(
        conn, provider,
        [(row["provider_message_id"], row["recipient"], row["reference"]) for row in found], now,
    )  # fmt: skip
    _settle(conn, provider, map(_end_of, found), now)


def _name_all(conn: Conn, provider: str, told: list[tuple[str, str, int]], now: Instant) -> None:
    """Name, recipient and reference of receipts: each name that is new is tried once."""
    known = receipts.named(conn, provider, [name for name, _, _ in told])
    for name, recipient, reference in told:
        if name not in known:
            known.add(name)
            _name(conn, provider, name, recipient, reference, now)


def _name(
    conn: Conn, provider: str, provider_message_id: str, recipient: str, reference: int,
    now: Instant,
) -> None:  # fmt: skip
    """A receipt proves that the provider took the one part of unknown outcome that it is of; where
    two parts may be meant, or one whose answer may still come, it proves nothing yet."""
    found = [
        (message, part)
        for message in messages.unanswered(conn, provider, recipient)
        for part in _nameless(conn, message)
        if reference_of(message["id"], part) == reference
    ]
    if len(found) != 1 or found[0][0]["status"] != MessageStatus.unknown:
        return
    message, part = found[0]
    receipts.add_parts(conn, provider, [(message["id"], part, provider_message_id)])
    _sent_after_all(conn, message, now)


def _nameless(conn: Conn, message: Row) -> set[int]:
    known = {row["part"] for row in receipts.parts(conn, [message["id"]])}
    return set(range(1, message["segments"] + 1)) - known


def _sent_after_all(conn: Conn, message: Row, now: Instant) -> None:
    """Once the outcome of every part is known, it is charged as if it had been answered."""
    known = receipts.parts(conn, [message["id"]])
    if len(known) < message["segments"]:
        return
    cost = message["price_per_segment"] * taken(known)
    row = messages.go(
        conn, message["id"], MessageStatus.sent, now, "proven by a receipt", sent_at=now,
        cost=cost, lease_token=None,
    )  # fmt: skip
    if row:
        holds.capture(conn, message["id"], message["mode"], cost, now)
        report(conn, [row], now)


def taken(parts: Sequence[Row]) -> int:
    """How many of the parts the provider took, named or not; these are charged."""
    return sum(bool(part["provider_message_id"]) or part["state"] == "accepted" for part in parts)


def _settle(conn: Conn, provider: str, told: Iterable[End], now: Instant) -> None:
    """Of two ends of the same part the first one counts."""
    first: dict[str, End] = {}
    for end in told:
        if end.state.final:
            first.setdefault(end.name, end)
    names: defaultdict[tuple[ReceiptState, str], list[str]] = defaultdict(list)
    for end in first.values():
        names[end.state, end.error_code].append(end.name)
    ended: set[str] = set()
    for (state, error_code), of_state in names.items():
        settled = receipts.settle_parts(conn, provider, of_state, state, error_code)
        receipts.match(conn, provider, [row["provider_message_id"] for row in settled], state, now)
        ended |= {row["message_id"] for row in settled}
    if ended:
        _end(conn, sorted(ended), now)


def _end(conn: Conn, message_ids: list[str], now: Instant) -> None:
    """A message is delivered with its last part, and fails with the worst of them."""
    parts: defaultdict[str, list[Row]] = defaultdict(list)
    for part in receipts.parts(conn, message_ids):
        parts[part["message_id"]].append(part)
    alike: defaultdict[tuple[ReceiptState, str], list[str]] = defaultdict(list)
    for message_id, known in parts.items():
        states = {row["state"]: row["error_code"] for row in known}
        if "accepted" not in states and len(known) == known[0]["segments"]:
            worst = next(state for state in reversed(ReceiptState) if state in states)
            alike[worst, states[worst]].append(message_id)
    for (worst, error_code), ids in alike.items():
        facts: dict[str, Any] = {"error_code": error_code or None}
        if worst is ReceiptState.DELIVERED:
            facts["delivered_at"] = now
        report(conn, messages.go_all(conn, ids, _BY_STATE[worst], now, **facts), now)


def report(conn: Conn, rows: list[Row], now: Instant) -> None:
    """Tell customers the states that messages have just reached."""
    emit_all(conn, [_report(row, now) for row in rows])


def _report(message: Row, now: Instant) -> dict[str, Any]:
    delivered_at = message["delivered_at"]
    return {
        "account_id": message["account_id"], "mode": message["mode"], "kind": "delivery_report",
        "subject": message["id"], "fact": message["status"],
        "callback_url": message["callback_url"], "now": now, "request_id": message["request_id"],
        "payload": {
            "message_id": message["id"],
            "status": message["status"],
            "delivered_at": rfc3339(delivered_at) if delivered_at else None,
            "cost": to_json(message["cost"]),
            "to": message["to_number"],
            "from": message["from_number"],
            "reference": message["reference"],
            "error_code": message["error_code"],
        },
    }  # fmt: skip
