"""The worker that carries events to customers' URLs, at least once each."""

import asyncio
import json
import logging
import secrets
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from cryptography.fernet import InvalidToken

from db import events
from db.connection import Conn, Row
from db.database import Database
from telephony import clock
from telephony.clock import SECOND, Instant
from telephony.queue import drain, jittered
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.webhooks.attempt import Attempt, post
from telephony.webhooks.egress import Egress, check_url
from telephony.webhooks.events import CHANNEL
from telephony.webhooks.retries import verdict
from telephony.webhooks.signing import sign

LEASE_SECONDS = 60
"""Longer than a POST, its reply and the write of its outcome can take together."""
IN_FLIGHT_MAX = 512
IN_FLIGHT_FULL_PER_URL = 16
"""A URL with so many in flight gets no more; one look may add as many again."""
IN_FLIGHT_FULL_PER_ACCOUNT = 32
"""Guards the others where an account has a URL of its own for every message."""
RECORD_TRIES = 3
RECORD_PAUSE_SECONDS = 1.0
CLOSE_SECONDS_MAX = 5.0
SECRETS_CACHED_MAX = 1024

Outcome = tuple[Row, Attempt]
log = logging.getLogger(__name__)


class WebhookWorker:
    """Any number may run on one database. Create it inside a running event loop and close it;
    `clock` and `jitter` are there for tests."""

    def __init__(
        self, db: Database, vault: Vault, settings: Settings,
        *, clock: Callable[[], Instant] = clock.now, jitter: Callable[[float], float] = jittered,
    ) -> None:  # fmt: skip
        self._db = db
        self._clock = clock
        self._jitter = jitter
        self._egress = Egress(settings)
        self._session = self._egress.session()
        self._secret = lru_cache(SECRETS_CACHED_MAX)(vault.open)
        self._in_flight: dict[str, Row] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._outcomes: list[Outcome] = []
        self._recorder: asyncio.Task[None] | None = None
        self._freed = asyncio.Event()
        self._passed_over = False

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            await drain(self._db, CHANNEL, self.step)
        finally:
            await self.close()

    async def step(self) -> int:
        """Start what is due and has room, and return how many were due; it waits for room but
        not for replies, so that a slow one holds up only itself."""
        while len(self._in_flight) >= IN_FLIGHT_MAX:
            self._freed.clear()
            await self._freed.wait()
        ids = await self._due()
        if ids:
            token, now = secrets.token_hex(8), self._clock()
            until = now + LEASE_SECONDS * SECOND
            for row in await self._db.write(events.claim, ids, token, now, until):
                self._start(row)
        return len(ids)

    async def settled(self) -> None:
        """Wait until whatever is in flight has been recorded."""
        while self._in_flight:
            self._freed.clear()
            await self._freed.wait()

    async def close(self) -> None:
        """Give what is in flight a few seconds, then drop it: its lease ends and it is sent
        again by the next worker."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS_MAX):
                await self.settled()
        except TimeoutError:
            log.warning("%d webhooks were cut off and will be sent again", len(self._in_flight))
        left = [*self._tasks, *([self._recorder] if self._recorder else [])]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._session.close()

    async def _due(self) -> list[str]:
        urls = Counter(row["url"] for row in self._in_flight.values())
        accounts = Counter(row["account_id"] for row in self._in_flight.values())
        full_urls = [url for url, n in urls.items() if n >= IN_FLIGHT_FULL_PER_URL]
        full_accounts = [name for name, n in accounts.items() if n >= IN_FLIGHT_FULL_PER_ACCOUNT]
        self._passed_over = bool(full_urls or full_accounts)
        return await events.due(
            self._db, self._clock(), IN_FLIGHT_MAX - len(self._in_flight),
            IN_FLIGHT_FULL_PER_URL, IN_FLIGHT_FULL_PER_ACCOUNT, full_urls, full_accounts,
        )  # fmt: skip

    def _start(self, row: Row) -> None:
        self._in_flight[row["id"]] = row
        task = asyncio.create_task(self._deliver(row))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, row: Row) -> None:
        at = self._clock()
        try:
            attempt = await self._attempt(row, at)
        except Exception as error:  # its text may hold the URL
            log.error("delivery %s: %s", row["id"], type(error).__name__)
            attempt = Attempt(at, error="Something failed on our side.")
        self._outcomes.append((row, attempt))
        if self._recorder is None:
            self._recorder = asyncio.create_task(self._record())

    async def _attempt(self, row: Row, at: Instant) -> Attempt:
        event = row["event"]
        try:
            check_url(row["url"], self._egress)
        except ValueError as refused:
            return Attempt(at, error=str(refused))
        try:
            secret = self._secret(event["webhook_secret_sealed"])
        except InvalidToken:
            log.error("the webhook secret of account %s does not open", event["account_id"])
            return Attempt(at, error="The account's webhook secret cannot be read.")
        body = body_of(event)
        signature = sign(secret, event["id"], body, at // SECOND)
        headers = {"Content-Type": "application/json"} | signature
        return await post(self._session, row["url"], headers, body, at)

    async def _record(self) -> None:
        while self._outcomes:  # what ends during one write is recorded together by the next
            batch, self._outcomes = self._outcomes, []
            await self._kept(batch)
            for row, _ in batch:
                self._in_flight.pop(row["id"], None)
            self._freed.set()
            if self._passed_over:
                self._db.wakeups.signal(CHANNEL)
        self._recorder = None

    async def _kept(self, batch: list[Outcome]) -> None:
        for _ in range(RECORD_TRIES):
            try:
                await self._db.write(record, batch, self._jitter)
            except Exception:
                log.exception("the outcomes of %d webhooks are not stored yet", len(batch))
                await asyncio.sleep(RECORD_PAUSE_SECONDS)
            else:
                return
        log.error("%d webhooks will be sent again: their outcomes were not stored", len(batch))


def record(conn: Conn, batch: list[Outcome], jitter: Callable[[float], float]) -> None:
    """Keep attempts and what follows each; one whose lease another worker has taken meanwhile is
    left to that worker."""
    for row, attempt in batch:
        state, wait = verdict(
            attempt.status_code, row["attempts"] + 1, attempt.retry_after_seconds, jitter
        )
        next_at = attempt.at + attempt.latency_us + int(wait * SECOND)
        events.attempted(
            conn, row["id"], row["lease_token"], state, next_at,
            at=attempt.at, latency_us=attempt.latency_us, status_code=attempt.status_code,
            error=attempt.error, reply=attempt.reply,
        )  # fmt: skip


def body_of(event: Row) -> bytes:
    """The JSON of an event row, the same bytes at every attempt; no field of the payload hides
    one of the envelope."""
    envelope: dict[str, Any] = {
        "event": event["type"],
        "id": event["id"],
        "created_at": clock.rfc3339(event["created_at"]),
        "mode": event["mode"],
    }
    return json.dumps(envelope | json.loads(event["payload"]) | envelope).encode()
