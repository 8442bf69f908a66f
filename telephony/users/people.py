"""What an operator does to people by command: administrators are made, people are kept out, and
whoever lost a phone or password gets in again."""

from db import one_use_tokens, sessions, users
from db.connection import Conn, Row
from telephony import audit
from telephony.audit import Actor
from telephony.clock import Instant
from telephony.errors import NotFoundError, ValidationFailedError
from telephony.users import tokens
from telephony.users.emails import normal
from telephony.users.problems import bad
from telephony.users.register import checked_name

ROLES = {"admin": "admin", "support": "support", "none": ""}


def named(conn: Conn, email: str) -> Row:
    """The user of an address; NotFoundError."""
    found = users.with_email(conn, normal(email))
    if found is None:
        raise NotFoundError(f"There is no user {email}.")
    return found


def set_platform_role(
    conn: Conn, actor: Actor, email: str, role: str, name: str, now: Instant
) -> str | None:
    """Let somebody administer the platform, or no longer (`none`); who has no user gets one, and
    then a token comes back with which a password is set. Sessions end when the role changes."""
    if role not in ROLES:
        raise bad("role", "unknown", f"A role is one of {', '.join(ROLES)}.")
    row = users.with_email(conn, normal(email))
    if row is None and not ROLES[role]:
        raise NotFoundError(f"There is no user {email}.")
    row = row or _added(conn, normal(email), name, now)
    if row["platform_role"] != ROLES[role]:
        users.change(conn, row["id"], platform_role=ROLES[role])
        sessions.end_all(conn, row["id"])
        audit.record(
            conn, actor, "user.platform_role_set", row["id"], now,
            before={"role": row["platform_role"]}, after={"role": ROLES[role]},
        )  # fmt: skip
    return None if row["password_argon2"] else _link(conn, row, now)


def new_password_token(conn: Conn, actor: Actor, email: str, now: Instant) -> str:
    """A token of a link that sets a new password; earlier ones count no more."""
    row = named(conn, email)
    if row["disabled_at"] is not None:
        raise ValidationFailedError(f"{email} is disabled. Enable the user first.")
    token = _link(conn, row, now)
    audit.record(conn, actor, "user.reset_link_made", row["id"], now)
    return token


def switch_off_two_factor(conn: Conn, actor: Actor, email: str, now: Instant) -> None:
    """For whoever lost the app and the recovery codes: the password alone lets them in, until an
    administrator sets it up again, which the pages insist on."""
    row = named(conn, email)
    users.change(conn, row["id"], totp_sealed="", totp_since=None)
    sessions.end_all(conn, row["id"])
    audit.record(conn, actor, "totp.disabled", row["id"], now)


def set_disabled(conn: Conn, actor: Actor, email: str, disabled: bool, now: Instant) -> None:
    """Keep somebody out, whose sessions end at once, or let them in again."""
    row = named(conn, email)
    users.change(conn, row["id"], disabled_at=now if disabled else None)
    if disabled:
        sessions.end_all(conn, row["id"])
        one_use_tokens.forget_of_user(conn, row["id"])
    action = "user.disabled" if disabled else "user.enabled"
    audit.record(conn, actor, action, row["id"], now)


def sign_out(conn: Conn, actor: Actor, email: str, now: Instant) -> int:
    """End all sessions of somebody; how many."""
    row = named(conn, email)
    ended = sessions.end_all(conn, row["id"])
    audit.record(conn, actor, "user.sessions_ended", row["id"], now, after={"ended": ended})
    return ended


def _added(conn: Conn, email: str, name: str, now: Instant) -> Row:
    user_id = users.add(
        conn, now, email, name=checked_name(name or email, "name"), verified_at=now
    )  # fmt: skip
    assert user_id is not None
    return users.by_id(conn, user_id)


def _link(conn: Conn, row: Row, now: Instant) -> str:
    one_use_tokens.forget_links(conn, "reset", row["email"])
    return tokens.give(conn, "reset", now, email=row["email"], user_id=row["id"])
