"""Limits that members set for their own account: a warning of a low balance, caps on spending."""

from db import accounts, ledger
from db.connection import Conn
from telephony import audit
from telephony.billing import limits, wallets
from telephony.clock import Instant
from telephony.money import Micros
from telephony.users.problems import bad
from telephony.users.roles import Right
from telephony.users.sessions import Member
from telephony.users.team import must


def set_threshold(
    conn: Conn, member: Member, mode: str, wallet: str, threshold: Micros | None, now: Instant
) -> None:
    """Warn when a wallet falls below an amount, None: never; ValidationFailedError."""
    must(member, Right.pay)
    if mode not in wallets.MODES or wallet not in ledger.WALLETS:
        raise bad("wallet", "unknown", "There is a wallet and a SIP wallet, live and test.")
    before = ledger.pot(conn, member.account_id, mode, wallet)["low_threshold"]
    limits.set_threshold(conn, member.account_id, mode, wallet, threshold, now)
    audit.record(
        conn, member.actor, "wallet.threshold_set", f"{mode} {wallet}", now,
        account_id=member.account_id, before={"threshold_micros": before},
        after={"threshold_micros": threshold},
    )  # fmt: skip


def set_caps(
    conn: Conn, member: Member, day: Micros | None, month: Micros | None, now: Instant
) -> None:
    """Let the account spend no more than that in a day and a month, in each mode. What the
    platform allows stays a cap, too."""
    must(member, Right.pay)
    member.must_be_confirmed(now)
    row = accounts.account(conn, member.account_id)
    after = {"own_day_max": day, "own_month_max": month}
    accounts.change(conn, member.account_id, **after)
    audit.record(
        conn, member.actor, "account.caps_set", member.account_id, now,
        account_id=member.account_id, before={name: row[name] for name in after}, after=after,
    )  # fmt: skip
