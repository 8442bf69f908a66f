"""Signing in: a password, and a second factor where one is set up. Hashing, and the waiting that
slows guessers down, happen between transactions."""

import asyncio
from dataclasses import dataclass

from db import one_use_tokens, sign_in_failures, users
from db.connection import Conn, Row
from db.database import Database
from telephony import audit
from telephony.audit import Actor
from telephony.clock import Instant
from telephony.secrets import Vault
from telephony.users import sessions, slowing, tokens, totp
from telephony.users.emails import normal
from telephony.users.passwords import ARGON2, Hasher
from telephony.users.problems import (
    CodeRefusedError,
    LinkUsedError,
    SignInRefusedError,
    SlowDownError,
)
from telephony.users.sessions import Member, Origin
from telephony.users.slowing import Subjects

CODE_TRIES_MAX = 5
"""Then the password is asked for anew."""
DELAYED_MAX = 200
"""So many may be made to wait at once; one more is refused."""


@dataclass(frozen=True)
class SignedIn:
    """`token` is the session's; `known` is for the browser to keep beyond it."""

    token: str
    known: str


@dataclass(frozen=True)
class SecondFactorNeeded:
    """The password was right; `token` is to come back together with a code."""

    token: str


class SignIn:
    """One for each process; it keeps no one's password and nobody's session."""

    def __init__(self, db: Database, vault: Vault, hasher: Hasher) -> None:
        self._db = db
        self._vault = vault
        self.hasher = hasher
        self._delayed = 0

    async def by_password(
        self, email: str, password: str, origin: Origin, known: str, now: Instant
    ) -> SignedIn | SecondFactorNeeded:
        """SignInRefusedError, or SlowDownError where too much has failed from there. `known` is
        what the browser shows of an earlier sign-in."""
        user = await users.by_email(self._db, email := normal(email))
        who = slowing.subjects(self._vault, origin.address, email)
        if not slowing.is_known(self._vault, user, known, now):
            await self._slow(who, now)
        stored = user["password_argon2"] if user else ""
        right = await self.hasher.verify(stored, password)
        if not (right and user) or not may_sign_in(user):
            await self._db.write(_refused, user, who, origin, now)
            raise SignInRefusedError
        if ARGON2.check_needs_rehash(stored):
            renewed = await self.hasher.hash(password)
            await self._db.write(users.change, user["id"], password_argon2=renewed)
        return await self._db.write(_passed, self._vault, user["id"], who, origin, now)

    async def by_code(self, token: str, code: str, origin: Origin, now: Instant) -> SignedIn:
        """Finish a sign-in by a code of the app or a recovery code; CodeRefusedError, or
        LinkUsedError where the password must be given again."""
        waiting = await tokens.look(self._db, "second_factor", token, now)
        app = await slowing.codes_are_free(self._db, waiting["user_id"], now)
        found = await self._db.write(second_factor, self._vault, token, code, app, origin, now)
        if found is None:
            raise CodeRefusedError
        return found

    async def confirm(self, member: Member, password: str, now: Instant) -> str:
        """Let the member prove by password to be the one who signed in; the session's new token,
        or SignInRefusedError."""
        who = slowing.subjects(self._vault, member.address, member.email)
        await self._slow(who, now)
        user = await self._db.write(users.by_id, member.user_id)
        if not await self.hasher.verify(user["password_argon2"], password):
            await self._db.write(slowing.failed, who, now)
            raise SignInRefusedError("This is not your password. Try again.")
        return await self._db.write(confirmed, member, "password", now)

    async def _slow(self, who: Subjects, now: Instant) -> None:
        seconds = await slowing.delay(self._db, who, now)
        if not seconds:
            return
        if self._delayed >= DELAYED_MAX:
            raise SlowDownError
        self._delayed += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._delayed -= 1


def may_sign_in(user: Row) -> bool:
    """True unless the user is disabled or has never proved the address."""
    return user["disabled_at"] is None and user["verified_at"] is not None


def let_in(
    conn: Conn, vault: Vault, user: Row, how: str, origin: Origin, now: Instant,
    account_id: str | None = None,
) -> SignedIn:  # fmt: skip
    """Begin a session for someone who has proved enough."""
    token = sessions.begin(conn, user["id"], how, origin, now, account_id)
    audit.record(
        conn, Actor(user["id"], user["email"], origin.address), "user.signed_in", user["id"], now,
        account_id=account_id or users.first_account(conn, user["id"]), after={"how": how},
    )  # fmt: skip
    return SignedIn(token, slowing.known_browser(vault, user, now))


def second_factor(
    conn: Conn, vault: Vault, token: str, code: str, app: bool, origin: Origin, now: Instant
) -> SignedIn | None:
    """Take the code of a sign-in that waits for it. None for a wrong one, which counts: the
    transaction must commit. Without `app` only recovery codes are taken."""
    hashed = tokens.token_hash(token)
    waiting = one_use_tokens.try_once(conn, "second_factor", hashed, now, CODE_TRIES_MAX)
    if waiting is None:
        raise LinkUsedError("Type your password again: there were too many tries.")
    user = users.by_id(conn, waiting["user_id"])
    if user["totp_since"] is None or not may_sign_in(user):
        raise LinkUsedError("Sign in again: how you do that has changed meanwhile.")
    how = totp.takes(conn, vault, user, code, now) if app or len(code.strip()) > 8 else None
    if how is None:
        slowing.second_factor_failed(conn, user["id"], now)
        return None
    one_use_tokens.use(conn, "second_factor", hashed, now)
    sign_in_failures.forget(conn, slowing.code_subject(user["id"]))
    return let_in(conn, vault, user, f"password+{how}", origin, now)


def confirmed(conn: Conn, member: Member, how: str, now: Instant) -> str:
    """The member has proved to be the one who signed in; the session's new token."""
    token = sessions.rotate(conn, member.session_id, now)
    audit.record(conn, member.actor, "user.confirmed", member.user_id, now,
                 account_id=member.account_id or None, after={"how": how})  # fmt: skip
    return token


def _passed(
    conn: Conn, vault: Vault, user_id: str, who: Subjects, origin: Origin, now: Instant
) -> SignedIn | SecondFactorNeeded:
    user = users.by_id(conn, user_id)
    sign_in_failures.forget(conn, who.email)
    if user["totp_since"] is not None:
        return SecondFactorNeeded(tokens.give(conn, "second_factor", now, user_id=user_id))
    return let_in(conn, vault, user, "password", origin, now)


def _refused(conn: Conn, user: Row | None, who: Subjects, origin: Origin, now: Instant) -> None:
    failures = slowing.failed(conn, who, now)
    if user and failures in (1, slowing.EMAIL_FAILURES_FREE):  # a flood would be kept for ever
        audit.record(conn, Actor("", "", origin.address), "user.sign_in_refused", user["id"], now)
