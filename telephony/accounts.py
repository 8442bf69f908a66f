"""API keys: `sk_<mode>_`, 32 characters of base 62, and 6 that are their CRC32. A key is shown
once; only its SHA-256 is kept."""

import hashlib
import re
import secrets
import string
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from db import accounts
from db.connection import Conn, Row
from telephony import audit
from telephony.addresses import network
from telephony.audit import Actor
from telephony.clock import SECOND, Instant
from telephony.errors import NotFoundError, ValidationFailedError

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
SCOPES = (
    "sms:send", "sms:read", "voice:call", "voice:read", "voip:manage", "voip:read",
    "wallet:transfer", "webhooks:manage", "rates:read",
)  # fmt: skip
_KEY = re.compile(r"sk_(?:live|test)_[0-9A-Za-z]{38}")
_CHECKSUM = 6
KEYS_MAX = 100
CIDRS_MAX = 50
NAME_LENGTH_MAX = 64
OVERLAP_SECONDS = 24 * 3600
OVERLAP_SECONDS_MAX = 30 * 24 * 3600
RIGHTS = (
    "account_id", "mode", "name", "scopes", "cidrs", "spend_day_max", "calls_max",
    "calls_per_second", "requests_per_minute", "requests_burst",
)  # fmt: skip
"""The columns that a key passes on to the one that replaces it."""


@dataclass(frozen=True)
class NewKey:
    """A key as it is shown once; `replaced_until` is when the one before it stops working."""

    id: str
    key: str
    replaced_until: Instant | None = None


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


def create_key(
    conn: Conn, /, account_id: str, mode: str, *, name: str, actor: Actor, now: Instant,
    scopes: Iterable[str] = SCOPES, cidrs: Iterable[str] = (),
    expires_at: Instant | None = None, **limits: int | None,
) -> NewKey:  # fmt: skip
    """A new key of an account, whose id must exist. `limits` are columns of the key, such as
    `requests_per_minute` or `spend_day_max`; raises ValidationFailedError."""
    if not 1 <= len(name) <= NAME_LENGTH_MAX:
        raise _bad("name", f"A key has a name of 1 to {NAME_LENGTH_MAX} characters.")
    if expires_at is not None and expires_at <= now:
        raise _bad("expires_at", "The key would have expired already.")
    facts = {
        "mode": mode, "name": name, "scopes": known_scopes(scopes), "cidrs": cidr_list(cidrs),
        "expires_at": expires_at, **limits,
    }  # fmt: skip
    new = _add(conn, now, account_id=account_id, **facts)
    audit.record(conn, actor, "key.created", new.id, now, account_id=account_id, after=facts)
    return new


def rotate_key(
    conn: Conn, key_id: str, *, actor: Actor, now: Instant, overlap_seconds: int = OVERLAP_SECONDS
) -> NewKey:
    """A new key with the rights of one that works; the old one works for as long as the overlap
    says, never longer than it would have. NotFoundError, ValidationFailedError."""
    if not 0 <= overlap_seconds <= OVERLAP_SECONDS_MAX:
        raise _bad("overlap", "Both keys may work for at most 30 days.")
    old = _known(conn, key_id)
    if old["revoked_at"] is not None or _past(old, now):
        raise _bad("key", "This key works no more. Create a new one.")
    until = now + overlap_seconds * SECOND
    last = min(until, old["expires_at"] or until)
    rights = {column: old[column] for column in RIGHTS}
    new = _add(conn, now, **rights, expires_at=None, replaces=key_id)
    accounts.change_key(conn, key_id, expires_at=last)
    audit.record(
        conn, actor, "key.rotated", key_id, now, account_id=old["account_id"],
        before={"expires_at": old["expires_at"]},
        after={"expires_at": last, "replaced_by": new.id},
    )  # fmt: skip
    return NewKey(new.id, new.key, last)


def revoke_key(conn: Conn, key_id: str, *, actor: Actor, now: Instant) -> Row:
    """Let a key work no more, on every process within a second; one that was revoked stays as it
    is. Returns the key; NotFoundError."""
    row = _known(conn, key_id)
    if row["revoked_at"] is None:
        accounts.change_key(conn, key_id, revoked_at=now)
        audit.record(conn, actor, "key.revoked", key_id, now, account_id=row["account_id"])
    return row


def change_key(
    conn: Conn, key_id: str, cidrs: Iterable[str] | None, limits: dict[str, int | None], *,
    actor: Actor, now: Instant,
) -> None:  # fmt: skip
    """Set networks (None: as they are) and limits, which are columns of the key, such as
    `calls_max`; NotFoundError, ValidationFailedError."""
    row = _known(conn, key_id)
    facts: dict[str, int | str | None] = {**limits}
    if cidrs is not None:
        facts["cidrs"] = cidr_list(cidrs)
    if facts:
        accounts.change_key(conn, key_id, **facts)
        before = {column: row[column] for column in facts}
        audit.record(conn, actor, "key.changed", key_id, now, account_id=row["account_id"],
                     before=before, after=facts)  # fmt: skip


def known_scopes(scopes: Iterable[str]) -> str:
    """The scopes as they are stored, each once; ValidationFailedError."""
    found = list(dict.fromkeys(scopes))
    unknown = [scope for scope in found if scope not in SCOPES]
    if unknown or not found:
        raise _bad("scopes", f"A key has some of the scopes {', '.join(SCOPES)}.")
    return " ".join(found)


def cidr_list(cidrs: Iterable[str]) -> str:
    """The networks as they are stored, each once, without host bits; ValidationFailedError."""
    try:
        found = list(dict.fromkeys(str(network(cidr)) for cidr in cidrs))
    except ValueError as error:
        message = f"{error}. Write a network such as 192.0.2.0/24 or 2001:db8::/32."
        raise _bad("cidrs", message) from error
    if len(found) > CIDRS_MAX:
        raise _bad("cidrs", f"A key has at most {CIDRS_MAX} networks.")
    return ",".join(found)


def _add(conn: Conn, now: Instant, **facts: Any) -> NewKey:
    conn.lock(f"keys:{facts['account_id']}")
    if accounts.count_live_keys(conn, facts["account_id"], now) >= KEYS_MAX:
        raise _bad("account", f"An account has at most {KEYS_MAX} keys. Revoke one first.")
    key = new_key(facts["mode"])
    return NewKey(accounts.add_key(conn, now, sha256=key_hash(key), last4=key[-4:], **facts), key)


def _known(conn: Conn, key_id: str) -> Row:
    row = accounts.key(conn, key_id)
    if row is None:
        raise NotFoundError(f"There is no key {key_id}.")
    return row


def _past(row: Row, now: Instant) -> bool:
    return row["expires_at"] is not None and row["expires_at"] <= now


def _bad(field: str, message: str) -> ValidationFailedError:
    error = {"field": field, "code": "invalid", "message": message}
    return ValidationFailedError(message, errors=[error])


def _checksum(body: str) -> str:
    value, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM):
        value, digit = divmod(value, 62)
        digits = BASE62[digit] + digits
    return digits
