"""API keys: `sk_<mode>_`, 32 characters of base 62, and 6 that are their CRC32. A key is shown
once; only its SHA-256 is kept."""

import hashlib
import re
import secrets
import string
import zlib

from db import accounts
from db.connection import Conn
from telephony.clock import Instant

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
SCOPES = (
    "sms:send", "sms:read", "voice:call", "voice:read", "voip:manage", "voip:read",
    "wallet:transfer", "webhooks:manage", "rates:read",
)  # fmt: skip
_KEY = re.compile(r"sk_(?:live|test)_[0-9A-Za-z]{38}")
_CHECKSUM = 6


def new_key(mode: str) -> str:
    """A fresh key with 190 random bits."""
    body = f"sk_{mode}_" + "".join(secrets.choice(BASE62) for _ in range(32))
    return body + _checksum(body)


def well_formed(key: str) -> bool:
    """True if the checksum holds: garbage is refused without asking the database."""
    return bool(_KEY.fullmatch(key)) and key[-_CHECKSUM:] == _checksum(key[:-_CHECKSUM])


def key_hash(key: str) -> str:
    """What is stored of a key. It has enough entropy of its own that a slow hash adds nothing."""
    return hashlib.sha256(key.encode()).hexdigest()


def add_key(
    conn: Conn, account_id: str, key: str, name: str, now: Instant,
    scopes: tuple[str, ...] = SCOPES,
) -> str:  # fmt: skip
    """Store a key that `new_key` made; its id."""
    return accounts.add_key(
        conn, now, account_id=account_id, mode=key.split("_")[1], name=name,
        sha256=key_hash(key), last4=key[-4:], scopes=" ".join(scopes),
    )  # fmt: skip


def _checksum(body: str) -> str:
    value, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM):
        value, digit = divmod(value, 62)
        digits = BASE62[digit] + digits
    return digits
