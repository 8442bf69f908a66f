"""A new password, set by someone who is signed in."""

from db import users
from db.connection import Conn
from telephony import audit
from telephony.clock import Instant
from telephony.users import sessions
from telephony.users.mails import Post
from telephony.users.register import set_password
from telephony.users.sessions import Member


def change_password(
    conn: Conn, post: Post, member: Member, password_argon2: str, now: Instant
) -> str:
    """Store it and end the user's other sessions; the present one's new token."""
    member.must_be_confirmed(now)
    set_password(conn, post, users.by_id(conn, member.user_id), password_argon2, now)
    token = sessions.rotate_alone(conn, member, now)
    audit.record(conn, member.actor, "password.changed", member.user_id, now,
                 account_id=member.account_id or None)  # fmt: skip
    return token
