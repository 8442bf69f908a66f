"""Money set aside before something happens, and settled once when it has: placed, then captured
(the rest returns) or released."""

from db import ledger
from db.connection import Conn
from telephony.billing.wallets import PLATFORM, not_enough
from telephony.clock import Instant
from telephony.money import Micros


def place(
    conn: Conn, account_id: str, mode: str, kind: str, amount: Micros, *, reference: str,
    now: Instant,
) -> None:  # fmt: skip
    """Hold an amount for one message or call; raises InsufficientFundsError. The guard is in the
    UPDATE itself, so racing callers cannot hold the same money."""
    pot = ledger.pot(conn, account_id, mode, kind)
    if not ledger.set_aside(conn, pot["id"], amount):
        raise not_enough(amount, pot["balance"] - pot["held"])
    ledger.add_hold(conn, reference, pot["id"], amount, now)


def capture(conn: Conn, reference: str, mode: str, amount: Micros, now: Instant) -> Micros:
    """Charge a held amount and return the rest to its pot: what was charged. Never more than the
    hold; 0 if it was closed before, so that a repeated fact charges nothing."""
    hold = ledger.open_hold(conn, reference)
    if hold is None:
        return 0
    charged = min(amount, int(hold["amount"]))
    closed = ledger.close_hold(conn, reference, "captured" if charged else "released", charged, now)
    if closed is None:
        return 0
    ledger.give_back(conn, closed["ledger_account_id"], closed["amount"], charged)
    if charged:
        _book(conn, reference, mode, closed["ledger_account_id"], charged, now)
    return charged


def release(conn: Conn, reference: str, mode: str, now: Instant) -> None:
    """Return the whole of a hold to its pot; a closed one stays as it is."""
    capture(conn, reference, mode, 0, now)


def _book(
    conn: Conn, reference: str, mode: str, pot_id: str, charged: Micros, now: Instant
) -> None:
    revenue = ledger.pot(conn, PLATFORM, mode, "revenue")
    ledger.write_journal(
        conn, reference=f"charge:{reference}", mode=mode, kind="charge", actor="platform", now=now,
        postings={pot_id: -charged, revenue["id"]: charged},
    )  # fmt: skip
