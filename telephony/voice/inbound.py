"""Calls from carriers: the owner of the dialled number has them ring his phones, free of charge,
or put through to a number of the world, which he pays for like any call of his."""

import logging

from db import accounts, calls, numbers, sip
from db.calls import CallStatus
from db.connection import Conn, Row
from db.ids import new_id
from telephony import metrics
from telephony.billing import rating
from telephony.billing.rating import Rate
from telephony.clock import Instant, now
from telephony.errors import AccountSuspendedError, InsufficientFundsError, Problem
from telephony.logs import masked
from telephony.phone_numbers import e164
from telephony.settings import Settings
from telephony.voice import grants, pacing, routes
from telephony.voice.fastagi import AgiVerdict
from telephony.voice.grants import Grant, Payer
from telephony.voice.recordings.policy import recorded
from telephony.voice.refusals import BUSY, REJECTED, UNKNOWN, cause_of, refused

INBOUND_SECONDS_MAX = 4 * 3600
ANONYMOUS = "anonymous"
OPEN = (CallStatus.dialing, CallStatus.ringing)

log = logging.getLogger(__name__)


def decide(
    conn: Conn, settings: Settings, *, endpoint: str, dialled: str, caller: str, uniqueid: str
) -> AgiVerdict:
    """Let the owner's phones ring, or log why not."""
    trunk = endpoint.removeprefix("_")
    number = _number(dialled)
    owned = numbers.owned(conn, number)
    if owned is None:
        log.warning("trunk %s calls %s, which nobody owns", trunk, masked(dialled))
        return refused(UNKNOWN)
    phones = _phones(conn, owned)
    call = _call(conn, settings, owned, phones, trunk, _caller(caller), uniqueid)
    try:
        _check(conn, settings, owned)
    except Problem as problem:
        _log_refusal(conn, call, problem.code)
        return refused(cause_of(problem))
    payer = Payer(owned["account_id"], owned["mode"], call["id"], _free(conn, owned),
                  INBOUND_SECONDS_MAX)  # fmt: skip
    grant = grants.begin(conn, payer, settings.call_slice_seconds, call["created_at"])
    record = recorded(conn, None, owned["account_id"], phones[0] if phones else None, "inbound")
    calls.add(
        conn, **call, legs=_legs(owned, phones), record=record, **grants.columns(payer, grant)
    )
    metrics.CALLS_STARTED.labels("trunk").inc()
    return _verdict(owned, call["from_number"], _legs(owned, phones), grant, record)


def forward(conn: Conn, settings: Settings, *, uniqueid: str) -> AgiVerdict:
    """No phone answered: put the caller through where the owner wants it, if he can pay for it.
    Where he cannot, the caller hears that the number is busy."""
    call = calls.by_channel(conn, uniqueid)
    if call is None or call["direction"] != "inbound" or call["status"] not in OPEN:
        return refused(REJECTED)
    owned = numbers.owned(conn, call["to_number"])
    if owned is None or not owned["forward_to"]:
        return refused(BUSY)
    try:
        return _put_through(conn, settings, calls.locked(conn, call["id"]), owned)
    except Problem as problem:
        calls.note(conn, call["id"], call["status"], now(), f"not forwarded: {problem.code}")
        return refused(BUSY)


def _put_through(conn: Conn, settings: Settings, call: Row, owned: Row) -> AgiVerdict:
    to, at = owned["forward_to"], now()
    way = routes.allowed(conn, settings, call["account_id"], call["mode"], to, owned["number"])
    rate = rating.rate_for(conn, call["account_id"], to)
    payer = Payer(call["account_id"], call["mode"], call["id"], rate, INBOUND_SECONDS_MAX)
    grant = grants.lengthen(conn, payer, 0, settings.call_slice_seconds, at)
    if grant.seconds == 0:
        raise InsufficientFundsError
    calls.change(conn, call["id"], route=way.route, legs=way.legs, rate=rate.to_text(),
                 **grants.columns(payer, grant))  # fmt: skip
    calls.note(conn, call["id"], call["status"], at, f"forwarded to {to}")
    return _verdict(owned, owned["number"], way.legs, grant, call["record"])


def _check(conn: Conn, settings: Settings, owned: Row) -> None:
    if accounts.account(conn, owned["account_id"])["status"] != "active":
        raise AccountSuspendedError
    pacing.check_room(conn, settings, owned["account_id"], owned["mode"])


def _number(dialled: str) -> str:
    """Carriers write `+1555…`, `001555…` or `1555…`."""
    try:
        return e164("+" + dialled.removeprefix("+").removeprefix("00"))
    except ValueError:
        return dialled


def _caller(caller: str) -> str:
    """As a number of the world where it is one, else as it came."""
    digits = caller.removeprefix("+").removeprefix("00")
    if not digits.isdigit():
        return caller or ANONYMOUS
    try:
        return e164("+" + digits)
    except ValueError:
        return caller


def _phones(conn: Conn, owned: Row) -> list[Row]:
    """The phones that may ring, in order."""
    rows = (sip.by_username(conn, name) for name in owned["targets"].split(",") if name)
    return [
        row for row in rows
        if row and row["account_id"] == owned["account_id"] and row["status"] == "active"
    ]  # fmt: skip


def _legs(owned: Row, phones: list[Row]) -> str:
    names = [phone["username"] for phone in phones]
    groups = [names] if owned["strategy"] == "all" else [[name] for name in names]
    legs = [routes.to_phones(group).legs for group in groups if group]
    return "/".join([*legs, routes.FORWARD if owned["forward_to"] else routes.BUSY])


def _call(
    conn: Conn, settings: Settings, owned: Row, phones: list[Row], trunk: str, caller: str,
    uniqueid: str,
) -> Row:  # fmt: skip
    """The columns of a call that comes in now, but for its grant."""
    at, rate = now(), _free(conn, owned)
    return {
        "id": new_id("call"), "channel_id": uniqueid, "account_id": owned["account_id"],
        "key_id": None, "mode": owned["mode"], "direction": "inbound", "status": "dialing",
        "sip_account": phones[0]["username"] if phones else None, "first_leg": "",
        "route": "phone", "to_number": owned["number"], "from_number": caller,
        "caller_id": caller, "ring_seconds": owned["ring_seconds"], "rate": rate.to_text(),
        "currency": rate.currency, "cost": 0, "duration": 0, "billsec": 0,
        "node": settings.node, "trunk": trunk, "created_at": at, "started_at": at,
        "last_seen_at": at,
    }  # fmt: skip


def _free(conn: Conn, owned: Row) -> Rate:
    return rating.free(accounts.account(conn, owned["account_id"])["currency"])


def _log_refusal(conn: Conn, call: Row, code: str) -> None:
    at: Instant = call["created_at"]
    nothing = Payer(call["account_id"], call["mode"], call["id"], Rate.from_text(call["rate"]), 0)
    calls.add(conn, **call, **grants.columns(nothing, grants.NOTHING))
    calls.go(conn, call["id"], CallStatus.failed, at, code, hangup_cause=code, ended_at=at)


def _verdict(owned: Row, shown: str, legs: str, grant: Grant, record: str) -> AgiVerdict:
    variables = {
        "SV_LEGS": legs, "SV_TO": owned["number"], "SV_CALLER_ID": shown,
        "SV_SECONDS": str(grant.seconds), "SV_RING_SECONDS": str(owned["ring_seconds"]),
        "SV_RECORD": record,
    }  # fmt: skip
    return AgiVerdict(True, variables)
