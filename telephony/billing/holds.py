"""Money set aside before something happens, and settled once when it has: placed, perhaps
lengthened, then captured (the rest returns), released, or expired."""

from dataclasses import dataclass

from db import chain, holds, ledger
from db.connection import Conn, Row
from telephony.billing import limits
from telephony.billing.limits import Payer
from telephony.billing.wallets import PLATFORM, not_enough
from telephony.clock import Instant
from telephony.errors import Problem
from telephony.money import Micros


@dataclass(frozen=True)
class Wanted:
    """A hold that one of many messages needs."""

    reference: str
    amount: Micros
    expires_at: Instant


def place(
    conn: Conn, account_id: str, mode: str, kind: str, amount: Micros, *, reference: str,
    now: Instant, key_id: str | None = None, expires_at: Instant | None = None,
) -> None:  # fmt: skip
    """Hold an amount for one message or call; raises InsufficientFundsError and
    SpendCapReachedError. The guard is in the UPDATE itself, so racing callers cannot hold the same
    money."""
    pot = ledger.pot(conn, account_id, mode, kind)
    if not ledger.set_aside(conn, pot["id"], amount):
        raise not_enough(pot, amount)
    holds.add(
        conn, reference, pot["id"], amount, now, mode=mode, key_id=key_id, expires_at=expires_at
    )
    if reached := limits.spend(conn, Payer(account_id, mode, key_id, now), amount):
        raise reached


def place_many(
    conn: Conn, account_id: str, mode: str, kind: str, wanted: list[Wanted], *, now: Instant,
    key_id: str | None = None,
) -> dict[str, Problem]:  # fmt: skip
    """Hold an amount for each of many messages: all at once where funds and caps cover them, else
    one after the other. The references that got none, with the reason."""
    pot_id = ledger.pot(conn, account_id, mode, kind)["id"]
    payer = Payer(account_id, mode, key_id, now)
    refused: dict[str, Problem] = {}
    if _uncovered(conn, pot_id, payer, sum(one.amount for one in wanted)):
        for one in wanted:
            if problem := _uncovered(conn, pot_id, payer, one.amount):
                refused[one.reference] = problem
    common = {"ledger_account_id": pot_id, "mode": mode, "key_id": key_id, "created_at": now}
    holds.add_all(conn, [
        {"reference": one.reference, "amount": one.amount, "expires_at": one.expires_at, **common}
        for one in wanted if one.reference not in refused
    ])  # fmt: skip
    return refused


def _uncovered(conn: Conn, pot_id: str, payer: Payer, amount: Micros) -> Problem | None:
    """Set an amount aside and count it; why not, and then nothing is changed."""
    if not ledger.set_aside(conn, pot_id, amount):
        return not_enough(ledger.pot_by_id(conn, pot_id), amount)
    if reached := limits.spend(conn, payer, amount):
        ledger.give_back(conn, pot_id, amount, 0)
        return reached
    return None


def extend(
    conn: Conn, reference: str, more: Micros, now: Instant, expires_at: Instant | None = None
) -> bool:
    """Add to an open hold, which may then expire later. False, with nothing changed, if it is
    closed, or the free funds or a spend cap do not cover it."""
    if more < 0:
        raise ValueError("a hold is only ever extended")
    hold = holds.lengthen(conn, reference, 0, None)  # takes its lock before the pot's, as capture
    pot = ledger.set_aside(conn, hold["ledger_account_id"], more) if hold else None
    if hold is None or pot is None:
        return False
    if limits.spend(conn, payer_of(hold, pot), more):
        ledger.give_back(conn, pot["id"], more, 0)
        return False
    holds.lengthen(conn, reference, more, expires_at)
    return True


def capture(conn: Conn, reference: str, mode: str, amount: Micros, now: Instant) -> Micros:
    """Charge a held amount and return the rest to its pot: what was charged. Never more than the
    hold; what is asked beyond it, or after it had expired, is booked as a surplus that the
    platform bears. 0 if it was closed before, so that a repeated fact charges nothing."""
    if amount > 0:
        chain.take_turn(conn, mode)
    closed = holds.close(conn, reference, amount, now)
    if closed is None:
        if amount > 0 and holds.mark_late(conn, reference):
            _give(conn, reference, mode, amount, now)
        return 0
    charged = int(closed["captured"])
    _lift(conn, closed, now)
    if charged:
        _book(conn, "charge", reference, mode, closed["ledger_account_id"], charged, now)
    if amount > charged:
        _give(conn, reference, mode, amount - charged, now)
    return charged


def release(conn: Conn, reference: str, mode: str, now: Instant) -> None:
    """Return the whole of a hold to its pot; a closed one stays as it is."""
    capture(conn, reference, mode, 0, now)


def expire_due(conn: Conn, now: Instant, limit: int) -> int:
    """Return the money of open holds past their `expires_at`, at most `limit`; how many."""
    closed = [holds.close(conn, one, 0, now, "expired") for one in holds.due(conn, now, limit)]
    expired: list[Row] = [hold for hold in closed if hold]
    for hold in expired:
        _lift(conn, hold, now)
    return len(expired)


def _lift(conn: Conn, hold: Row, now: Instant) -> None:
    """Return to its pot what a closed hold did not charge."""
    pot = ledger.give_back(conn, hold["ledger_account_id"], hold["amount"], hold["captured"])
    limits.give_back(conn, payer_of(hold, pot), hold["amount"] - hold["captured"])
    limits.watch(conn, pot, now)


def payer_of(hold: Row, pot: Row) -> Payer:
    """Who pays for a hold of that pot."""
    return Payer(pot["account_id"], hold["mode"], hold["key_id"], hold["created_at"])


def platform_pot(conn: Conn, mode: str, kind: str) -> str:
    """The id of one of the platform's own pots, looked up once in a transaction."""
    key = f"pot of the platform: {mode} {kind}"
    if key not in conn.memo:
        conn.memo[key] = ledger.pot(conn, PLATFORM, mode, kind)["id"]
    return str(conn.memo[key])


def _give(conn: Conn, reference: str, mode: str, amount: Micros, now: Instant) -> None:
    """Book a surplus, which the platform bears."""
    pot_id = platform_pot(conn, mode, "adjustment")
    _book(conn, "surplus", reference, mode, pot_id, amount, now)


def _book(
    conn: Conn, kind: str, reference: str, mode: str, pot_id: str, amount: Micros, now: Instant
) -> None:
    """Move an amount from a pot to revenue."""
    revenue = platform_pot(conn, mode, "revenue")
    ledger.write_journal(
        conn, reference=f"{kind}:{reference}", mode=mode, kind=kind, actor="platform", now=now,
        postings={pot_id: -amount, revenue: amount},
    )  # fmt: skip
