"""Numbers that accounts own: who rings when they are called."""

from collections.abc import Sequence

from db import numbers, sip
from db.connection import Conn
from telephony.clock import Instant
from telephony.errors import NotFoundError, ValidationFailedError
from telephony.phone_numbers import e164

RING_SECONDS = (5, 120)
TARGETS_MAX = 10


def own(
    conn: Conn, *, number: str, account_id: str, mode: str, strategy: str, ring_seconds: int,
    targets: Sequence[str], forward_to: str, now: Instant,
) -> str:  # fmt: skip
    """Give a number to an account; the number in E.164."""
    _check_targets(conn, account_id, targets)
    shortest, longest = RING_SECONDS
    if not shortest <= ring_seconds <= longest:
        raise ValidationFailedError(f"A phone rings for {shortest} to {longest} seconds.")
    text = _e164(number)
    added = numbers.own(
        conn, number=text, account_id=account_id, mode=mode, strategy=strategy,
        ring_seconds=ring_seconds, targets=",".join(targets),
        forward_to=_e164(forward_to) if forward_to else "", created_at=now,
    )  # fmt: skip
    if not added:
        raise ValidationFailedError(f"{text} is owned already.")
    return text


def _check_targets(conn: Conn, account_id: str, targets: Sequence[str]) -> None:
    if len(targets) > TARGETS_MAX:
        raise ValidationFailedError(f"At most {TARGETS_MAX} SIP accounts ring.")
    for name in targets:
        row = sip.by_username(conn, name)
        if row is None or row["account_id"] != account_id:
            raise NotFoundError(f"There is no SIP account {name} on this account.")


def disown(conn: Conn, number: str) -> None:
    """Take a number away; NotFoundError if nobody owns it."""
    if not numbers.disown(conn, _e164(number)):
        raise NotFoundError(f"Nobody owns {number}.")


def _e164(text: str) -> str:
    try:
        return e164(text)
    except ValueError as error:
        raise ValidationFailedError(f"{text}: {error}") from error
