"""Accepts a call, from the API or from a phone: where it goes, what it costs, who pays; all in
the caller's transaction."""

from dataclasses import dataclass

from db import accounts, calls, sip
from db.connection import Conn, Row
from db.ids import new_id
from telephony import metrics
from telephony.billing import rating
from telephony.billing.rating import Rate
from telephony.clock import Instant
from telephony.errors import NotFoundError
from telephony.settings import Settings
from telephony.voice import grants, pacing, routes
from telephony.voice.grants import FirstLeg, Grant, Payer
from telephony.voice.origins import Origin, origin_of
from telephony.voice.recordings.policy import recorded
from telephony.voice.routes import Way

CHANNEL = "calls"
CALL_SECONDS_MAX = 4 * 3600
RING_SECONDS_DEFAULT = 30
SIP = "sip:"


@dataclass(frozen=True)
class Wish:
    """What a customer asks for. `to` is E.164 or `sip:<username>`; `origin` a SIP username, a
    caller id of one, another number of the account, which is then called first (call-back), or
    empty for the account's first phone; `record` is `stereo`, `mixed`, empty
    for no recording, or None for what phone and account say."""

    to: str
    origin: str = ""
    caller_id: str = ""
    record: str | None = None
    ring_seconds: int = RING_SECONDS_DEFAULT
    time_limit_seconds: int = CALL_SECONDS_MAX
    callback_url: str | None = None
    reference: str | None = None
    request_id: str | None = None


@dataclass(frozen=True)
class Placed:
    """A queued call, for how long its money lasts, and for how long it is paid already;
    `first_rate` is the price of its first leg, if that is charged, too."""

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
    first_rate: Rate | None = None


@dataclass(frozen=True)
class Target:
    """Where `to` is: the number or username, how it is reached, and its price."""

    number: str
    direction: str
    rate: Rate
    way: Way


@dataclass(frozen=True)
class Asker:
    """Who places a call; without a key where a member does."""

    account_id: str
    mode: str
    key_id: str | None


def place(
    conn: Conn, settings: Settings, *, account_id: str, mode: str, key_id: str | None, wish: Wish,
    now: Instant,
) -> Placed:  # fmt: skip
    """Queue a call; raises InsufficientFundsError, ConcurrencyLimitError and the 403 errors, and
    then holds nothing."""
    origin = origin_of(conn, settings, account_id, mode, wish.origin, wish.caller_id)
    return queue(conn, settings, Asker(account_id, mode, key_id), origin, wish, now)


def queue(
    conn: Conn, settings: Settings, by: Asker, origin: Origin, wish: Wish, now: Instant
) -> Placed:
    """Queue a call whose first leg is known; raises what `place` raises."""
    target = _target(conn, settings, by.account_id, by.mode, wish.to, origin.caller_id)
    pacing.check_room(conn, settings, by.account_id, by.mode, by.key_id)
    due_at = pacing.take_turn(conn, settings, by.account_id, by.mode, by.key_id, now)
    call_id = new_id("call")
    first = FirstLeg(origin.rate, grants.waits(wish.ring_seconds)) if origin.rate else None
    payer = Payer(by.account_id, by.mode, call_id, target.rate, wish.time_limit_seconds,
                  by.key_id, first)  # fmt: skip
    grant = grants.begin(conn, payer, settings.call_slice_seconds, now)
    record = recorded(conn, wish.record, by.account_id, origin.phone, target.direction)
    calls.add(
        conn, id=call_id, channel_id=call_id, account_id=by.account_id, key_id=by.key_id,
        mode=by.mode, direction=target.direction, status="queued", to_number=target.number,
        ring_seconds=wish.ring_seconds, rate=target.rate.to_text(),
        currency=target.rate.currency, cost=0, duration=0, billsec=0, created_at=now,
        due_at=due_at, callback_url=wish.callback_url, reference=wish.reference, record=record,
        request_id=wish.request_id,
        **_from(origin), **_way(target), **grants.columns(payer, grant),
    )  # fmt: skip
    metrics.CALLS_STARTED.labels("api").inc()
    conn.wake(CHANNEL)
    return Placed(
        call_id, target.number, origin.shown, origin.caller_id, grant.max_seconds, grant.seconds,
        target.rate, target.way.legs, record, wish.ring_seconds, origin.rate,
    )  # fmt: skip


def _from(origin: Origin) -> Row:
    """The columns of the first leg."""
    return {
        "sip_account": origin.phone["username"] if origin.phone else None,
        "from_number": origin.shown, "caller_id": origin.caller_id,
        "first_leg": origin.channel, "first_legs": origin.legs,
        "first_rate": origin.rate.to_text() if origin.rate else None,
    }  # fmt: skip


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
    metrics.CALLS_STARTED.labels("phone").inc()
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
    _add_dialling(conn, payer, grants.NOTHING, phone, target, uniqueid, node, now)
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
        **grants.columns(payer, grant),
    )  # fmt: skip


def _way(target: Target) -> Row:
    """The columns of how the callee is reached."""
    return {"route": target.way.route, "legs": target.way.legs, "trunk": target.way.trunk}


def _shown(phone: Row, target: Target) -> str:
    """A phone inside sees who calls; the world sees the account's caller id."""
    return str(phone["username"] if target.way.route == "phone" else phone["caller_id"])


def _target(
    conn: Conn, settings: Settings, account_id: str, mode: str, to: str, caller_id: str
) -> Target:
    if to.startswith(SIP):
        return _phone(conn, account_id, to.removeprefix(SIP))
    way = routes.allowed(conn, settings, account_id, mode, to, caller_id)
    return Target(to, "outbound", rating.rate_for(conn, account_id, to), way)


def _phone(conn: Conn, account_id: str, username: str) -> Target:
    row = sip.by_username(conn, username)
    if row is None or row["account_id"] != account_id or row["status"] != "active":
        raise NotFoundError(f"There is no phone {username} on this account.")
    currency = accounts.account(conn, account_id)["currency"]
    return Target(username, "internal", rating.free(currency), routes.to_phones([username]))
