"""Money that members move between the wallets of their account."""

from db import idempotency
from db.connection import Conn
from db.ids import new_id
from telephony import audit
from telephony.billing import wallets
from telephony.clock import Instant
from telephony.money import Micros
from telephony.users.problems import bad
from telephony.users.roles import Right
from telephony.users.sessions import Member
from telephony.users.team import must

FORM = "dashboard/wallet/top-up"
AMOUNT_MAX = 1_000_000 * 1_000_000


def top_up(conn: Conn, member: Member, mode: str, amount: Micros, form: str, now: Instant) -> bool:
    """Move an amount to the SIP wallet; False where this form was sent before, by a second click.
    InsufficientFundsError, ValidationFailedError."""
    must(member, Right.pay)
    member.must_be_confirmed(now)
    if mode not in wallets.MODES:
        raise bad("mode", "unknown", "The mode is test or live.")
    if not 0 < amount <= AMOUNT_MAX:
        raise bad("amount", "invalid", "Write an amount above 0, such as 25.50.")
    scope = {"account_id": member.account_id, "mode": mode, "endpoint": FORM, "key": form}
    if not idempotency.once(conn, scope, now):
        return False
    transaction = wallets.top_up_sip(
        conn, member.account_id, mode, amount, reference=new_id("topup"), actor=member.user_id,
        now=now,
    )  # fmt: skip
    audit.record(
        conn, member.actor, "wallet.moved_to_sip", transaction, now,
        account_id=member.account_id, after={"mode": mode, "amount_micros": amount},
    )  # fmt: skip
    return True
