"""API keys, by members of their account: only those who may build, and have confirmed lately."""

from collections.abc import Iterable

from db import accounts
from db.connection import Conn
from telephony.accounts import NewKey, change_key, create_key, revoke_key, rotate_key
from telephony.clock import Instant
from telephony.errors import NotFoundError, ValidationFailedError
from telephony.money import Micros
from telephony.users.problems import bad
from telephony.users.roles import Right
from telephony.users.sessions import Member
from telephony.users.team import must

MODES = ("test", "live")


def create(
    conn: Conn, member: Member, mode: str, name: str, now: Instant, *, scopes: Iterable[str],
    cidrs: Iterable[str], expires_at: Instant | None, spend_day_max: Micros | None,
) -> NewKey:  # fmt: skip
    """A new key of the member's account; raises ValidationFailedError."""
    _may(member, now)
    if mode not in MODES:
        raise bad("mode", "unknown", "A key is for test mode or for live mode.")
    return create_key(
        conn, member.account_id, mode, name=" ".join(name.split()), actor=member.actor, now=now,
        scopes=scopes, cidrs=cidrs, expires_at=expires_at, spend_day_max=spend_day_max,
    )  # fmt: skip


def rotate(conn: Conn, member: Member, key_id: str, now: Instant) -> NewKey:
    """A key in the place of one, which works on for a day; NotFoundError for another account's."""
    _own(conn, member, key_id, now)
    try:
        return rotate_key(conn, key_id, actor=member.actor, now=now)
    except ValidationFailedError as error:
        raise bad("", "invalid", error.detail) from error


def revoke(conn: Conn, member: Member, key_id: str, now: Instant) -> None:
    """Let a key work no more; NotFoundError for another account's."""
    _own(conn, member, key_id, now)
    revoke_key(conn, key_id, actor=member.actor, now=now)


def change(
    conn: Conn, member: Member, key_id: str, cidrs: Iterable[str], limits: dict[str, int | None],
    now: Instant,
) -> None:  # fmt: skip
    """Set networks and limits of a key; NotFoundError, ValidationFailedError."""
    _own(conn, member, key_id, now)
    change_key(conn, key_id, cidrs, limits, actor=member.actor, now=now)


def _may(member: Member, now: Instant) -> None:
    must(member, Right.build)
    member.must_be_confirmed(now)


def _own(conn: Conn, member: Member, key_id: str, now: Instant) -> None:
    _may(member, now)
    row = accounts.key(conn, key_id)
    if row is None or row["account_id"] != member.account_id:
        raise NotFoundError
