"""Sessions: begun at sign-in, ended when idle or old, rotated when their rights change."""

from dataclasses import dataclass

from db import sessions, users
from db.connection import Conn, Reader, Row
from telephony import audit
from telephony.audit import Actor
from telephony.clock import SECOND, Instant
from telephony.errors import NotFoundError
from telephony.users.problems import ConfirmFirstError
from telephony.users.roles import RIGHTS, Right
from telephony.users.tokens import new_token, token_hash

IDLE_SECONDS_MAX = 12 * 3600
LIFE_SECONDS_MAX = 14 * 24 * 3600
SEEN_NOTED_EVERY = 60 * SECOND
CONFIRMED_SECONDS = 10 * 60
"""For so long after a sign-in or a confirmation the user may do what needs one."""
USER_AGENT_LENGTH_MAX = 300
LOOKER = "read_only"


@dataclass(frozen=True)
class Origin:
    """Where a request comes from."""

    address: str
    user_agent: str


@dataclass(frozen=True)
class Member:
    """Who is signed in, to which account, as what. Without an account (an administrator may have
    none) `account_id` and `role` are empty."""

    session_id: str
    user_id: str
    email: str
    name: str
    platform_role: str
    account_id: str
    account: str
    currency: str
    status: str
    live: bool
    role: str
    two_factor: bool
    last_seen_at: Instant
    confirmed_at: Instant
    address: str
    looks: bool = False
    """An administrator who looks at a customer's account, and may change nothing."""

    @property
    def roles(self) -> frozenset[str]:
        """What pages ask for: `user`, the role in the account, `platform_…`."""
        return frozenset({"user", self.role, self._platform if self.two_factor else ""} - {""})

    @property
    def withheld(self) -> frozenset[str]:
        """Roles that count once two-factor sign-in is on: a password alone must not be enough to
        administer the platform."""
        return frozenset({self._platform} - {""} - self.roles)

    @property
    def _platform(self) -> str:
        return f"platform_{self.platform_role}" if self.platform_role else ""

    @property
    def rights(self) -> frozenset[Right]:
        """What the role in the account allows."""
        return RIGHTS.get(self.role, frozenset())

    @property
    def actor(self) -> Actor:
        """The user as the audit log names one."""
        return Actor(self.user_id, self.email, self.address)

    def confirmed(self, now: Instant) -> bool:
        """True if the user has proved lately to be the one who signed in."""
        return now - self.confirmed_at < CONFIRMED_SECONDS * SECOND

    def must_be_confirmed(self, now: Instant) -> None:
        """Raise ConfirmFirstError unless that is so."""
        if not self.confirmed(now):
            raise ConfirmFirstError

    def seen_is_news(self, now: Instant) -> bool:
        """True if this request should be noted: once a minute, not every time."""
        return now - self.last_seen_at >= SEEN_NOTED_EVERY


def idle_since(now: Instant) -> Instant:
    """A session that was last seen before has ended."""
    return now - IDLE_SECONDS_MAX * SECOND


def begin(
    conn: Conn, user_id: str, how: str, origin: Origin, now: Instant, account_id: str | None = None
) -> str:
    """Start a session in the named or the user's first account; its token, which only the browser
    keeps."""
    token = new_token()
    sessions.add(
        conn, now, token_sha256=token_hash(token), user_id=user_id, how=how,
        account_id=account_id or users.first_account(conn, user_id), address=origin.address,
        user_agent=origin.user_agent[:USER_AGENT_LENGTH_MAX],
        expires_at=now + LIFE_SECONDS_MAX * SECOND,
    )  # fmt: skip
    return token


async def member(reader: Reader, token: str, address: str, now: Instant) -> Member | None:
    """Who holds a token, None if nobody does any more."""
    row = await sessions.member(reader, token_hash(token), now, idle_since(now))
    if row is None:
        return None
    return Member(
        row["session_id"], row["user_id"], row["email"], row["name"], row["platform_role"],
        row["account_id"] or "", row["account"] or "", row["currency"] or "",
        row["status"] or "", row["kyc_approved_at"] is not None,
        LOOKER if row["looks_at"] else row["role"] or "",
        row["totp_since"] is not None, row["last_seen_at"], row["confirmed_at"], address,
        row["looks_at"] is not None,
    )  # fmt: skip


def rotate(conn: Conn, session_id: str, now: Instant) -> str:
    """Give a session another token, and note that its user has just proved to be the one."""
    token = new_token()
    if not sessions.change(conn, session_id, token_sha256=token_hash(token), confirmed_at=now):
        raise NotFoundError
    return token


def enter(conn: Conn, member: Member, account_id: str, now: Instant) -> str:
    """Let a session look at another account of its user; the session's new token."""
    if users.role(conn, member.user_id, account_id) is None:
        raise NotFoundError
    token = new_token()
    changed = {"account_id": account_id, "token_sha256": token_hash(token)}
    sessions.change(conn, member.session_id, **changed)
    audit.record(conn, member.actor, "account.entered", account_id, now, account_id=account_id)
    return token


def end(conn: Conn, member: Member, session_id: str, now: Instant) -> None:
    """End one of the user's sessions, perhaps the present one; NotFoundError."""
    if not sessions.end(conn, member.user_id, session_id):
        raise NotFoundError
    action = "user.signed_out" if session_id == member.session_id else "session.ended"
    audit.record(conn, member.actor, action, member.user_id, now,
                 account_id=member.account_id or None, before={"session": session_id})  # fmt: skip


def end_others(conn: Conn, member: Member, now: Instant) -> int:
    """End all sessions of the user but the present one; how many."""
    ended = sessions.end_all(conn, member.user_id, but=member.session_id)
    audit.record(conn, member.actor, "session.others_ended", member.user_id, now,
                 account_id=member.account_id or None, after={"ended": ended})  # fmt: skip
    return ended


async def listed(reader: Reader, user_id: str, now: Instant) -> list[Row]:
    """Where a user is signed in, the last used first."""
    return await sessions.of_user(reader, user_id, now, idle_since(now))


def rotate_alone(conn: Conn, member: Member, now: Instant) -> str:
    """Rotate the present session and end all others of the user: how to sign in has changed."""
    sessions.end_all(conn, member.user_id, but=member.session_id)
    return rotate(conn, member.session_id, now)
