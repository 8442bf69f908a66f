"""Administrators decide who a customer is: live keys work from the approval on."""

from db import accounts, identity, users
from db.connection import Conn, Row
from db.identity import CheckStatus
from telephony import audit
from telephony.admin.accounts import customer
from telephony.admin.rights import reason_of
from telephony.audit import Actor
from telephony.clock import Instant
from telephony.errors import NotFoundError
from telephony.users import mails
from telephony.users.mails import Post
from telephony.users.problems import IdentityDecidedError


def approve_account(conn: Conn, actor: Actor, now: Instant, account_id: str, post: Post) -> None:
    """Note that the customer's identity is known, also where nothing was handed in: live keys work
    from now on, and the owners get a mail. One that is approved stays as it is."""
    conn.lock(f"identity:{account_id}")  # of two who decide at once, the first one does
    row = customer(conn, account_id)
    if row["kyc_approved_at"] is not None:
        return
    waits = identity.open_of(conn, account_id)
    if waits:
        identity.decide(conn, waits["id"], CheckStatus.approved, actor.id, "", now)
    accounts.change(conn, account_id, kyc_approved_at=now)
    for email in users.owners_mails(conn, account_id):
        mails.identity_approved(conn, post, email, row["name"], now)
    audit.record(conn, actor, "account.approved", account_id, now, account_id=account_id,
                 after={"check": waits["id"] if waits else None})  # fmt: skip


def approve(conn: Conn, actor: Actor, now: Instant, check_id: str, post: Post) -> None:
    """The same for what was handed in; IdentityDecidedError where it was decided before."""
    approve_account(conn, actor, now, _waiting(conn, check_id)["account_id"], post)


def reject(
    conn: Conn, actor: Actor, now: Instant, check_id: str, reason: str, post: Post
) -> None:  # fmt: skip
    """Tell the owners why, so that they may hand it in once more; IdentityDecidedError."""
    told, row = reason_of(reason), _waiting(conn, check_id)
    identity.decide(conn, check_id, CheckStatus.rejected, actor.id, told, now)
    name = customer(conn, row["account_id"])["name"]
    for email in users.owners_mails(conn, row["account_id"]):
        mails.identity_rejected(conn, post, email, name, told, now)
    audit.record(conn, actor, "identity.rejected", check_id, now, account_id=row["account_id"],
                 after={"reason": told})  # fmt: skip


def read(conn: Conn, actor: Actor, now: Instant, check_id: str, file_id: str) -> None:
    """Write down that somebody looked at a document."""
    row = identity.by_id(conn, check_id)
    if row is None:
        raise NotFoundError
    audit.record(conn, actor, "identity.document_read", check_id, now,
                 account_id=row["account_id"], after={"file": file_id})  # fmt: skip


def _waiting(conn: Conn, check_id: str) -> Row:
    row = identity.by_id(conn, check_id)
    if row is None:
        raise NotFoundError
    conn.lock(f"identity:{row['account_id']}")
    row = identity.by_id(conn, check_id)
    if row is None or row["status"] != CheckStatus.submitted:
        raise IdentityDecidedError
    return row
