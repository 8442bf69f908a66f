"""Many holds captured by few statements: what `holds.capture` does for one, for all that end
together."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from db import chain, holds, ledger
from db.connection import Conn, Row
from telephony.billing import limits
from telephony.billing.holds import capture, payer_of, platform_pot
from telephony.billing.limits import Payer
from telephony.clock import Instant
from telephony.money import Micros


@dataclass(frozen=True)
class Charge:
    """What a hold is asked for, and when."""

    reference: str
    mode: str
    amount: Micros
    at: Instant


def capture_all(conn: Conn, charges: list[Charge]) -> dict[str, Micros]:
    """Charge held amounts and return the rest to their pots: what was charged, by reference. Each
    reference comes once. One whose hold is no longer open is taken alone, as `capture` does."""
    for mode in sorted({one.mode for one in charges if one.amount}):
        chain.take_turn(conn, mode)
    found = holds.open_ones(conn, [one.reference for one in charges])
    charged = {
        one.reference: capture(conn, one.reference, one.mode, one.amount, one.at)
        for one in charges if one.reference not in found
    }  # fmt: skip
    closed = [_closed(found[one.reference], one) for one in charges if one.reference in found]
    holds.close_all(conn, closed)
    _lift_all(conn, closed)
    ledger.write_journals(conn, _journals(conn, closed))
    return charged | {hold["reference"]: hold["captured"] for hold in closed}


def _closed(hold: Row, charge: Charge) -> Row:
    captured = min(charge.amount, hold["amount"])
    return hold | {
        "captured": captured, "asked": charge.amount, "closed_at": charge.at,
        "state": "captured" if captured else "released",
    }  # fmt: skip


def _lift_all(conn: Conn, closed: list[Row]) -> None:
    """Return to their pots what closed holds did not charge; notes in each hold the balance that
    its pot has after it."""
    by_pot: dict[str, list[Row]] = {}
    for hold in closed:
        by_pot.setdefault(hold["ledger_account_id"], []).append(hold)
    lifted = {pot_id: (_sum("amount", of_pot), _sum("captured", of_pot))
              for pot_id, of_pot in by_pot.items()}  # fmt: skip
    pots = ledger.give_back_all(conn, lifted)
    unused: Counter[Payer] = Counter()
    for pot in pots:
        balance = pot["balance"] + lifted[pot["id"]][1]
        for hold in by_pot[pot["id"]]:
            balance -= hold["captured"]
            hold["balance_after"] = balance
            unused[payer_of(hold, pot).day()] += hold["amount"] - hold["captured"]
    for payer, amount in sorted(unused.items(), key=_order):
        limits.give_back(conn, payer, amount)
    for pot in pots:
        limits.watch(conn, pot, max(hold["closed_at"] for hold in by_pot[pot["id"]]))


def _sum(name: str, holds_of_pot: list[Row]) -> int:
    return sum(hold[name] for hold in holds_of_pot)


def _order(item: tuple[Payer, int]) -> tuple[str, ...]:
    payer, _ = item
    return (payer.account_id, payer.mode, payer.key_id or "", str(payer.at))


def _journals(conn: Conn, closed: list[Row]) -> list[Row]:
    journals = []
    for hold in closed:
        over = hold["asked"] - hold["captured"]
        if hold["captured"]:
            journals.append(_journal(conn, "charge", hold, hold["ledger_account_id"],
                                     hold["captured"], hold["balance_after"]))  # fmt: skip
        if over > 0:
            pot_id = platform_pot(conn, hold["mode"], "adjustment")
            journals.append(_journal(conn, "surplus", hold, pot_id, over, None))
    return journals


def _journal(
    conn: Conn, kind: str, hold: Row, pot_id: str, amount: int, balance: int | None
) -> dict[str, Any]:
    """A move from a pot to revenue."""
    revenue = platform_pot(conn, hold["mode"], "revenue")
    return {
        "reference": f"{kind}:{hold['reference']}", "mode": hold["mode"], "kind": kind,
        "actor": "platform", "at": hold["closed_at"], "reason": "", "refers_to": None,
        "postings": {pot_id: -amount, revenue: amount}, "balances": {pot_id: balance},
    }  # fmt: skip
