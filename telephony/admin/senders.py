"""Administrators decide which names and short codes an account may send by."""

from db import sms_accounts, users
from db.connection import Conn
from db.sms_accounts import SenderStatus
from telephony import audit
from telephony.admin.accounts import customer
from telephony.admin.rights import reason_of
from telephony.audit import Actor
from telephony.clock import Instant
from telephony.errors import NotFoundError
from telephony.users import mails
from telephony.users.mails import Post


def approve(
    conn: Conn, actor: Actor, now: Instant, account_id: str, sender: str, post: Post
) -> None:  # fmt: skip
    """Let an account send by a sender id that it asked for; its owners get a mail.
    NotFoundError."""
    if _decide(conn, actor, now, account_id, sender, SenderStatus.approved, ""):
        for email in users.owners_mails(conn, account_id):
            mails.sender_approved(conn, post, email, sender, now)


def refuse(
    conn: Conn, actor: Actor, now: Instant, account_id: str, sender: str, reason: str, post: Post
) -> None:  # fmt: skip
    """Refuse one, also one that was approved; the owners of the account are told why."""
    told = reason_of(reason)
    if _decide(conn, actor, now, account_id, sender, SenderStatus.refused, told):
        for email in users.owners_mails(conn, account_id):
            mails.sender_refused(conn, post, email, sender, told, now)


def _decide(
    conn: Conn, actor: Actor, now: Instant, account_id: str, sender: str, status: SenderStatus,
    note: str,
) -> bool:  # fmt: skip
    customer(conn, account_id)
    before = sms_accounts.sender_status(conn, account_id, sender)
    if before is None:
        raise NotFoundError(f"{sender} was never asked for.")
    if before == status:
        return False
    sms_accounts.decide_sender(conn, account_id, sender, status, note, now)
    audit.record(
        conn, actor, f"sender.{status}", sender, now, account_id=account_id,
        before={"status": before}, after={"status": str(status), "reason": note},
    )  # fmt: skip
    return True
