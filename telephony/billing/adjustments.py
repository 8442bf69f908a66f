"""What a person does to money: corrections and refunds, each with actor and reason."""

from db import chain, ledger
from db.connection import Conn, Row
from telephony.billing.wallets import PLATFORM, change
from telephony.clock import Instant
from telephony.money import Micros, shown


class RefundError(ValueError):
    """Not a charge, or more than is left of it."""


def adjust(
    conn: Conn, account_id: str, mode: str, kind: str, amount: Micros, *, reason: str,
    reference: str, actor: str, now: Instant,
) -> str:  # fmt: skip
    """Add to a pot, or take from what is free in it if the amount is negative; the journal's id.
    Raises InsufficientFundsError."""
    if amount == 0 or not reason:
        raise ValueError("an adjustment has an amount and a reason")
    chain.take_turn(conn, mode)
    pot = ledger.pot(conn, account_id, mode, kind)
    change(conn, pot, amount, now)
    adjustment = ledger.pot(conn, PLATFORM, mode, "adjustment")
    return ledger.write_journal(
        conn, reference=reference, mode=mode, kind="adjust", actor=actor, reason=reason, now=now,
        postings={adjustment["id"]: -amount, pot["id"]: amount},
    )  # fmt: skip


def refund(
    conn: Conn, charge: str, amount: Micros, *, reason: str, reference: str, actor: str,
    now: Instant,
) -> str:  # fmt: skip
    """Give back a charge (its journal's id or reference) or a part of it, never more than is left
    of it; the journal's id. Raises RefundError."""
    if amount <= 0 or not reason:
        raise ValueError("a refund has an amount above zero and a reason")
    journal = _charge(conn, charge)
    chain.take_turn(conn, journal["mode"])
    conn.lock(f"refund:{journal['id']}")  # what is left is read after who refunded before
    moved = ledger.postings(conn, journal["id"])
    left = max(moved.values()) - ledger.refunded(conn, journal["id"])
    pot = _payer(conn, moved)
    if amount > left:
        told = shown(left, pot["currency"])
        raise RefundError(f"of the charge {charge}, {told} is left to refund")
    change(conn, pot, amount, now)
    return ledger.write_journal(
        conn, reference=reference, mode=journal["mode"], kind="refund", actor=actor,
        reason=reason, refers_to=journal["id"], now=now,
        postings={pot: -amount if moved[pot] > 0 else amount for pot in moved},
    )  # fmt: skip


def payer(conn: Conn, charge: str) -> Row:
    """The customer's pot that a charge was taken from. Raises RefundError."""
    return _payer(conn, ledger.postings(conn, _charge(conn, charge)["id"]))


def _payer(conn: Conn, moved: dict[str, Micros]) -> Row:
    return ledger.pot_by_id(conn, min(moved, key=moved.__getitem__))


def _charge(conn: Conn, name: str) -> Row:
    journal = ledger.journal(conn, name)
    if journal is None or journal["kind"] != "charge":
        raise RefundError(f"there is no charge {name}")
    return journal
