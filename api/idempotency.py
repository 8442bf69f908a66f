"""An Idempotency-Key lets a customer repeat a POST without repeating what it does."""

from dataclasses import dataclass

from db import idempotency
from db.connection import Conn
from telephony.clock import SECOND, Instant
from telephony.errors import (
    IdempotencyInProgressError,
    IdempotencyKeyInvalidError,
    IdempotencyKeyReusedError,
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
    if not 1 <= len(key) <= KEY_LENGTH_MAX or not all(" " <= char <= "~" for char in key):
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
        return {
            "account_id": self.account_id, "mode": self.mode, "endpoint": self.endpoint,
            "key": self.key,
        }  # fmt: skip


def earlier_reply(conn: Conn, vault: Vault, scope: Scope, now: Instant) -> Reply | None:
    """Claim the key in this transaction: None if it is new, else what was answered then."""
    idempotency.forget(conn, scope.parts(), now - idempotency.KEPT_SECONDS * SECOND)
    row = idempotency.take(conn, scope.parts(), scope.request_hmac, now)
    if row is None:
        return None
    if row["request_hmac"] != scope.request_hmac:
        raise IdempotencyKeyReusedError
    if not row["status"]:
        raise IdempotencyInProgressError
    return Reply(row["status"], vault.open(row["body_sealed"]).encode(), replayed=True)


def keep(conn: Conn, vault: Vault, scope: Scope, reply: Reply) -> None:
    """Store the reply beside what it tells; it may hold a secret, so it is sealed."""
    idempotency.keep(conn, scope.parts(), reply.status, vault.seal(reply.body.decode()))
