"""How much an account or key may spend in a day or month, and the warning of a low balance."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from db import ledger, spending
from db.connection import Conn, Row
from telephony.clock import SECOND, Instant
from telephony.errors import SpendCapReachedError
from telephony.money import Micros, to_json
from telephony.webhooks.events import emit

DAY = 24 * 3600 * SECOND


@dataclass(frozen=True)
class Payer:
    """Whose money it is, and the instant of the hold: a call counts on the day that it began."""

    account_id: str
    mode: str
    key_id: str | None
    at: Instant

    def periods(self) -> dict[str, spending.Period]:
        """The periods that count, by the name of their cap; days and months are UTC."""
        day = datetime.fromtimestamp(self.at // SECOND, UTC).date().isoformat()
        found = {
            "account_day": (self.account_id, day),
            "account_month": (self.account_id, day[:7]),
        }
        return found | ({"key_day": (self.key_id, day)} if self.key_id else {})

    def day(self) -> "Payer":
        """The same for every instant of the day."""
        return replace(self, at=self.at - self.at % DAY)


def set_threshold(
    conn: Conn, account_id: str, mode: str, kind: str, threshold: Micros | None, now: Instant
) -> None:
    """Warn when a wallet falls below an amount, None: never. One that is below already is told
    at once."""
    pot = ledger.pot(conn, account_id, mode, kind)
    ledger.set_low_threshold(conn, pot["id"], threshold)
    watch(conn, pot | {"low_threshold": threshold}, now)


def spend(conn: Conn, payer: Payer, amount: Micros) -> SpendCapReachedError | None:
    """Count an amount; the error of the first cap that does not leave room for it, and then
    nothing is counted. Racing callers wait for each other at the counting rows."""
    if amount == 0:
        return None
    periods = payer.periods()
    spent = spending.add(conn, payer.mode, list(periods.values()), amount)
    caps = spending.caps(conn, payer.account_id, payer.key_id)
    for name, period in periods.items():
        if caps[name] is not None and spent[period] > caps[name]:
            spending.take_back(conn, payer.mode, list(periods.values()), amount)
            return _reached(name, caps[name], spent[period] - amount)
    return None


def give_back(conn: Conn, payer: Payer, amount: Micros) -> None:
    """Count an amount no longer that was held and not charged."""
    if amount:
        spending.take_back(conn, payer.mode, list(payer.periods().values()), amount)


def watch(conn: Conn, pot: Row, now: Instant) -> None:
    """Tell once that a pot has fallen below its threshold; again only after it had risen to it.
    `pot` is the row after its balance changed, whose lock is still held."""
    threshold = pot["low_threshold"]
    low = threshold is not None and pot["balance"] < threshold
    if low == (pot["low_since"] is not None):
        return
    times = ledger.set_low(conn, pot["id"], now if low else None)
    if low:
        _warn(conn, pot, times, now)


def _warn(conn: Conn, pot: Row, times: int, now: Instant) -> None:
    emit(
        conn, account_id=pot["account_id"], mode=pot["mode"], kind="wallet_low",
        subject=pot["id"], fact=str(times), callback_url=None, now=now,
        payload={
            "wallet": pot["kind"],
            "balance": to_json(pot["balance"]),
            "threshold": to_json(pot["low_threshold"]),
        },
    )  # fmt: skip


def _reached(name: str, cap: Micros, spent: Micros) -> SpendCapReachedError:
    of, period = name.split("_")
    return SpendCapReachedError(
        f"The {of} may spend {to_json(cap)} a {period}; {to_json(spent)} is spent or held.",
        of=of, period=period, cap=to_json(cap), spent=to_json(spent),
    )  # fmt: skip
