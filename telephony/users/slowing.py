"""Guessing passwords is slowed down, and nobody can lock somebody else out by it: an address that
fails too often is refused for a while, an email that is guessed at from many addresses is answered
late. A browser in which the same user has signed in before is spared both."""

import hashlib
import hmac
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from db import sign_in_failures
from db.connection import Conn, Reader, Row
from telephony.clock import SECOND, Instant
from telephony.secrets import Vault
from telephony.users.problems import SlowDownError

WINDOW_SECONDS = 15 * 60
ADDRESS_FAILURES_MAX = 20
EMAIL_FAILURES_FREE = 5
DELAY_SECONDS_MAX = 8.0
SECOND_FACTOR_FAILURES_MAX = 20
SECOND_FACTOR_WINDOW_SECONDS = 3600
KNOWN_SECONDS = 90 * 24 * 3600


@dataclass(frozen=True)
class Subjects:
    """Under which names failures of a sign-in are counted."""

    address: str
    email: str


def subjects(vault: Vault, address: str, email: str) -> Subjects:
    """Keyed hashes of the address, or the network of one IPv6 customer, and of the email."""
    return Subjects(
        vault.fingerprint(f"sign-in from {_network(address)}".encode()),
        vault.fingerprint(f"sign-in of {email}".encode()),
    )


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or parsed.exploded[:19])


async def delay(reader: Reader, who: Subjects, now: Instant) -> float:
    """Seconds to wait before the password is looked at; SlowDownError where the address has
    failed too often."""
    since = now - WINDOW_SECONDS * SECOND
    found = await sign_in_failures.lately(reader, [who.address, who.email], since)
    failures, last_at = found.get(who.address, (0, 0))
    if failures >= ADDRESS_FAILURES_MAX:
        left = last_at + WINDOW_SECONDS * SECOND - now
        raise SlowDownError(retry_after_seconds=max(1, -(-left // SECOND)))
    failures, _ = found.get(who.email, (0, 0))
    if failures < EMAIL_FAILURES_FREE:
        return 0
    return float(min(DELAY_SECONDS_MAX, 2.0 ** (failures - EMAIL_FAILURES_FREE)))


def failed(conn: Conn, who: Subjects, now: Instant) -> int:
    """Count a failure of both; how many the email has had lately."""
    since = now - WINDOW_SECONDS * SECOND
    counted = {
        subject: sign_in_failures.count(conn, subject, now, since)
        for subject in sorted((who.address, who.email))  # in one order: two may fail at once
    }
    return counted[who.email]


def second_factor_failed(conn: Conn, user_id: str, now: Instant) -> None:
    """Count a wrong code of someone who knew the password."""
    since = now - SECOND_FACTOR_WINDOW_SECONDS * SECOND
    sign_in_failures.count(conn, code_subject(user_id), now, since)


def code_subject(user_id: str) -> str:
    """Under which name wrong codes of a user are counted."""
    return f"code of {user_id}"


async def codes_are_free(reader: Reader, user_id: str, now: Instant) -> bool:
    """False while so many codes were wrong that guessing one would be worth while."""
    since = now - SECOND_FACTOR_WINDOW_SECONDS * SECOND
    subject = code_subject(user_id)
    found = await sign_in_failures.lately(reader, [subject], since)
    return found.get(subject, (0, 0))[0] < SECOND_FACTOR_FAILURES_MAX


def known_browser(vault: Vault, user: Row, now: Instant) -> str:
    """What a browser shows later to prove that this user has signed in there; a new password
    voids it."""
    at = str(now // SECOND)
    return f"{user['id']}.{at}.{_proof(vault, user, at)}"


def is_known(vault: Vault, user: Row | None, shown: str, now: Instant) -> bool:
    """True if the browser shows what `known_browser` made for this user."""
    user_id, _, rest = shown.partition(".")
    at, _, proof = rest.partition(".")
    if user is None or user_id != user["id"] or not (at.isascii() and at.isdigit()):
        return False
    fresh = now // SECOND - int(at) < KNOWN_SECONDS
    return fresh and hmac.compare_digest(proof.encode(), _proof(vault, user, at).encode())


def _proof(vault: Vault, user: Row, at: str) -> str:
    message = f"{user['id']}.{at}.{user['password_argon2']}".encode()
    return hmac.new(vault.subkey("known browser"), message, hashlib.sha256).hexdigest()
