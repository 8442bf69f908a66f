"""Talk time is paid for before it is talked: a hold for the first slice of a call, lengthened
slice by slice while the wallet covers more. Every deed runs in the caller's transaction."""

from bisect import bisect_right
from dataclasses import dataclass

from db.connection import Conn, Row
from telephony.billing import holds
from telephony.billing.rating import Rate, affordable_seconds, call_cost
from telephony.billing.wallets import available
from telephony.clock import Instant
from telephony.money import Micros

FUNDS_EXHAUSTED = "funds_exhausted"
TIME_LIMIT = "time_limit"
SPEND_CAP_REACHED = "spend_cap_reached"
PLATFORM_UNAVAILABLE = "platform_unavailable"
"""There was money for more, but nobody came to lengthen the call in time."""


WAIT_SLACK_SECONDS = 5
"""By so much the dialplan lets the first leg wait longer than the other may ring."""


@dataclass(frozen=True)
class FirstLeg:
    """The leg of a call-back that is called first: charged from its own answer on, so for the
    time that the other rings, too, which is `wait_seconds` at most."""

    rate: Rate
    wait_seconds: int


@dataclass(frozen=True)
class Payer:
    """Whose SIP wallet pays for which call, at what price and for how long at most."""

    account_id: str
    mode: str
    call_id: str
    rate: Rate
    limit_seconds: int
    key_id: str | None = None
    first: FirstLeg | None = None

    def cost(self, talk_seconds: int) -> Micros:
        """What a talk of so many seconds may cost at most, with both legs."""
        cost = call_cost(self.rate, talk_seconds)
        if self.first is None:
            return cost
        return cost + call_cost(self.first.rate, talk_seconds + self.first.wait_seconds)


@dataclass(frozen=True)
class Grant:
    """Talk time that is paid for, and why a call that uses it up ends there. `max_seconds` is
    what the funds of this moment would last for."""

    seconds: int
    cut_cause: str
    max_seconds: int


NOTHING = Grant(0, TIME_LIMIT, 0)


def columns(payer: Payer, grant: Grant) -> Row:
    """The columns of a call's talk time. The PBX gets the grant with the call, so that is what
    it has confirmed."""
    return {
        "time_limit_seconds": payer.limit_seconds, "max_seconds": grant.max_seconds,
        "granted_seconds": grant.seconds, "armed_seconds": grant.seconds,
        "cut_cause": grant.cut_cause,
    }  # fmt: skip


def begin(conn: Conn, payer: Payer, slice_seconds: int, now: Instant) -> Grant:
    """Pay for the first slice, or as much of it as there are funds for; raises
    InsufficientFundsError where they do not cover the first billing step."""
    first = _bought(payer, payer.cost(1))
    holds.place(
        conn, payer.account_id, payer.mode, "sip", payer.cost(first),
        reference=payer.call_id, now=now, key_id=payer.key_id,
    )  # fmt: skip
    return lengthen(conn, payer, first, max(first, slice_seconds), now)


def lengthen(conn: Conn, payer: Payer, granted: int, wanted: int, now: Instant) -> Grant:
    """Pay for `wanted` seconds of talk in all, in whole billing steps, or for the largest part
    of the way there that the free funds cover."""
    paid = payer.cost(granted)
    funds = paid + available(conn, payer.account_id, payer.mode, "sip")
    goal, covered = _bought(payer, payer.cost(wanted)), _bought(payer, funds)
    one_step = _bought(payer, payer.cost(granted + 1))
    # A cap on spending may leave room for a step where it has none for a slice.
    steps = sorted({min(goal, covered), min(goal, covered, one_step)}, reverse=True)
    paid_for = (one for one in steps if one > granted and _extend(conn, payer, one, paid, now))
    seconds = next(paid_for, granted)
    return Grant(seconds, _cut_cause(payer, seconds, goal, covered), max(seconds, covered))


def _extend(conn: Conn, payer: Payer, seconds: int, paid: int, now: Instant) -> bool:
    return holds.extend(conn, payer.call_id, payer.cost(seconds) - paid, now)


def payer_of(call: Row) -> Payer:
    """The payer of a stored call."""
    return Payer(
        call["account_id"], call["mode"], call["id"], Rate.from_text(call["rate"]),
        call["time_limit_seconds"], call["key_id"], first_leg_of(call),
    )  # fmt: skip


def first_leg_of(call: Row) -> FirstLeg | None:
    """The first leg of a stored call, if it is charged."""
    if call["first_rate"] is None:
        return None
    return FirstLeg(Rate.from_text(call["first_rate"]), waits(call["ring_seconds"]))


def waits(ring_seconds: int) -> int:
    """How long a first leg is charged at most before the other answers."""
    return ring_seconds + WAIT_SLACK_SECONDS


def _bought(payer: Payer, amount: int) -> int:
    """The longest talk time that costs no more than the amount."""
    if payer.first is None:
        return affordable_seconds(payer.rate, amount, payer.limit_seconds)
    return bisect_right(range(1, payer.limit_seconds + 1), amount, key=payer.cost)


def _cut_cause(payer: Payer, seconds: int, goal: int, covered: int) -> str:
    if seconds >= payer.limit_seconds:
        return TIME_LIMIT
    if seconds >= goal:
        return PLATFORM_UNAVAILABLE
    return FUNDS_EXHAUSTED if covered < goal else SPEND_CAP_REACHED
