"""Who sends a request: bearer key, account, mode, scopes."""

import time
from collections import OrderedDict
from dataclasses import dataclass

from db import accounts
from db.connection import Row
from db.database import Database
from telephony.accounts import key_hash, well_formed
from telephony.addresses import Address, networks, within
from telephony.clock import SECOND, Instant
from telephony.errors import (
    AccountSuspendedError,
    ExpiredApiKeyError,
    InvalidApiKeyError,
    IpNotAllowedError,
    KycRequiredError,
    MissingApiKeyError,
    Problem,
    RevokedApiKeyError,
    ScopeMissingError,
    WrongEnvironmentError,
)

ANY_SCOPE = ""
USE_NOTED_EVERY = 60 * SECOND
KNOWN_SECONDS = 1.0
"""How long a key is believed without asking: the longest that a revoked one may still work."""
KNOWN_MAX = 10_000


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
    requests_per_minute: int | None
    requests_burst: int | None
    refused: type[Problem] | None
    """Why the account may do nothing at all."""

    def check(self, scope: str, host: str, sandbox_host: str) -> None:
        """Raise if the key may not do what needs this scope, or not at this host."""
        if self.refused:
            raise self.refused
        if sandbox_host and (host == sandbox_host) != (self.mode == "test"):
            where = "takes test keys only" if host == sandbox_host else "takes live keys only"
            raise WrongEnvironmentError(f"{host or 'This host'} {where}.")
        if scope != ANY_SCOPE and scope not in self.scopes:
            raise ScopeMissingError(f"The API key lacks the scope {scope}.")


@dataclass
class _Known:
    row: Row
    caller: Caller
    read_at: float


class Keys:
    """Looks keys up, and believes what it found for a second, so that most requests ask no
    database. A change that commits makes it look again at once, where word of it arrives."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._ear = db.wakeups.subscribe(accounts.KEYS)
        self._good_from = 0.0

    def has(self, sha256: str) -> bool:
        """True if this key was found not long ago; it may have changed since."""
        return sha256 in self._known

    async def identify(self, sha256: str, address: Address, now: Instant) -> Caller:
        """Whose key it is; raises what is wrong with the key itself, or with its use from there."""
        known = self._remembered(sha256) or await self._look_up(sha256)
        row = known.row
        if row["revoked_at"] is not None:
            raise RevokedApiKeyError
        if row["expires_at"] is not None and row["expires_at"] <= now:
            raise ExpiredApiKeyError
        if row["cidrs"] and not within(address, networks(row["cidrs"])):
            raise IpNotAllowedError(f"The API key may not be used from {address}.")
        await self._note_use(row, now)
        return known.caller

    def _remembered(self, sha256: str) -> _Known | None:
        clock = time.monotonic()
        if self._ear.rung():
            self._good_from = clock
        known = self._known.get(sha256)
        good_from = max(self._good_from, clock - KNOWN_SECONDS)
        return known if known and known.read_at >= good_from else None

    async def _look_up(self, sha256: str) -> _Known:
        read_at = time.monotonic()  # before the read: what it finds may be old by then
        row = await accounts.key_by_hash(self._db, sha256)
        if row is None:
            self._known.pop(sha256, None)
            raise InvalidApiKeyError
        known = self._known[sha256] = _Known(row, _caller(row), read_at)
        self._known.move_to_end(sha256)
        if len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        return known

    async def _note_use(self, row: Row, now: Instant) -> None:
        before = now - USE_NOTED_EVERY
        if row["last_used_at"] is None or row["last_used_at"] < before:
            row["last_used_at"] = now  # first: of the requests that run just now one writes it
            await self._db.write(accounts.touch_key, row["key_id"], now, before)


def bearer(authorization: str | None) -> str:
    """The SHA-256 of the key in an Authorization header; garbage is refused by its checksum."""
    if not authorization:
        raise MissingApiKeyError
    kind, _, key = authorization.partition(" ")
    key = key.strip()
    if kind.lower() != "bearer" or not well_formed(key):
        raise InvalidApiKeyError
    return key_hash(key)


def _caller(row: Row) -> Caller:
    refused: type[Problem] | None = None
    if row["status"] == "suspended":
        refused = AccountSuspendedError
    elif row["mode"] == "live" and row["kyc_approved_at"] is None:
        refused = KycRequiredError
    return Caller(
        row["account_id"], row["name"], row["mode"], row["key_id"],
        frozenset(row["scopes"].split()), row["currency"], row["country"],
        row["requests_per_minute"], row["requests_burst"], refused,
    )  # fmt: skip
