"""Which sender a message shows: a number of the account, or a name that was approved for it."""

import re
from collections.abc import Callable
from functools import cache

from db import caller_ids, inbound, sms_accounts
from db.connection import Conn, Row
from db.sms_accounts import SenderStatus
from telephony.clock import Instant
from telephony.errors import NotFoundError, SenderIdNotAllowedError
from telephony.phone_numbers import prefixes
from telephony.settings import Settings

NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 &._-]{3,11}")
SHORT_CODE = re.compile(r"[0-9]{3,8}")
WITHOUT_NAMES = frozenset({"1", "32", "52", "54", "55", "56", "57", "86"})
"""Country codes whose networks replace a name or refuse it: a number must be shown there."""


REQUESTS_MAX = 100
"""Sender ids that one account may have or have asked for."""


def carried(sender: str) -> str:
    """A name (3–11 characters, a letter among them) or a short code; ValueError with a sentence
    for what no network takes."""
    if not (NAME.fullmatch(sender) or SHORT_CODE.fullmatch(sender)):
        raise ValueError(
            "a sender id is 3 to 11 letters, digits, spaces, &, ., _ or -, one of them a letter,"
            " or a short code of 3 to 8 digits"
        )
    return sender


def request(conn: Conn, account_id: str, sender: str, now: Instant) -> Row:
    """Ask for a sender id, also for one that was refused; what became of it. ValueError for one
    that no network takes, or beyond `REQUESTS_MAX`."""
    sms_accounts.request_sender(conn, account_id, carried(sender), now)
    there = sms_accounts.senders(conn, account_id)
    if len(there) > REQUESTS_MAX:
        raise ValueError(f"an account has at most {REQUESTS_MAX} sender ids: give one up first")
    return next(row for row in there if row["sender"] == sender)


def give_up(conn: Conn, account_id: str, sender: str) -> None:
    """Forget a sender id, whatever became of it; it is no default any more. Raises
    NotFoundError."""
    if not sms_accounts.drop_sender(conn, account_id, sender):
        raise NotFoundError("There is no such sender id.")


def senders_for(
    conn: Conn, settings: Settings, account_id: str, mode: str, default: str
) -> Callable[[str, str], str]:
    """Tells what a message shows that asks for a sender (maybe none) and goes to a number: what
    was asked for, the account's default, its first verified number, or the platform's sender.
    Raises SenderIdNotAllowedError. Each sender is looked up once."""
    unasked = cache(lambda: caller_ids.first(conn, account_id) or settings.sms_sender)
    allowed = cache(lambda wanted: _allowed(conn, account_id, mode, wanted))

    def sender_for(asked: str, to: str) -> str:
        wanted = asked or default
        if not wanted:
            return unasked()
        allowed(wanted)
        if not wanted.startswith("+") and not wanted.isdigit() and _needs_number(to):
            raise SenderIdNotAllowedError(
                f"Networks of {to[:4]}… show no names. Send from a number of this account."
            )
        return wanted

    return sender_for


def may_show(conn: Conn, account_id: str, sender: str) -> bool:
    """Whether messages of the account may show it in any mode."""
    if caller_ids.may_show(conn, account_id, sender, "test"):
        return True
    status = sms_accounts.sender_status(conn, account_id, sender)
    return status == SenderStatus.approved


def _allowed(conn: Conn, account_id: str, mode: str, sender: str) -> None:
    if caller_ids.may_show(conn, account_id, sender):
        return
    if inbound.owner(conn, sender) == (account_id, mode):
        return
    status = sms_accounts.sender_status(conn, account_id, sender)
    if status == SenderStatus.approved:
        return
    if status == SenderStatus.requested:
        raise SenderIdNotAllowedError(f"{sender} is requested and not approved yet.")
    if status == SenderStatus.refused:
        raise SenderIdNotAllowedError(f"{sender} was refused for this account.")
    raise SenderIdNotAllowedError(
        f"{sender} is neither a verified number nor an approved sender id of this account."
    )


def _needs_number(to: str) -> bool:
    return not WITHOUT_NAMES.isdisjoint(prefixes(to)[:3])
