"""Who may do what administrators do, whatever page asks: checked in the transaction itself."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from db.connection import Conn
from telephony.audit import Actor
from telephony.clock import Instant
from telephony.users.problems import RoleMissingError, bad
from telephony.users.roles import PLATFORM_ADMIN
from telephony.users.sessions import Member

P = ParamSpec("P")
T = TypeVar("T")

REASON_LENGTH_MAX = 500


def must_administer(member: Member, now: Instant) -> None:
    """Raise RoleMissingError for who only looks, ConfirmFirstError for who has not confirmed."""
    if PLATFORM_ADMIN not in member.roles:
        raise RoleMissingError("Only an administrator of the platform may do this.")
    member.must_be_confirmed(now)


def as_admin(
    conn: Conn, member: Member, now: Instant,
    deed: Callable[Concatenate[Conn, Actor, Instant, P], T], /, *args: P.args, **kwargs: P.kwargs,
) -> T:  # fmt: skip
    """What the deed returns, done in the name of an administrator."""
    must_administer(member, now)
    return deed(conn, member.actor, now, *args, **kwargs)


def reason_of(text: str) -> str:
    """Why something is done, in one line; ValidationFailedError without a reason."""
    told = " ".join(text.split())
    if not 1 <= len(told) <= REASON_LENGTH_MAX:
        raise bad("reason", "invalid", f"Give a reason of 1 to {REASON_LENGTH_MAX} characters.")
    return told
