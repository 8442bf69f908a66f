"""What administrators do to a customer's account: stop it, let it go on, limit it."""

from db import accounts
from db.connection import Conn, Row
from telephony import audit
from telephony.admin.rights import reason_of
from telephony.audit import Actor
from telephony.clock import Instant
from telephony.errors import NotFoundError
from telephony.voice import sip_accounts


def customer(conn: Conn, account_id: str) -> Row:
    """The account of a customer; NotFoundError, also for the platform's own."""
    found = accounts.by_id(conn, account_id)
    if found is None or account_id == accounts.PLATFORM:
        raise NotFoundError(f"There is no account {account_id}.")
    return found


def suspend(conn: Conn, actor: Actor, now: Instant, account_id: str, reason: str) -> None:
    """Let an account do nothing more: keys and phones are refused at once, calls are hung up. One
    that is suspended stays as it is."""
    _set(conn, actor, now, account_id, "suspended", reason_of(reason))


def lift(conn: Conn, actor: Actor, now: Instant, account_id: str, reason: str) -> None:
    """Let a suspended account work again."""
    _set(conn, actor, now, account_id, "active", reason_of(reason))


def limit(
    conn: Conn, actor: Actor, now: Instant, account_id: str, /, **caps: int | None
) -> None:  # fmt: skip
    """Set caps, which are columns of the account; None: none of its own."""
    row = customer(conn, account_id)
    changed = {name: cap for name, cap in caps.items() if row[name] != cap}
    if not changed:
        return
    accounts.change(conn, account_id, **changed)
    audit.record(
        conn, actor, "account.limited", account_id, now, account_id=account_id,
        before={name: row[name] for name in changed}, after=changed,
    )  # fmt: skip


def _set(
    conn: Conn, actor: Actor, now: Instant, account_id: str, status: str, reason: str
) -> None:  # fmt: skip
    row = customer(conn, account_id)
    if row["status"] == status:
        return
    sip_accounts.set_account_status(conn, account_id, status, now)
    action = "account.suspended" if status == "suspended" else "account.lifted"
    audit.record(
        conn, actor, action, account_id, now, account_id=account_id,
        before={"status": row["status"]}, after={"status": status, "reason": reason},
    )  # fmt: skip
