"""One-time codes of an app (RFC 6238: SHA-1, six digits, 30 seconds) and recovery codes."""

import secrets

import pyotp

from db import credentials, users
from db.connection import Conn, Row
from telephony import audit
from telephony.clock import SECOND, Instant
from telephony.secrets import Vault
from telephony.users import sessions
from telephony.users.problems import CodeRefusedError
from telephony.users.sessions import Member

ISSUER = "SMS & Voice Platform"
STEP_SECONDS = 30
STEPS_ASIDE = 1
"""A phone's clock may be so many steps off."""
CODES = 10
CODE_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
CODE_LENGTH = 12
"""59 bits, and the HMAC's key is not in the database."""


def enrol(conn: Conn, vault: Vault, member: Member, now: Instant) -> str:
    """Make a secret for the member's app, which counts once `confirm` has seen a code of it; the
    URI to show as a QR code."""
    member.must_be_confirmed(now)
    user = users.by_id(conn, member.user_id)
    if user["totp_since"] is not None:
        raise CodeRefusedError("Two-factor sign-in is on already. Switch it off first.")
    secret = pyotp.random_base32()
    users.change(conn, member.user_id, totp_sealed=vault.seal(secret))
    return uri(secret, member.email)


def uri(secret: str, email: str) -> str:
    """What an authenticator app reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def pending(vault: Vault, user: Row) -> str | None:
    """The secret that `enrol` made and no code has confirmed yet."""
    if not user["totp_sealed"] or user["totp_since"] is not None:
        return None
    return vault.open(user["totp_sealed"])


def confirm(
    conn: Conn, vault: Vault, member: Member, code: str, now: Instant
) -> tuple[str, list[str]]:
    """Switch two-factor sign-in on, once the app has shown a right code: the session's new token,
    and recovery codes, which are shown this once. The user's other sessions end."""
    member.must_be_confirmed(now)
    user = users.by_id(conn, member.user_id)
    secret = pending(vault, user)
    if secret is None or not _takes(conn, user, secret, code, now):
        raise CodeRefusedError
    users.change(conn, user["id"], totp_since=now)
    token = sessions.rotate_alone(conn, member, now)
    codes = _new_codes(conn, vault, user["id"])
    _record(conn, member, "totp.enabled", now)
    return token, codes


def disable(conn: Conn, member: Member, now: Instant) -> str:
    """Switch two-factor sign-in off; the session's new token."""
    member.must_be_confirmed(now)
    if users.by_id(conn, member.user_id)["totp_since"] is None:
        raise CodeRefusedError("Two-factor sign-in is off already.")
    users.change(conn, member.user_id, totp_sealed="", totp_since=None)
    credentials.set_codes(conn, member.user_id, [])
    token = sessions.rotate_alone(conn, member, now)
    _record(conn, member, "totp.disabled", now)
    return token


def renew_codes(conn: Conn, vault: Vault, member: Member, now: Instant) -> list[str]:
    """New recovery codes in the place of all earlier ones, shown this once."""
    member.must_be_confirmed(now)
    if users.by_id(conn, member.user_id)["totp_since"] is None:
        raise CodeRefusedError("Switch two-factor sign-in on first.")
    codes = _new_codes(conn, vault, member.user_id)
    _record(conn, member, "recovery_codes.renewed", now)
    return codes


def takes(conn: Conn, vault: Vault, user: Row, code: str, now: Instant) -> str | None:
    """What a code proves: `totp`, `recovery`, or None. A right one is used up."""
    digits = "".join(code.split())
    if len(digits) == 6 and digits.isascii() and digits.isdigit():
        right = _takes(conn, user, vault.open(user["totp_sealed"]), digits, now)
        return "totp" if right else None
    used = credentials.use_code(conn, user["id"], _code_hmac(vault, user["id"], code), now)
    return "recovery" if used else None


def _takes(conn: Conn, user: Row, secret: str, code: str, now: Instant) -> bool:
    totp, present = pyotp.TOTP(secret), now // SECOND // STEP_SECONDS
    given = "".join(code.split()).encode()
    for step in range(present - STEPS_ASIDE, present + STEPS_ASIDE + 1):
        if secrets.compare_digest(totp.generate_otp(step).encode(), given):
            return users.take_step(conn, user["id"], step)
    return False


def _new_codes(conn: Conn, vault: Vault, user_id: str) -> list[str]:
    codes = [_new_code() for _ in range(CODES)]
    credentials.set_codes(conn, user_id, [_code_hmac(vault, user_id, code) for code in codes])
    return codes


def _new_code() -> str:
    letters = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
    return "-".join(letters[at : at + 4] for at in range(0, CODE_LENGTH, 4))


def _code_hmac(vault: Vault, user_id: str, code: str) -> str:
    letters = "".join(char for char in code.lower() if char in CODE_ALPHABET)
    return vault.fingerprint(f"recovery code of {user_id}: {letters}".encode())


def _record(conn: Conn, member: Member, action: str, now: Instant) -> None:
    audit.record(conn, member.actor, action, member.user_id, now,
                 account_id=member.account_id or None)  # fmt: skip
