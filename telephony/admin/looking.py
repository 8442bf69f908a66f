"""An administrator sees a customer's dashboard as its members do, for an hour, and changes nothing:
pages refuse every form meanwhile, and the role is one that only looks."""

from db import sessions
from db.connection import Conn
from telephony import audit
from telephony.admin.accounts import customer
from telephony.admin.rights import must_administer, reason_of
from telephony.clock import SECOND, Instant
from telephony.errors import NotFoundError
from telephony.users.sessions import Member
from telephony.users.tokens import new_token, token_hash

LOOK_SECONDS_MAX = 3600


def begin(conn: Conn, member: Member, account_id: str, reason: str, now: Instant) -> str:
    """Let the administrator's session look at an account; its new token. The account's owners find
    it in their audit log, with the reason."""
    must_administer(member, now)
    told = reason_of(reason)
    customer(conn, account_id)
    token = _turn(conn, member, account_id, now + LOOK_SECONDS_MAX * SECOND)
    audit.record(conn, member.actor, "account.looked_at", account_id, now, account_id=account_id,
                 after={"reason": told})  # fmt: skip
    return token


def end(conn: Conn, member: Member, now: Instant) -> str:
    """Let the session go back to where it was; its new token."""
    token = _turn(conn, member, None, None)
    if member.looks:
        audit.record(conn, member.actor, "account.look_ended", member.account_id, now,
                     account_id=member.account_id)  # fmt: skip
    return token


def _turn(
    conn: Conn, member: Member, account_id: str | None, until: Instant | None
) -> str:  # fmt: skip
    token = new_token()
    changed = sessions.change(conn, member.session_id, looks_at=account_id, looks_until=until,
                              token_sha256=token_hash(token))  # fmt: skip
    if not changed:
        raise NotFoundError
    return token
