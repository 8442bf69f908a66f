"""An Idempotency-Key lets a customer repeat a POST without repeating what it does."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
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
WAIT_SECONDS = 5.0
POLL_SECONDS = 0.05
ANSWER_SECONDS_MAX = 5
"""Longer than any answer takes after its deed: one that is missing then never came, since its
process died."""


@dataclass(frozen=True)
class Reply:
    """Status and JSON body; `replayed` if an earlier request had the same key. `status` 0: the
    answer is still to be made of the body."""

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


def earlier_replies(
    conn: Conn, vault: Vault, scopes: Sequence[Scope], now: Instant
) -> dict[Scope, Reply | Problem]:
    """What is answered to those whose key is known or in use; the others' keys are theirs until
    the transaction ends. Each key is there once."""
    owners: dict[tuple[str, ...], list[Scope]] = {}
    for scope in scopes:
        owners.setdefault(tuple(scope.owner().values()), []).append(scope)
    found: dict[Scope, Reply | Problem] = {}
    for _, same in sorted(owners.items()):
        found |= _of_owner(conn, vault, same, now)
    return found


def _of_owner(
    conn: Conn, vault: Vault, scopes: Sequence[Scope], now: Instant
) -> dict[Scope, Reply | Problem]:  # fmt: skip
    owner = scopes[0].owner()
    busy = idempotency.take(conn, owner, [scope.key for scope in scopes])
    found: dict[Scope, Reply | Problem] = {
        scope: IdempotencyInProgressError() for scope in scopes if scope.key in busy
    }
    free = [scope for scope in scopes if scope.key not in busy]
    since = now - idempotency.KEPT_SECONDS * SECOND
    rows = idempotency.kept(conn, owner, [scope.key for scope in free], since) if free else {}
    return found | {
        scope: _kept(vault, scope, rows[scope.key], now) for scope in free if scope.key in rows
    }


def _kept(vault: Vault, scope: Scope, row: Row, now: Instant) -> Reply | Problem:
    if row["request_hmac"] != scope.request_hmac:
        return IdempotencyKeyReusedError()
    if not row["status"] and row["created_at"] > now - ANSWER_SECONDS_MAX * SECOND:
        return IdempotencyInProgressError()
    return Reply(row["status"], vault.open(row["body_sealed"]).encode(), replayed=True)


def keep_all(conn: Conn, vault: Vault, replies: Sequence[tuple[Scope, Reply, Instant]]) -> None:
    """Store replies under keys that `earlier_replies` did not know; they may hold secrets, so
    they are sealed."""
    idempotency.keep_all(conn, [
        {
            **scope.parts(), "request_hmac": scope.request_hmac, "status": reply.status,
            "body_sealed": vault.seal(reply.body.decode()), "created_at": at,
        }
        for scope, reply, at in replies
    ])  # fmt: skip


def finish_reply(conn: Conn, vault: Vault, scope: Scope, reply: Reply) -> Reply:
    """Store the answer of what was done before; the answer of another request with the same key,
    if that was quicker."""
    sealed = vault.seal(reply.body.decode())
    row = idempotency.finish(conn, scope.parts(), reply.status, sealed)
    if row is None:
        return reply
    return Reply(row["status"], vault.open(row["body_sealed"]).encode(), replayed=True)


def forget_reply(conn: Conn, scope: Scope) -> None:
    """Let the key be used again: what came after the deed was a problem."""
    idempotency.forget(conn, scope.parts())


async def in_turn(attempt: Callable[[], Awaitable[Reply]]) -> Reply:
    """What the attempt gives once no other request with its key is under way; after 5 s
    IdempotencyInProgressError."""
    until = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return await attempt()
        except IdempotencyInProgressError:
            if time.monotonic() >= until:
                raise
        await asyncio.sleep(POLL_SECONDS)
