"""Pots of money and what moves between them. Every deed here runs in the caller's transaction."""

from db import chain, ledger
from db.connection import Conn, Row
from telephony.billing import limits
from telephony.clock import Instant
from telephony.errors import InsufficientFundsError
from telephony.money import Micros, to_json

PLATFORM = "acc_platform"
MODES = ("live", "test")
SIP_SHORT = (
    "The SIP wallet, from which calls are paid, does not cover this. Move money there from the"
    " wallet (POST /voip/topup, or the dashboard's page Wallet) and try again."
)


def open_pots(conn: Conn, account_id: str, currency: str) -> None:
    """Give a customer both wallets in both modes, or the platform its own pots."""
    kinds = ledger.SYSTEM if account_id == PLATFORM else ledger.WALLETS
    for mode in MODES:
        for kind in kinds:
            ledger.open_pot(conn, account_id, mode, kind, currency)


def fund(
    conn: Conn, account_id: str, mode: str, amount: Micros, *, reference: str, actor: str,
    now: Instant, reason: str = "",
) -> str:  # fmt: skip
    """Put money that was paid in into the wallet; the journal's id."""
    _positive(amount)
    chain.take_turn(conn, mode)
    wallet = ledger.pot(conn, account_id, mode, "wallet")
    funding = ledger.pot(conn, PLATFORM, mode, "funding")
    change(conn, wallet, amount, now)
    return ledger.write_journal(
        conn, reference=reference, mode=mode, kind="fund", actor=actor, now=now,
        reason=reason,
        postings={funding["id"]: -amount, wallet["id"]: amount},
    )  # fmt: skip


def top_up_sip(
    conn: Conn, account_id: str, mode: str, amount: Micros, *, reference: str, actor: str,
    now: Instant,
) -> str:  # fmt: skip
    """Move money from the wallet to the SIP wallet; raises InsufficientFundsError."""
    _positive(amount)
    chain.take_turn(conn, mode)
    wallet = ledger.pot(conn, account_id, mode, "wallet")
    sip = ledger.pot(conn, account_id, mode, "sip")
    change(conn, wallet, -amount, now)
    change(conn, sip, amount, now)
    return ledger.write_journal(
        conn, reference=reference, mode=mode, kind="sip_topup", actor=actor, now=now,
        postings={wallet["id"]: -amount, sip["id"]: amount},
    )  # fmt: skip


def change(conn: Conn, pot: Row, amount: Micros, now: Instant) -> None:
    """Add to a pot, or take from what is free in it; raises InsufficientFundsError. The caller
    writes the journal that belongs to it."""
    after = ledger.change_balance(conn, pot["id"], amount)
    if after is None:
        raise not_enough(pot, -amount)
    limits.watch(conn, after, now)


def available(conn: Conn, account_id: str, mode: str, kind: str) -> Micros:
    """What is in a pot and not held."""
    pot = ledger.pot(conn, account_id, mode, kind)
    return int(pot["balance"] - pot["held"])


def balance(conn: Conn, account_id: str, mode: str, kind: str) -> Micros:
    """What is in a pot, held or not."""
    return int(ledger.pot(conn, account_id, mode, kind)["balance"])


def chain_journals(conn: Conn, on: bool) -> None:
    """Link the journals of both modes by hashes from now on, or no longer."""
    for mode in MODES:
        chain.activate(conn, mode, on)


def not_enough(pot: Row, required: Micros) -> InsufficientFundsError:
    """The error that tells how much was needed of which pot, and how much there was."""
    free = to_json(pot["balance"] - pot["held"])
    detail = SIP_SHORT if pot["kind"] == "sip" else ""
    return InsufficientFundsError(detail, required=to_json(required), available=free)


def just_short(conn: Conn, account_id: str, mode: str, kind: str) -> InsufficientFundsError:
    """The error of whoever wants a millionth more than a pot has free."""
    pot = ledger.pot(conn, account_id, mode, kind)
    return not_enough(pot, pot["balance"] - pot["held"] + 1)


def _positive(amount: Micros) -> None:
    if amount <= 0:
        raise ValueError("an amount to move must be above zero")
