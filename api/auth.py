"""Who sends a request: bearer key, account, mode, scopes."""

from dataclasses import dataclass

from db import accounts
from db.connection import Reader
from telephony.accounts import key_hash, well_formed
from telephony.clock import SECOND, Instant
from telephony.errors import (
    AccountSuspendedError,
    ExpiredApiKeyError,
    InvalidApiKeyError,
    KycRequiredError,
    MissingApiKeyError,
    RevokedApiKeyError,
    ScopeMissingError,
)

ANY_SCOPE = ""
USE_NOTED_EVERY = 60 * SECOND


@dataclass(frozen=True)
class Caller:
    """An authenticated key and what its account allows."""

    account_id: str
    account: str
    mode: str
    key_id: str
    scopes: frozenset[str]
    currency: str
    country: str
    last_used_at: Instant | None

    def use_is_news(self, now: Instant) -> bool:
        """True if this use should be noted: that is done once a minute, not on every request."""
        return self.last_used_at is None or self.last_used_at < now - USE_NOTED_EVERY


async def authenticate(
    reader: Reader, authorization: str | None, scope: str, now: Instant
) -> Caller:
    """The caller behind an Authorization header; raises the 401 and 403 errors."""
    key = _bearer(authorization)
    row = await accounts.key_by_hash(reader, key_hash(key)) if well_formed(key) else None
    if row is None:
        raise InvalidApiKeyError
    if row["revoked_at"] is not None:
        raise RevokedApiKeyError
    if row["expires_at"] is not None and row["expires_at"] <= now:
        raise ExpiredApiKeyError
    if row["status"] == "suspended":
        raise AccountSuspendedError
    if row["mode"] == "live" and row["kyc_approved_at"] is None:
        raise KycRequiredError
    caller = Caller(
        row["account_id"], row["name"], row["mode"], row["key_id"],
        frozenset(row["scopes"].split()), row["currency"], row["country"],
        row["last_used_at"],
    )  # fmt: skip
    if scope != ANY_SCOPE and scope not in caller.scopes:
        raise ScopeMissingError(f"The API key lacks the scope {scope}.")
    return caller


def _bearer(authorization: str | None) -> str:
    if not authorization:
        raise MissingApiKeyError
    kind, _, key = authorization.partition(" ")
    if kind.lower() != "bearer":
        raise InvalidApiKeyError
    return key.strip()
