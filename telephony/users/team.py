"""Who works in an account: invitations, roles, leaving. An account always has an owner."""

from collections.abc import Mapping

from db import accounts, one_use_tokens, sessions, users
from db.connection import Conn, Row
from telephony import audit
from telephony.audit import Actor
from telephony.clock import Instant
from telephony.errors import NotFoundError
from telephony.users import mails, tokens
from telephony.users.emails import normal
from telephony.users.mails import Post
from telephony.users.problems import AlreadyMemberError, LastOwnerError, RoleMissingError, bad
from telephony.users.register import add_user
from telephony.users.roles import RIGHTS, Right
from telephony.users.sessions import Member


def must(member: Member, right: Right) -> None:
    """Raise RoleMissingError unless the member's role has the right."""
    if right not in member.rights:
        raise RoleMissingError


def invite(conn: Conn, post: Post, member: Member, email: str, role: str, now: Instant) -> None:
    """Mail somebody a link that makes them a member; an earlier one of the same address ends."""
    _may_manage(member, now)
    email, role = normal(email), _known(role)
    user = users.with_email(conn, email)
    if user and users.role(conn, user["id"], member.account_id):
        raise AlreadyMemberError
    one_use_tokens.forget_invitation(conn, member.account_id, email)
    token = tokens.give(conn, "invitation", now, email=email, role=role,
                        account_id=member.account_id)  # fmt: skip
    mails.invited(conn, post, email, token, member.account, member.email, now)
    _record(conn, member, "member.invited", email, now, after={"role": role})


def take_back(conn: Conn, member: Member, invitation_id: str, now: Instant) -> None:
    """The link of an invitation counts no more; NotFoundError."""
    _may_manage(member, now)
    row = one_use_tokens.take_back(conn, member.account_id, invitation_id)
    if row is None:
        raise NotFoundError
    _record(conn, member, "member.invitation_taken_back", row["email"], now)


def accept_new(
    conn: Conn, token: str, name: str, password_argon2: str, address: str, now: Instant
) -> tuple[Row, str]:
    """Use an invitation up for somebody who had no user: the user, and the account's id."""
    invitation = tokens.use(conn, "invitation", token, now)
    user = add_user(conn, invitation["email"], name, password_argon2, now)
    _join(conn, user, invitation, address, now)
    return user, str(invitation["account_id"])


def accept(conn: Conn, member: Member, token: str, now: Instant) -> str:
    """Use an invitation up for the user who is signed in and has that address; the session's new
    token, which is in that account."""
    invitation = tokens.use(conn, "invitation", token, now)
    if invitation["email"] != member.email:
        raise RoleMissingError(f"This invitation is for {invitation['email']}. Sign in as that.")
    _join(conn, users.by_id(conn, member.user_id), invitation, member.address, now)
    session = tokens.new_token()
    sessions.change(conn, member.session_id, account_id=invitation["account_id"],
                    token_sha256=tokens.token_hash(session))  # fmt: skip
    return session


def change_role(conn: Conn, member: Member, user_id: str, role: str, now: Instant) -> None:
    """Give a member another role; the member's sessions end, and begin anew with it."""
    _may_manage(member, now)
    before, role = _of(conn, member, user_id), _known(role)
    if before == role:
        return
    if before == "owner":
        _not_last(conn, member.account_id)
    users.set_role(conn, user_id, member.account_id, role)
    sessions.end_all(conn, user_id, but=member.session_id)
    _record(conn, member, "member.role_changed", user_id, now, {"role": before}, {"role": role})


def remove(conn: Conn, member: Member, user_id: str, now: Instant) -> None:
    """End a membership, perhaps one's own; the sessions of the one who leaves end at once."""
    if user_id != member.user_id:
        _may_manage(member, now)
    before = _of(conn, member, user_id)
    if before == "owner":
        _not_last(conn, member.account_id)
    users.leave(conn, user_id, member.account_id)
    sessions.end_all(conn, user_id)
    _record(conn, member, "member.removed", user_id, now, before={"role": before})


def _may_manage(member: Member, now: Instant) -> None:
    must(member, Right.manage)
    member.must_be_confirmed(now)


def _known(role: str) -> str:
    if role not in RIGHTS:
        raise bad("role", "unknown", f"A role is one of {', '.join(RIGHTS)}.")
    return role


def _of(conn: Conn, member: Member, user_id: str) -> str:
    role = users.role(conn, user_id, member.account_id)
    if role is None:
        raise NotFoundError
    return role


def _not_last(conn: Conn, account_id: str) -> None:
    if users.owners(conn, account_id) < 2:
        raise LastOwnerError


def _join(conn: Conn, user: Row, invitation: Row, address: str, now: Instant) -> None:
    account_id, role = invitation["account_id"], invitation["role"]
    if not users.join(conn, user["id"], account_id, role, now):
        raise AlreadyMemberError
    audit.record(
        conn, Actor(user["id"], user["email"], address), "member.joined", user["id"], now,
        account_id=account_id,
        after={"role": role, "account": accounts.account(conn, account_id)["name"]},
    )  # fmt: skip


def _record(
    conn: Conn, member: Member, action: str, subject: str, now: Instant,
    before: Mapping[str, object] | None = None, after: Mapping[str, object] | None = None,
) -> None:  # fmt: skip
    audit.record(conn, member.actor, action, subject, now, account_id=member.account_id,
                 before=before, after=after)  # fmt: skip
