"""Numbers that accounts own: who rings when they are called."""

from collections.abc import Sequence
from dataclasses import dataclass

from db import numbers, sip
from db.connection import Conn, Row
from telephony.clock import Instant
from telephony.errors import NotFoundError
from telephony.phone_numbers import e164
from telephony.voice.sip_rules import bad

RING_SECONDS = (5, 120)
TARGETS_MAX = 10


def own(
    conn: Conn, *, number: str, account_id: str, mode: str, strategy: str, ring_seconds: int,
    targets: Sequence[str], forward_to: str, now: Instant,
) -> str:  # fmt: skip
    """Give a number to an account; the number in E.164."""
    _check_targets(conn, account_id, targets)
    _check_ringing(ring_seconds)
    text = _e164("number", number)
    added = numbers.own(
        conn, number=text, account_id=account_id, mode=mode, strategy=strategy,
        ring_seconds=ring_seconds, targets=",".join(targets),
        forward_to=_e164("forward_to", forward_to) if forward_to else "", created_at=now,
    )  # fmt: skip
    if not added:
        raise bad("number", "taken", f"{text} is owned already.")
    return text


@dataclass(frozen=True)
class Rule:
    """Whom a number rings: `targets` are SIP usernames, `forward_to` is E.164 or empty."""

    targets: tuple[str, ...]
    strategy: str
    ring_seconds: int
    forward_to: str

    @property
    def columns(self) -> Row:
        """As it is stored."""
        return {"targets": ",".join(self.targets), "strategy": self.strategy,
                "ring_seconds": self.ring_seconds, "forward_to": self.forward_to}  # fmt: skip


def change(conn: Conn, account_id: str, number: str, rule: Rule) -> Row:
    """Set what rings from now on; the row before. NotFoundError for another account's number."""
    row = numbers.owned(conn, number)
    if row is None or row["account_id"] != account_id:
        raise NotFoundError("The account does not own this number.")
    _check_targets(conn, account_id, rule.targets)
    _check_ringing(rule.ring_seconds)
    numbers.change(conn, number, **rule.columns)
    return row


def _check_ringing(seconds: int) -> None:
    shortest, longest = RING_SECONDS
    if not shortest <= seconds <= longest:
        message = f"A phone rings for {shortest} to {longest} seconds."
        raise bad("ring_seconds", "invalid", message)


def _check_targets(conn: Conn, account_id: str, targets: Sequence[str]) -> None:
    if len(targets) > TARGETS_MAX:
        raise bad("targets", "invalid", f"At most {TARGETS_MAX} SIP accounts ring.")
    for name in targets:
        row = sip.by_username(conn, name)
        if row is None or row["account_id"] != account_id:
            raise NotFoundError(f"There is no SIP account {name} on this account.")


def disown(conn: Conn, number: str) -> Row:
    """Take a number away from its owner; the row that it had. NotFoundError if it has none."""
    text = _e164("number", number)
    row = numbers.owned(conn, text)
    if row is None or not numbers.disown(conn, text):
        raise NotFoundError(f"Nobody owns {text}.")
    return row


def _e164(field: str, text: str) -> str:
    try:
        return e164(text)
    except ValueError as error:
        raise bad(field, "invalid", f"{text}: {error}") from error
