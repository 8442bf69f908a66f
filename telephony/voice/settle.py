"""The states of a call as the customer sees them, each told once, and its money, taken once."""

from dataclasses import dataclass, replace
from typing import Any

from db import calls
from db.calls import CallStatus
from db.connection import Conn, Row
from telephony import metrics
from telephony.billing import holds, rating
from telephony.clock import SECOND, Instant
from telephony.money import Micros, to_json
from telephony.voice import grants
from telephony.voice.recordings import deeds as recording
from telephony.webhooks.events import emit

NORMAL = "normal_clearing"
FIRST_ANSWERED = "first_leg_answered"
CUT_EARLY_MICROSECONDS = 250_000
"""A busy PBX counts from some milliseconds before or after the answer that it reports."""
SETTLED_MICROSECONDS = SECOND // 2
NO_TRUNK = "none"
_CAUSES = metrics.Bounded()
"""At the answer the dialplan itself sets the first limit: one that comes before is lost."""


@dataclass(frozen=True)
class End:
    """How a call ended. `answered_at` is when `to` answered, None if it never did;
    `first_answered_at` when the first leg did, None if that is not known here."""

    status: CallStatus
    cause: str
    ended_at: Instant
    answered_at: Instant | None = None
    sip_code: int | None = None
    first_answered_at: Instant | None = None


def phone_rings_first(call: Row) -> bool:
    """Whether a call still waits for the phone that is rung before its number is dialled."""
    waits = call["status"] == CallStatus.dialing and call["first_leg"]
    return bool(waits) and not call["first_legs"]


def first_answered(conn: Conn, call: Row, at: Instant) -> None:
    """The first leg answered, and `to` is dialled next."""
    if call["first_answered_at"] is None and call["status"] == CallStatus.dialing:
        calls.change(conn, call["id"], first_answered_at=at)
        calls.note(conn, call["id"], call["status"], at, FIRST_ANSWERED)


def ringing(conn: Conn, call: Row, at: Instant) -> None:
    """`to` rings."""
    row = calls.go(conn, call["id"], CallStatus.ringing, at, ringing_at=at)
    if row:
        _tell(conn, "call_ringing", row, at)


def answered(conn: Conn, call: Row, at: Instant) -> None:
    """`to` answered; where its ringing was missed, that is told first."""
    if call["ringing_at"] is None:
        ringing(conn, call, at)
    more = call["granted_seconds"] < call["time_limit_seconds"]
    row = calls.go(
        conn, call["id"], CallStatus.answered, at, answered_at=at, last_seen_at=at,
        extend_at=at + SETTLED_MICROSECONDS if more else None,
    )  # fmt: skip
    if row:
        metrics.CALLS_ANSWERED.labels(row["trunk"] or NO_TRUNK).inc()
        recording.begin(conn, row, at)
        _tell(conn, "call_answered", row, at)


def finish(conn: Conn, call: Row, end: End) -> bool:
    """End a call, charge each leg's time under its own rate and return the rest of the hold;
    False if it had ended before. States that were missed are told first, in order."""
    if end.answered_at is not None:
        answered(conn, call, end.answered_at)
        call = calls.locked(conn, call["id"])  # its grant may have grown since it was read
    end, ended, cost = reckoned(call, end)
    row = calls.go(
        conn, call["id"], end.status, end.ended_at, ended["hangup_cause"],
        **{name: ended[name] for name in RECKONED},
    )  # fmt: skip
    if row is None:
        return False
    count(row)
    charged = holds.capture(conn, call["id"], call["mode"], cost, end.ended_at)
    calls.change(conn, call["id"], cost=charged)
    _tell(conn, "call_completed", {**row, "cost": charged}, end.ended_at)
    return True


RECKONED = ("hangup_cause", "sip_code", "ended_at", "billsec", "duration", "first_answered_at")


def reckoned(call: Row, end: End) -> tuple[End, Row, Micros]:
    """How a call ends that is as it was at its end: the end that its customer is told, the call
    with all facts of it, and what it is asked to pay."""
    billsec = talk_seconds(end, call["granted_seconds"])
    call = {**call, "ended_at": end.ended_at, "billsec": billsec}
    call["first_answered_at"] = _earliest(end.first_answered_at, call["first_answered_at"])
    cost = rating.call_cost(rating.Rate.from_text(call["rate"]), billsec) + first_leg(call).cost
    end = asked_for(end, call)
    started_at = call["started_at"] or call["created_at"]
    facts = {
        "status": end.status, "hangup_cause": hangup_cause(end, call), "sip_code": end.sip_code,
        "duration": max(0, end.ended_at - started_at) // SECOND,
    }  # fmt: skip
    return end, call | facts, cost


def count(row: Row) -> None:
    """Count an ended call for whoever watches the platform."""
    cause = _CAUSES(row["hangup_cause"])
    metrics.CALLS_ENDED.labels(row["status"], cause, row["trunk"] or NO_TRUNK).inc()


def asked_for(end: End, call: Row) -> End:
    """The end, where somebody had asked for it, with that reason."""
    if call["hangup_at"] is None:
        return end
    if end.status in (CallStatus.no_answer, CallStatus.canceled):
        return replace(end, status=CallStatus.canceled, cause=call["hangup_reason"])
    return replace(end, cause=call["hangup_reason"]) if end.cause == NORMAL else end


def talk_seconds(end: End, granted: int) -> int:
    """Whole seconds of talk, never more than was granted, since the cut comes some milliseconds
    late."""
    return _whole_seconds(end.answered_at, end.ended_at, granted)


@dataclass(frozen=True)
class Charged:
    """Seconds of a leg and what they cost."""

    billsec: int
    cost: Micros


def first_leg(call: Row) -> Charged:
    """What the first leg of an ended call-back is charged, whether or not `to` answered, and
    never more than was held for it; nothing for any other call."""
    leg = grants.first_leg_of(call)
    if leg is None or call["ended_at"] is None:
        return Charged(0, 0)
    most = call["granted_seconds"] + leg.wait_seconds
    seconds = _whole_seconds(call["first_answered_at"], call["ended_at"], most)
    return Charged(seconds, rating.call_cost(leg.rate, seconds))


def _whole_seconds(answered_at: Instant | None, ended_at: Instant, most: int) -> int:
    """Rounded to the nearest, at least one once answered."""
    if answered_at is None:
        return 0
    return min(most, max(1, (ended_at - answered_at + SECOND // 2) // SECOND))


def _earliest(*instants: Instant | None) -> Instant | None:
    return min((at for at in instants if at is not None), default=None)


def hangup_cause(end: End, call: Row) -> str:
    """The cause that the PBX gave; where it cut the call at a limit, why that was the limit."""
    if end.cause != NORMAL or end.answered_at is None:
        return end.cause
    over = end.ended_at - end.answered_at + CUT_EARLY_MICROSECONDS
    if over >= call["granted_seconds"] * SECOND:
        return str(call["cut_cause"])
    past = over - call["armed_seconds"] * SECOND
    unarmed = call["armed_seconds"] < call["granted_seconds"]
    return grants.PLATFORM_UNAVAILABLE if unarmed and 0 <= past < SECOND else end.cause


def _tell(conn: Conn, kind: str, call: Row, at: Instant) -> None:
    emit(conn, **fact(kind, call, at))


def fact(kind: str, call: Row, at: Instant) -> dict[str, Any]:
    """What `emit` takes of an event about a call."""
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
    return {
        "account_id": call["account_id"], "mode": call["mode"], "kind": kind,
        "subject": call["id"], "fact": "", "callback_url": call["callback_url"],
        "payload": payload, "now": at, "request_id": call["request_id"],
    }  # fmt: skip
