"""Money that administrators put into wallets, correct and give back. `form` tells a second click
from a second wish: what was done under it once is not done again."""

from db import idempotency
from db.connection import Conn
from db.ids import new_id
from telephony import audit
from telephony.admin.accounts import customer
from telephony.admin.rights import reason_of
from telephony.audit import Actor
from telephony.billing import adjustments, wallets
from telephony.billing.adjustments import RefundError
from telephony.clock import Instant
from telephony.money import Micros
from telephony.users.problems import bad

AMOUNT_MAX = 1_000_000 * 1_000_000
_FORM = "admin/money"


def pay_in(
    conn: Conn, actor: Actor, now: Instant, account_id: str, mode: str, amount: Micros,
    reason: str, form: str = "",
) -> str | None:  # fmt: skip
    """Put money that was paid in into the wallet; the journal's id, None for a second click."""
    reason = reason_of(reason)
    if not 0 < amount <= AMOUNT_MAX:
        raise bad("amount", "invalid", "Write an amount above 0, such as 25.50.")
    if not _first(conn, account_id, mode, form, now):
        return None
    journal = wallets.fund(
        conn, account_id, mode, amount, reference=new_id("fund"), actor=actor.id, reason=reason,
        now=now,
    )  # fmt: skip
    _record(conn, actor, "wallet.paid_in", journal, now, account_id, mode, amount, reason)
    return journal


def correct(
    conn: Conn, actor: Actor, now: Instant, account_id: str, mode: str, wallet: str,
    amount: Micros, reason: str, form: str = "",
) -> str | None:  # fmt: skip
    """Add to a wallet, or take from what is free in it if the amount is negative; the journal's
    id, None for a second click. InsufficientFundsError."""
    reason = reason_of(reason)
    if not 0 < abs(amount) <= AMOUNT_MAX:
        raise bad("amount", "invalid", "Write an amount such as 25.50, or -25.50 to take it away.")
    if not _first(conn, account_id, mode, form, now):
        return None
    journal = adjustments.adjust(
        conn, account_id, mode, wallet, amount, reason=reason, reference=new_id("adjust"),
        actor=actor.id, now=now,
    )  # fmt: skip
    _record(conn, actor, "wallet.corrected", journal, now, account_id, mode, amount, reason)
    return journal


def refund(
    conn: Conn, actor: Actor, now: Instant, charge: str, amount: Micros, reason: str,
    account_id: str = "", form: str = "",
) -> str | None:  # fmt: skip
    """Give a charge or a part of it back, only if it is the account's where one is named; the
    journal's id, None for a second click."""
    reason = reason_of(reason)
    if amount <= 0:
        raise bad("amount", "invalid", "Write an amount above 0, such as 25.50.")
    try:
        pot = adjustments.payer(conn, charge)
        if account_id not in ("", pot["account_id"]):
            raise RefundError(f"there is no charge {charge} of this account")
        if not _first(conn, pot["account_id"], pot["mode"], form, now):
            return None
        journal = adjustments.refund(
            conn, charge, amount, reason=reason, reference=new_id("refund"), actor=actor.id,
            now=now,
        )  # fmt: skip
    except RefundError as error:
        raise bad("", "invalid", f"Not refunded: {error}.") from error
    _record(conn, actor, "charge.refunded", journal, now, pot["account_id"], pot["mode"], amount,
            reason)  # fmt: skip
    return journal


def _first(conn: Conn, account_id: str, mode: str, form: str, now: Instant) -> bool:
    customer(conn, account_id)
    if mode not in wallets.MODES:
        raise bad("mode", "unknown", "The mode is test or live.")
    scope = {"account_id": account_id, "mode": mode, "endpoint": _FORM, "key": form}
    return not form or idempotency.once(conn, scope, now)


def _record(
    conn: Conn, actor: Actor, action: str, journal: str, now: Instant, account_id: str, mode: str,
    amount: Micros, reason: str,
) -> None:  # fmt: skip
    after = {"mode": mode, "amount_micros": amount, "reason": reason}
    audit.record(conn, actor, action, journal, now, account_id=account_id, after=after)
