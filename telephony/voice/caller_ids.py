"""Proves that a number is the account's own: a call speaks a code to it, which the account tells
back. The call is one like any other, paid like any other."""

import hmac
from dataclasses import dataclass

from db import caller_ids, sip
from db.connection import Conn
from telephony.clock import SECOND, Instant
from telephony.errors import (
    CallerIdInUseError,
    NotFoundError,
    RateLimitedError,
    ValidationFailedError,
)
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice.origins import Origin
from telephony.voice.place import Asker, Wish, queue

CODE_SPEAKER = "Local/s@speak-code/n"
CODE_DIGITS = 6
VALID_SECONDS = 600
TRIES_MAX = 5
AGAIN_SECONDS = 60
SENDS_MAX = 5
SENDS_SECONDS = 24 * 3600
"""A number gets so many codes in a day, so that nobody guesses one."""
NUMBERS_MAX = 20
"""So many numbers an account may have called in an hour."""
NUMBERS_SECONDS = 3600
TALK_SECONDS = 30
BY_CODE = "code"


@dataclass(frozen=True)
class Started:
    """A call that speaks the code until `expires_at`; both are None where the number counted
    already. Only a test key's customer may be shown the code."""

    number: str
    call_id: str | None = None
    code: str | None = None
    expires_at: Instant | None = None


def start(
    conn: Conn, settings: Settings, vault: Vault, by: Asker, number: str, now: Instant
) -> Started:
    """Call the number and speak a new code; raises what `place` raises, and RateLimitedError."""
    if caller_ids.may_show(conn, by.account_id, number, by.mode):
        return Started(number)
    sends, since = _sends(conn, by.account_id, number, now)
    wish = Wish(to=number, record="", time_limit_seconds=TALK_SECONDS)
    shown = settings.verification_number
    call_id = queue(conn, settings, by, Origin(shown, shown, CODE_SPEAKER), wish, now).call_id
    code = code_of(vault, call_id)
    expires_at = now + VALID_SECONDS * SECOND
    caller_ids.keep_check(
        conn, account_id=by.account_id, number=number, mode=by.mode, call_id=call_id,
        code_hmac=_hmac(vault, by.account_id, number, code), sends=sends, since=since,
        created_at=now, expires_at=expires_at,
    )  # fmt: skip
    return Started(number, call_id, code, expires_at)


def _sends(conn: Conn, account_id: str, number: str, now: Instant) -> tuple[int, Instant]:
    """How many codes the number will have had, and since when."""
    conn.lock(f"caller-ids:{account_id}")
    hour_ago = now - NUMBERS_SECONDS * SECOND
    if caller_ids.checks_since(conn, account_id, hour_ago) >= NUMBERS_MAX:
        raise RateLimitedError(f"At most {NUMBERS_MAX} numbers are called in an hour.")
    earlier = caller_ids.check_of(conn, account_id, number)
    if earlier is None or earlier["since"] < now - SENDS_SECONDS * SECOND:
        return 1, now
    if earlier["created_at"] > now - AGAIN_SECONDS * SECOND:
        raise RateLimitedError(f"{number} was called just now. Wait a minute.")
    if earlier["sends"] >= SENDS_MAX:
        raise RateLimitedError(f"{number} was called {SENDS_MAX} times today.")
    return earlier["sends"] + 1, earlier["since"]


def code_of(vault: Vault, call_id: str) -> str:
    """The code that a call speaks: nobody can tell it without the platform's own key."""
    digest = hmac.digest(vault.subkey("caller id codes"), call_id.encode(), "sha256")
    return str(int.from_bytes(digest[:8]) % 10**CODE_DIGITS).zfill(CODE_DIGITS)


def _hmac(vault: Vault, account_id: str, number: str, code: str) -> str:
    return vault.fingerprint(f"caller id {account_id} {number} {code}".encode())


def tell(
    conn: Conn, vault: Vault, account_id: str, mode: str, number: str, code: str, now: Instant
) -> int | None:
    """Take a code that the account tells: None if it is right, else how many tries are left.
    Raises ValidationFailedError where no code counts."""
    check = caller_ids.try_code(conn, account_id, mode, number, now, TRIES_MAX)
    if check is None:
        message = (
            f"No code for {number} counts now: it was tried {TRIES_MAX} times or is older than"
            f" {VALID_SECONDS // 60} minutes. Have a new one spoken."
        )
        error = {"field": "code", "code": "expired", "message": message}
        raise ValidationFailedError(message, errors=[error])
    if not hmac.compare_digest(check["code_hmac"], _hmac(vault, account_id, number, code)):
        return int(TRIES_MAX - check["tries"])
    if mode == "live":
        caller_ids.verify(conn, account_id, number, BY_CODE, now)
    else:
        caller_ids.claim(conn, account_id, number, now)
    caller_ids.forget_check(conn, account_id, number)
    return None


def remove(conn: Conn, account_id: str, mode: str, number: str) -> None:
    """The account gives a number up; NotFoundError, and CallerIdInUseError while a phone shows
    it."""
    pending = caller_ids.forget_check(conn, account_id, number)
    if any(row["caller_id"] == number for row in sip.of_account(conn, account_id)):
        raise CallerIdInUseError
    if not caller_ids.forget(conn, account_id, mode, number) and not pending:
        raise NotFoundError("There is no such caller id.")
