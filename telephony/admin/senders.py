"""Administrators decide which names and short codes an account may send by."""

from db import sms_accounts
from db.connection import Conn
from db.sms_accounts import SenderStatus
from telephony import audit
from telephony.admin.accounts import customer
from telephony.admin.rights import reason_of
from telephony.audit import Actor
from telephony.clock import Instant
from telephony.errors import NotFoundError


def approve(conn: Conn, actor: Actor, now: Instant, account_id: str, sender: str) -> None:
    """Let an account send by a sender id that it asked for; NotFoundError."""
    _decide(conn, actor, now, account_id, sender, SenderStatus.approved, "")


def refuse(
    conn: Conn, actor: Actor, now: Instant, account_id: str, sender: str, reason: str
) -> None:  # fmt: skip
    """Refuse one, also one that was approved; the reason is shown to the account."""
    _decide(conn, actor, now, account_id, sender, SenderStatus.refused, reason_of(reason))


def _decide(
    conn: Conn, actor: Actor, now: Instant, account_id: str, sender: str, status: SenderStatus,
    note: str,
) -> None:  # fmt: skip
    customer(conn, account_id)
    before = sms_accounts.sender_status(conn, account_id, sender)
    if before is None:
        raise NotFoundError(f"{sender} was never asked for.")
    if before == status:
        return
    sms_accounts.decide_sender(conn, account_id, sender, status, note, now)
    audit.record(
        conn, actor, f"sender.{status}", sender, now, account_id=account_id,
        before={"status": before}, after={"status": str(status), "reason": note},
    )  # fmt: skip
