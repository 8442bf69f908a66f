"""An Idempotency-Key lets a customer repeat a POST without repeating what it does."""

from collections.abc import Sequence
from dataclasses import dataclass

from db import idempotency
from db.connection import Conn, Row
from telephony.clock import SECOND, Instant
from telephony.errors import (
    IdempotencyInProgressError,
    IdempotencyKeyInvalidError,
    IdempotencyKeyReusedError,
    Problem,
)
from telephony.secrets import Vault

KEY_LENGTH_MAX = 255


@dataclass(frozen=True)
class Reply:
    """Status and JSON body; `replayed` if an earlier request was answered with it."""

    status: int
    body: bytes
    replayed: bool = False


def check(key: str) -> str:
    """The key itself; IdempotencyKeyInvalidError unless it is 1–255 printable ASCII."""
    if not 1 <= len(key) <= KEY_LENGTH_MAX or not (key.isascii() and key.isprintable()):
        raise IdempotencyKeyInvalidError
    return key


@dataclass(frozen=True)
class Scope:
    """Whose key it is, and the request that it stands for."""

    account_id: str
    mode: str
    endpoint: str
    key: str
    request_hmac: str

    def parts(self) -> dict[str, str]:
        """The columns that name the key."""
        return {**self.owner(), "key": self.key}

    def owner(self) -> dict[str, str]:
        """The columns that name whose key it is, and where."""
        return {"account_id": self.account_id, "mode": self.mode, "endpoint": self.endpoint}

    @property
    def name(self) -> tuple[str, str, str, str]:
        """Equal for requests with the same key, whatever they ask for."""
        return self.account_id, self.mode, self.endpoint, self.key


def earlier_reply(conn: Conn, vault: Vault, scope: Scope, now: Instant) -> Reply | None:
    """Claim the key in this transaction: None if it is new, else what was answered then."""
    idempotency.forget(conn, scope.parts(), now - idempotency.KEPT_SECONDS * SECOND)
    row = idempotency.take(conn, scope.parts(), scope.request_hmac, now)
    return None if row is None else _kept(vault, scope, row)


def _kept(vault: Vault, scope: Scope, row: Row) -> Reply:
    if row["request_hmac"] != scope.request_hmac:
        raise IdempotencyKeyReusedError
    if not row["status"]:
        raise IdempotencyInProgressError
    return Reply(row["status"], vault.open(row["body_sealed"]).encode(), replayed=True)


def keep(conn: Conn, vault: Vault, scope: Scope, reply: Reply) -> None:
    """Store the reply beside what it tells; it may hold a secret, so it is sealed."""
    idempotency.keep(conn, scope.parts(), reply.status, vault.seal(reply.body.decode()))


def earlier_replies(
    conn: Conn, vault: Vault, scopes: Sequence[Scope], now: Instant
) -> dict[Scope, Reply | Problem]:
    """What is answered to those whose key is known; nobody else takes any of them meanwhile. Each
    key is there once."""
    owners: dict[tuple[str, ...], list[Scope]] = {}
    for scope in scopes:
        owners.setdefault(tuple(scope.owner().values()), []).append(scope)
    found: dict[Scope, Reply | Problem] = {}
    since = now - idempotency.KEPT_SECONDS * SECOND
    for _, same in sorted(owners.items()):
        rows = idempotency.kept(conn, same[0].owner(), [one.key for one in same], since)
        for scope in same:
            if row := rows.get(scope.key):
                found[scope] = _reply_or_problem(vault, scope, row)
    return found


def _reply_or_problem(vault: Vault, scope: Scope, row: Row) -> Reply | Problem:
    try:
        return _kept(vault, scope, row)
    except Problem as problem:
        return problem


def keep_all(conn: Conn, vault: Vault, replies: Sequence[tuple[Scope, Reply, Instant]]) -> None:
    """Store replies under keys that `earlier_replies` did not know."""
    idempotency.keep_all(conn, [
        {
            **scope.parts(), "request_hmac": scope.request_hmac, "status": reply.status,
            "body_sealed": vault.seal(reply.body.decode()), "created_at": at,
        }
        for scope, reply, at in replies
    ])  # fmt: skip
