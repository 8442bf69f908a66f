"""The states of a call as the customer sees them, each told once, and its money, taken once."""

from dataclasses import dataclass
from typing import Any

from db import calls
from db.calls import CallStatus
from db.connection import Conn, Row
from telephony.billing import holds, rating
from telephony.clock import SECOND, Instant
from telephony.money import to_json
from telephony.webhooks.events import emit


@dataclass(frozen=True)
class End:
    """How a call ended. `answered_at` is when `to` answered, None if it never did."""

    status: CallStatus
    cause: str
    ended_at: Instant
    answered_at: Instant | None = None
    sip_code: int | None = None


def ringing(conn: Conn, call: Row, at: Instant) -> None:
    """`to` rings."""
    row = calls.go(conn, call["id"], CallStatus.ringing, at, ringing_at=at)
    if row:
        _tell(conn, "call_ringing", row, at)


def answered(conn: Conn, call: Row, at: Instant) -> None:
    """`to` answered; where its ringing was missed, that is told first."""
    if call["ringing_at"] is None:
        ringing(conn, call, at)
    row = calls.go(conn, call["id"], CallStatus.answered, at, answered_at=at, last_seen_at=at)
    if row:
        _tell(conn, "call_answered", row, at)


def finish(conn: Conn, call: Row, end: End) -> bool:
    """End a call, charge its talk time under its own rate and return the rest of the hold;
    False if it had ended before. States that were missed are told first, in order."""
    if end.answered_at is not None:
        answered(conn, call, end.answered_at)
    billsec = talk_seconds(end, call["max_seconds"])
    cost = rating.call_cost(rating.Rate.from_text(call["rate"]), billsec)
    started_at = call["started_at"] or call["created_at"]
    row = calls.go(
        conn, call["id"], end.status, end.ended_at, end.cause, hangup_cause=end.cause,
        sip_code=end.sip_code, ended_at=end.ended_at, billsec=billsec,
        duration=max(0, end.ended_at - started_at) // SECOND,
    )  # fmt: skip
    if row is None:
        return False
    charged = holds.capture(conn, call["id"], call["mode"], cost, end.ended_at)
    calls.change(conn, call["id"], cost=charged)
    _tell(conn, "call_completed", {**row, "cost": charged}, end.ended_at)
    return True


def talk_seconds(end: End, granted: int) -> int:
    """Whole seconds of talk: rounded to the nearest, at least one once answered, and never more
    than was granted, since the cut comes some milliseconds late."""
    if end.answered_at is None:
        return 0
    talked = end.ended_at - end.answered_at
    return min(granted, max(1, (talked + SECOND // 2) // SECOND))


def _tell(conn: Conn, kind: str, call: Row, at: Instant) -> None:
    payload: dict[str, Any] = {
        "call_id": call["id"],
        "direction": call["direction"],
        "from": call["from_number"],
        "to": call["to_number"],
        "caller_id": call["caller_id"],
        "status": call["status"],
        "duration": call["duration"],
        "billsec": call["billsec"],
        "cost": to_json(call["cost"]),
        "hangup_cause": call["hangup_cause"],
        "reference": call["reference"],
    }
    emit(
        conn, account_id=call["account_id"], mode=call["mode"], kind=kind, subject=call["id"],
        fact="", callback_url=call["callback_url"], payload=payload, now=at,
    )  # fmt: skip
