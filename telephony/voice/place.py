"""Accepts a call, from the API or from a phone: where it goes, what it costs, who pays; all in
the caller's transaction."""

from dataclasses import dataclass

from db import accounts, caller_ids, calls, sip
from db.connection import Conn, Row
from db.ids import new_id
from telephony.billing import rating
from telephony.billing.rating import Rate
from telephony.clock import Instant
from telephony.errors import (
    CallerIdNotAllowedError,
    NotFoundError,
    ValidationFailedError,
)
from telephony.settings import Settings
from telephony.voice import grants, pacing, routes
from telephony.voice.grants import Grant, Payer
from telephony.voice.recordings.policy import recorded
from telephony.voice.routes import Way
from telephony.voice.sip_accounts import pick

CHANNEL = "calls"
CALL_SECONDS_MAX = 4 * 3600
RING_SECONDS_DEFAULT = 30
SIP = "sip:"
NOTHING = Grant(0, grants.TIME_LIMIT, 0)


@dataclass(frozen=True)
class Wish:
    """What a customer asks for. `to` is E.164 or `sip:<username>`; `origin` a SIP username, a
    caller id of one, or empty for the account's first phone; `record` is `stereo`, `mixed`, empty
    for no recording, or None for what phone and account say."""

    to: str
    origin: str = ""
    caller_id: str = ""
    record: str | None = None
    ring_seconds: int = RING_SECONDS_DEFAULT
    time_limit_seconds: int = CALL_SECONDS_MAX
    callback_url: str | None = None
    reference: str | None = None


@dataclass(frozen=True)
class Placed:
    """A queued call, for how long its money lasts, and for how long it is paid already."""

    call_id: str
    to: str
    origin: str
    caller_id: str
    max_seconds: int
    granted_seconds: int
    rate: Rate
    legs: str
    record: str
    ring_seconds: int = RING_SECONDS_DEFAULT


@dataclass(frozen=True)
class Target:
    """Where `to` is: the number or username, how it is reached, and its price."""

    number: str
    direction: str
    rate: Rate
    way: Way


def place(
    conn: Conn, settings: Settings, *, account_id: str, mode: str, key_id: str, wish: Wish,
    now: Instant,
) -> Placed:  # fmt: skip
    """Queue a call; raises InsufficientFundsError and the 403 errors, and then holds nothing."""
    phone = _origin(conn, account_id, wish.origin)
    caller_id = _caller_id(conn, account_id, wish.caller_id, phone)
    target = _target(conn, settings, account_id, mode, wish.to, caller_id)
    pacing.check_room(conn, settings, account_id, mode, key_id)
    due_at = pacing.take_turn(conn, settings, account_id, mode, key_id, now)
    call_id = new_id("call")
    payer = Payer(account_id, mode, call_id, target.rate, wish.time_limit_seconds, key_id)
    grant = grants.begin(conn, payer, settings.call_slice_seconds, now)
    record = recorded(conn, wish.record, account_id, phone, target.direction)
    calls.add(
        conn, id=call_id, channel_id=call_id, account_id=account_id, key_id=key_id, mode=mode,
        sip_account=phone["username"], direction=target.direction, status="queued",
        first_leg=f"PJSIP/{phone['username']}", to_number=target.number,
        from_number=wish.origin or phone["username"], caller_id=caller_id,
        ring_seconds=wish.ring_seconds, rate=target.rate.to_text(),
        currency=target.rate.currency, cost=0, duration=0, billsec=0, created_at=now,
        due_at=due_at, callback_url=wish.callback_url, reference=wish.reference, record=record,
        **_way(target),
        **_granted(payer, grant),
    )  # fmt: skip
    conn.wake(CHANNEL)
    return Placed(
        call_id,
        target.number,
        wish.origin or phone["username"],
        caller_id,
        grant.max_seconds,
        grant.seconds,
        target.rate,
        target.way.legs,
        record,
        wish.ring_seconds,
    )


def place_from_phone(
    conn: Conn, settings: Settings, *, phone: Row, to: str, uniqueid: str, node: str, now: Instant
) -> Placed:
    """Record and pay for a call that a phone is dialling now; raises what `place` raises."""
    account_id, mode = phone["account_id"], phone["dial_mode"]
    target = _target(conn, settings, account_id, mode, to, phone["caller_id"])
    pacing.check_room(conn, settings, account_id, mode)
    call_id = new_id("call")
    payer = Payer(account_id, mode, call_id, target.rate, CALL_SECONDS_MAX)
    grant = grants.begin(conn, payer, settings.call_slice_seconds, now)
    record = recorded(conn, None, account_id, phone, target.direction)
    _add_dialling(conn, payer, grant, phone, target, uniqueid, node, now, record)
    return Placed(call_id, target.number, phone["username"], _shown(phone, target),
                  grant.max_seconds, grant.seconds, target.rate, target.way.legs,
                  record)  # fmt: skip


def refuse_from_phone(
    conn: Conn, *, phone: Row, to: str, uniqueid: str, node: str, cause: str, now: Instant
) -> None:
    """Log a call that a phone was not allowed to make, with the reason."""
    account = accounts.account(conn, phone["account_id"])
    free = rating.free(account["currency"])
    target = Target(to.removeprefix(SIP), "outbound", free, routes.NOWHERE)
    call_id = new_id("call")
    payer = Payer(phone["account_id"], phone["dial_mode"], call_id, target.rate, 0)
    _add_dialling(conn, payer, NOTHING, phone, target, uniqueid, node, now)
    calls.go(conn, call_id, calls.CallStatus.failed, now, cause, hangup_cause=cause, ended_at=now)


def _add_dialling(
    conn: Conn, payer: Payer, grant: Grant, phone: Row, target: Target, uniqueid: str, node: str,
    now: Instant, record: str = "",
) -> None:  # fmt: skip
    calls.add(
        conn, id=payer.call_id, channel_id=uniqueid, account_id=phone["account_id"], key_id=None,
        mode=phone["dial_mode"], sip_account=phone["username"], direction=target.direction,
        status="dialing", first_leg="", to_number=target.number,
        from_number=phone["username"], caller_id=_shown(phone, target),
        ring_seconds=RING_SECONDS_DEFAULT, rate=target.rate.to_text(),
        currency=target.rate.currency, cost=0, duration=0, billsec=0, node=node, created_at=now,
        started_at=now, last_seen_at=now, record=record, **_way(target),
        **_granted(payer, grant),
    )  # fmt: skip


def _way(target: Target) -> Row:
    """The columns of how the callee is reached."""
    return {"route": target.way.route, "legs": target.way.legs, "trunk": target.way.trunk}


def _granted(payer: Payer, grant: Grant) -> Row:
    """The columns of a call's talk time. The PBX gets the grant with the call, so that is what
    it has confirmed."""
    return {
        "time_limit_seconds": payer.limit_seconds, "max_seconds": grant.max_seconds,
        "granted_seconds": grant.seconds, "armed_seconds": grant.seconds,
        "cut_cause": grant.cut_cause,
    }  # fmt: skip


def _shown(phone: Row, target: Target) -> str:
    """A phone inside sees who calls; the world sees the account's caller id."""
    return str(phone["username"] if target.way.route == "phone" else phone["caller_id"])


def _origin(conn: Conn, account_id: str, origin: str) -> Row:
    if not origin:
        return pick(conn, account_id, None)
    for row in sip.of_account(conn, account_id):
        if origin in (row["username"], row["caller_id"]):
            return row
    raise ValidationFailedError(
        f"{origin} is neither a SIP username of this account nor the caller id of one.",
        errors=[{"field": "from", "code": "unknown", "message": "not a SIP account of yours"}],
    )


def _caller_id(conn: Conn, account_id: str, asked: str, phone: Row) -> str:
    if not asked:
        return str(phone["caller_id"])
    if not caller_ids.may_show(conn, account_id, asked):
        raise CallerIdNotAllowedError(f"{asked} is not a verified number of this account.")
    return asked


def _target(
    conn: Conn, settings: Settings, account_id: str, mode: str, to: str, caller_id: str
) -> Target:
    if to.startswith(SIP):
        return _phone(conn, account_id, to.removeprefix(SIP))
    rate = rating.rate_for(conn, account_id, to)
    return Target(to, "outbound", rate, routes.out(conn, settings, mode, to, caller_id))


def _phone(conn: Conn, account_id: str, username: str) -> Target:
    row = sip.by_username(conn, username)
    if row is None or row["account_id"] != account_id or row["status"] != "active":
        raise NotFoundError(f"There is no phone {username} on this account.")
    currency = accounts.account(conn, account_id)["currency"]
    return Target(username, "internal", rating.free(currency), routes.to_phones([username]))
