"""A Hypothesis machine: random deeds on the real ledger beside the plain book of `book.py`."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)

from db import accounts, audit
from db.connection import Conn, Row
from db.ids import new_id
from telephony.billing import adjustments, holds, limits, wallets
from telephony.billing.adjustments import RefundError
from telephony.clock import SECOND
from telephony.errors import InsufficientFundsError, SpendCapReachedError
from tests.factories import Customer, add_customer
from tests.money.book import Book, Hold
from tests.money.connections import Bare

T = TypeVar("T")
NOON = 1_768_219_200_000_000
FUNDS = 5_000
"""Enough for some holds, so that examples are not all refusals."""
AMOUNT = st.integers(1, 1_000)
WALLET = st.sampled_from(["wallet", "sip"])
HOLD = (st.integers(0, 2_000), WALLET, st.booleans(), st.none() | st.integers(0, 10))
REFUSED = (InsufficientFundsError, SpendCapReachedError, RefundError)


class Money(RuleBasedStateMachine):
    """Each example is one customer of a database that all examples share."""

    bare: ClassVar[Bare]
    steps: ClassVar[int] = 0
    references = Bundle("references")

    def __init__(self) -> None:
        super().__init__()
        self.book = Book()
        self.now = NOON
        self.who: Customer = self.bare.write(
            partial(add_customer, funds=FUNDS, sip_funds=FUNDS, mode="test", scopes=(), name="Me")
        )
        self.book.move("wallet", FUNDS)
        self.book.move("sip", FUNDS)

    def deed(self, do: Callable[..., T], *args: Any, **facts: Any) -> T | Exception:
        """The result, or the refusal, of a deed that was committed if it could be."""
        Money.steps += 1
        try:
            return self.bare.write(lambda conn: do(conn, *args, **facts))
        except REFUSED as refusal:
            return refusal

    def _paid(self) -> dict[str, Any]:
        return {"reference": new_id("ref"), "actor": "machine", "now": self.now}

    @rule(amount=AMOUNT)
    def fund(self, amount: int) -> None:
        self.deed(wallets.fund, self.who.account_id, "test", amount, **self._paid())
        assert self.book.move("wallet", amount)

    @rule(amount=AMOUNT)
    def transfer(self, amount: int) -> None:
        done = self.deed(wallets.top_up_sip, self.who.account_id, "test", amount, **self._paid())
        assert isinstance(done, str) == self.book.transfer(amount)

    @rule(amount=AMOUNT, sign=st.sampled_from([1, -1]), wallet=WALLET)
    def adjust(self, amount: int, sign: int, wallet: str) -> None:
        done = self.deed(adjustments.adjust, self.who.account_id, "test", wallet, sign * amount,
                         reason="model", **self._paid())  # fmt: skip
        assert isinstance(done, str) == self.book.move(wallet, sign * amount)

    @initialize(target=references, facts=st.lists(st.tuples(*HOLD), min_size=3, max_size=6))
    def begin(self, facts: list[tuple[int, str, bool, int | None]]) -> Any:
        """Every example has holds, also one in which Hypothesis leaves `place` out."""
        return multiple(*(self._place(*fact) for fact in facts))

    @rule(target=references, fact=st.tuples(*HOLD))
    def place(self, fact: tuple[int, str, bool, int | None]) -> str:
        return self._place(*fact)

    def _place(self, amount: int, wallet: str, with_key: bool, seconds: int | None) -> str:
        reference = new_id("ref")
        expires_at = None if seconds is None else self.now + seconds * SECOND
        done = self.deed(
            holds.place, self.who.account_id, "test", wallet, amount, reference=reference,
            now=self.now, key_id=self.who.key_id if with_key else None, expires_at=expires_at,
        )  # fmt: skip
        kind = {type(None): "ok", InsufficientFundsError: "funds", SpendCapReachedError: "cap"}
        hold = Hold(wallet, amount, expires_at, with_key)
        expected = self.book.place(reference, hold)
        assert kind[type(done)] == expected
        if expected != "ok":
            self.book.holds[reference] = Hold(wallet, 0, None, with_key, state="never")
        return reference

    @rule(reference=references, more=st.integers(0, 1_000))
    def extend(self, reference: str, more: int) -> None:
        assert self.deed(holds.extend, reference, more, self.now) == self.book.extend(
            reference, more
        )

    @rule(reference=references, amount=st.integers(0, 2_500))
    def capture(self, reference: str, amount: int) -> None:
        charged = self.deed(holds.capture, reference, "test", amount, self.now)
        assert charged == self.book.capture(reference, amount)

    @rule(reference=references)
    def release(self, reference: str) -> None:
        self.deed(holds.release, reference, "test", self.now)
        self.book.capture(reference, 0)

    @rule(seconds=st.integers(0, 5))
    def expire(self, seconds: int) -> None:
        self.now += seconds * SECOND
        assert self.deed(holds.expire_due, self.now, 1_000) == self.book.expire(self.now)

    @rule(reference=references, amount=AMOUNT)
    def refund(self, reference: str, amount: int) -> None:
        done = self.deed(adjustments.refund, f"charge:{reference}", amount, reason="model",
                         **self._paid())  # fmt: skip
        assert isinstance(done, str) == self.book.refund(reference, amount)

    @rule(of=st.sampled_from(["account", "key"]), cap=st.none() | st.integers(0, 20_000))
    def cap(self, of: str, cap: int | None) -> None:
        if of == "account":
            self.deed(partial(accounts.change, spend_month_max=cap), self.who.account_id)
            self.book.account_cap = cap
        else:
            self.deed(accounts.change_key, self.who.key_id, spend_day_max=cap)
            self.book.key_cap = cap

    @rule(threshold=st.none() | st.integers(1, 7_000))
    def warn(self, threshold: int | None) -> None:
        who = (self.who.account_id, "test", "wallet")
        self.deed(limits.set_threshold, *who, threshold, self.now)
        self.book.threshold = threshold
        self.book.watch()

    @rule(reference=references, amount=AMOUNT)
    def crash(self, reference: str, amount: int) -> None:
        """Everything at once, and the power fails before the commit."""
        who = self.who.account_id

        def deeds(conn: Conn) -> None:
            wallets.fund(conn, who, "test", amount, **self._paid())
            holds.extend(conn, reference, amount, self.now)
            holds.capture(conn, reference, "test", amount, self.now)
            holds.expire_due(conn, self.now + 100 * SECOND, 1_000)

        Money.steps += 1
        self.bare.crash(deeds)

    @invariant()
    def the_pots_are_as_in_the_book(self) -> None:
        rows = self.bare.read(partial(_pots, account_id=self.who.account_id))
        for kind, pot in self.book.pots.items():
            assert (rows[kind]["balance"], rows[kind]["held"]) == (pot.balance, pot.held)
            assert 0 <= pot.held <= pot.balance

    def teardown(self) -> None:
        """What costs more is compared once, at the end of an example."""
        self.bare.write(self._compare)
        self._end_holds()

    def _compare(self, conn: Conn) -> None:
        spent = {row["subject"]: row["amount"] for row in conn.all(
            "SELECT subject, amount FROM spend WHERE subject IN :who",
            who=[self.who.account_id, self.who.key_id])}  # fmt: skip
        assert spent.get(self.who.account_id, 0) == self.book.spent
        assert spent.get(self.who.key_id, 0) == self.book.spent_by_key
        events = conn.all("SELECT id FROM event WHERE account_id = :id", id=self.who.account_id)
        assert len(events) == self.book.warnings
        assert _booked(conn, list(self.book.holds)) == (
            sum(hold.captured for hold in self.book.holds.values()), self.book.surplus
        )  # fmt: skip

    def _end_holds(self) -> None:
        """So that no later example's reaper meets them."""
        for reference, hold in self.book.holds.items():
            if hold.state == "open":
                self.deed(holds.release, reference, "test", self.now)


def _pots(conn: Conn, account_id: str) -> dict[str, Row]:
    rows = conn.all(
        "SELECT kind, balance, held FROM ledger_account WHERE account_id = :id AND mode = 'test'",
        id=account_id,
    )
    return {row["kind"]: row for row in rows}


def _booked(conn: Conn, references: list[str]) -> tuple[int, int]:
    """Charged and surplus of these holds."""
    totals = []
    for kind in ("charge", "surplus"):
        names = [f"{kind}:{reference}" for reference in references]
        rows = conn.all("SELECT p.amount FROM journal j JOIN posting p ON p.journal_id = j.id"
                        " AND p.amount > 0 WHERE j.reference IN :names", names=names)  # fmt: skip
        totals.append(sum(row["amount"] for row in rows))
    return totals[0], totals[1]


def drift(bare: Bare) -> dict[str, Any]:
    """What the whole ledger breaks."""
    return {name: rows for name, rows in bare.write(audit.drift).items() if rows}
