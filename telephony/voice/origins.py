"""Whose telephone a call of the API rings first, and which number the other side sees."""

from dataclasses import dataclass

from db import caller_ids, sip
from db.connection import Conn, Row
from telephony.billing import rating
from telephony.billing.rating import Rate
from telephony.errors import (
    AccountSuspendedError,
    CallerIdNotAllowedError,
    NotFoundError,
    ValidationFailedError,
)
from telephony.settings import Settings
from telephony.voice import routes

CALL_BACK = "Local/s@call-back/n"
"""Calls `from` by the same legs that any call goes out by; the dialplan knows the context."""


@dataclass(frozen=True)
class Origin:
    """The first leg. `shown` is the call's `from`, `channel` what Originate rings, `phone` the
    SIP account that it belongs to. A number that is called first (call-back) has no phone but a
    price and legs of its own."""

    shown: str
    caller_id: str
    channel: str
    phone: Row | None = None
    rate: Rate | None = None
    legs: str = ""


def origin_of(
    conn: Conn, settings: Settings, account_id: str, mode: str, asked: str, caller_id: str
) -> Origin:
    """What a call rings first that asks for this `from` and this caller id, or for none."""
    phone = _phone(conn, account_id, asked)
    usual = str(phone["caller_id"]) if phone else asked
    shown = caller_id or usual
    if caller_id or phone is None or mode != phone["dial_mode"]:
        check_allowed(conn, account_id, mode, shown)
    if phone:
        return Origin(asked or phone["username"], shown, f"PJSIP/{phone['username']}", phone)
    check_allowed(conn, account_id, mode, asked)
    rate = rating.rate_for(conn, account_id, asked)
    way = routes.allowed(conn, settings, account_id, mode, asked, shown)
    return Origin(asked, shown, CALL_BACK, rate=rate, legs=way.legs)


def check_allowed(conn: Conn, account_id: str, mode: str, number: str) -> None:
    """Raise CallerIdNotAllowedError unless the account verified the number or owns it."""
    if not number:
        raise CallerIdNotAllowedError(
            "The phone has no caller id to show. Verify a number with POST /voip/caller-ids, and"
            " name it as caller_id."
        )
    if not caller_ids.may_show(conn, account_id, number, mode):
        raise CallerIdNotAllowedError(
            f"{number} is neither a verified number of this account nor one that it owns."
            " Verify it with POST /voip/caller-ids."
        )


def _phone(conn: Conn, account_id: str, asked: str) -> Row | None:
    """The SIP account of that user name or caller id, by default the first; None for a number
    that is no phone's."""
    row = sip.calling(conn, account_id, asked or None)
    if row and row["status"] != "active":
        raise AccountSuspendedError(
            f"The SIP account {row['username']} is suspended. Make it active, or call from another."
        )
    if row or asked.startswith("+"):
        return row
    if not asked:
        raise NotFoundError("The account has no SIP account to call from.")
    raise ValidationFailedError(
        f"{asked} is neither a SIP username of this account nor the caller id of one.",
        errors=[{"field": "from", "code": "unknown", "message": "not a SIP account of yours"}],
    )
