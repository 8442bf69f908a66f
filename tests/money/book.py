"""What the ledger should say, in plain Python: no SQL, no rounding, no shortcuts."""

from dataclasses import dataclass, field


@dataclass
class Pot:
    """A customer's wallet."""

    balance: int = 0
    held: int = 0

    @property
    def free(self) -> int:
        return self.balance - self.held


@dataclass
class Hold:
    """A hold; `left` is what of its charge was not refunded yet."""

    wallet: str
    amount: int
    expires_at: int | None
    with_key: bool
    state: str = "open"
    captured: int = 0
    left: int = 0


@dataclass
class Book:
    """One customer: two wallets, holds by reference, caps, and what the platform took."""

    account_cap: int | None = None
    key_cap: int | None = None
    threshold: int | None = None
    pots: dict[str, Pot] = field(default_factory=lambda: {"wallet": Pot(), "sip": Pot()})
    holds: dict[str, Hold] = field(default_factory=dict)
    revenue: int = 0
    surplus: int = 0
    spent: int = 0
    spent_by_key: int = 0
    warnings: int = 0
    low: bool = False

    def move(self, wallet: str, amount: int) -> bool:
        """Change a balance if what is free covers it."""
        pot = self.pots[wallet]
        if pot.free + amount < 0:
            return False
        pot.balance += amount
        self.watch()
        return True

    def transfer(self, amount: int) -> bool:
        """Wallet to SIP wallet."""
        return self.move("wallet", -amount) and self.move("sip", amount)

    def within_caps(self, amount: int, with_key: bool) -> bool:
        """Whether the caps leave room; nothing at all always has room."""
        if amount == 0:
            return True
        of_key = self.key_cap is None or self.spent_by_key + amount <= self.key_cap
        of_account = self.account_cap is None or self.spent + amount <= self.account_cap
        return of_account and (of_key or not with_key)

    def place(self, reference: str, hold: Hold) -> str:
        """`ok`, `funds` or `cap`."""
        if self.pots[hold.wallet].free < hold.amount:
            return "funds"
        if not self.within_caps(hold.amount, hold.with_key):
            return "cap"
        self.holds[reference] = hold
        self._hold(hold, hold.amount)
        return "ok"

    def extend(self, reference: str, more: int) -> bool:
        """Grow an open hold if funds and caps cover it."""
        hold = self.holds[reference]
        if hold.state != "open" or self.pots[hold.wallet].free < more:
            return False
        if not self.within_caps(more, hold.with_key):
            return False
        hold.amount += more
        self._hold(hold, more)
        return True

    def capture(self, reference: str, amount: int) -> int:
        """What is charged; the surplus is the platform's."""
        hold = self.holds[reference]
        if hold.state == "expired" and amount:
            hold.state = "late"
            self.surplus += amount
        if hold.state != "open":
            return 0
        hold.captured = hold.left = min(amount, hold.amount)
        self.surplus += amount - hold.captured
        self.revenue += hold.captured
        self._close(hold, "captured" if hold.captured else "released")
        return hold.captured

    def expire(self, now: int) -> int:
        """How many holds were past their time."""
        due = [
            hold for hold in self.holds.values()
            if hold.state == "open" and hold.expires_at is not None and hold.expires_at < now
        ]  # fmt: skip
        for hold in due:
            self._close(hold, "expired")
        return len(due)

    def refund(self, reference: str, amount: int) -> bool:
        """Give back a part of what was charged for a hold."""
        hold = self.holds[reference]
        if not hold.captured or amount > hold.left:
            return False
        hold.left -= amount
        self.revenue -= amount
        return self.move(hold.wallet, amount)

    def watch(self) -> None:
        """Count the warnings of the wallet."""
        low = self.threshold is not None and self.pots["wallet"].balance < self.threshold
        self.warnings += low and not self.low
        self.low = low

    def _hold(self, hold: Hold, amount: int) -> None:
        self.pots[hold.wallet].held += amount
        self.spent += amount
        self.spent_by_key += amount if hold.with_key else 0

    def _close(self, hold: Hold, state: str) -> None:
        pot, unspent = self.pots[hold.wallet], hold.amount - hold.captured
        hold.state = state
        pot.held -= hold.amount
        pot.balance -= hold.captured
        self.spent -= unspent
        self.spent_by_key -= unspent if hold.with_key else 0
        self.watch()
