"""Random tokens: handed out once, known afterwards by their SHA-256 alone."""

import hashlib
import secrets

from db import one_use_tokens
from db.connection import Conn, Reader, Row
from telephony.clock import SECOND, Instant
from telephony.users.problems import LinkUsedError

LIFE_SECONDS = {
    "register": 24 * 3600,
    "reset": 3600,
    "invitation": 7 * 24 * 3600,
    "second_factor": 600,
    "passkey_add": 300,
    "passkey_use": 300,
}


def new_token() -> str:
    """256 random bits, safe in a URL."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is stored of a token; it has enough entropy of its own for a fast hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def give(conn: Conn, /, kind: str, now: Instant, token: str | None = None, **facts: str) -> str:
    """Store a token of that kind, a new one unless the caller has made it; the token."""
    made = token or new_token()
    expires_at = now + LIFE_SECONDS[kind] * SECOND
    one_use_tokens.add(conn, now, kind=kind, sha256=token_hash(made), expires_at=expires_at,
                       **facts)  # fmt: skip
    return made


async def look(reader: Reader, kind: str, token: str, now: Instant) -> Row:
    """What a token is good for, without using it; LinkUsedError."""
    return _there(await one_use_tokens.look(reader, kind, token_hash(token), now))


def use(conn: Conn, kind: str, token: str, now: Instant) -> Row:
    """Use a token up and tell what it was good for; LinkUsedError."""
    return _there(one_use_tokens.use(conn, kind, token_hash(token), now))


def _there(row: Row | None) -> Row:
    if row is None:
        raise LinkUsedError
    return row
