"""The worker that carries events to customers' URLs, at least once each."""

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Callable
from functools import lru_cache, partial

from cryptography.fernet import InvalidToken

from db import deliveries
from db.connection import Row
from db.database import Database
from telephony import clock, metrics, traces
from telephony.clock import SECOND, Instant
from telephony.logs import bound
from telephony.queue import drain, jittered, unbroken
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.traces import Kind
from telephony.webhooks.attempt import Attempt, post
from telephony.webhooks.claim import claim
from telephony.webhooks.egress import Egress, check_url
from telephony.webhooks.events import CHANNEL, body_of
from telephony.webhooks.lanes import Lane
from telephony.webhooks.record import Outcome, give_back, record
from telephony.webhooks.signing import sign

LEASE_SECONDS = 40
"""After a kill, what was in flight is sent again so late."""
SEND_SECONDS = 20
"""Longer than a POST, its reply and the write of its outcome can take together; what has less
left of its lease is not sent."""
IN_FLIGHT_MAX = 512
IN_FLIGHT_FULL_PER_ACCOUNT = 32
"""Guards the others where an account has a URL of its own for every message; a receiver that
keeps up does not count."""
RECORD_TRIES = 3
RECORD_PAUSE_SECONDS = 1.0
CLOSE_SECONDS_MAX = 2.0
CACHED_MAX = 1024
LOOK_MAX = 512
"""Rows that are read of a queue at once, however long it is."""
BEYOND_SECONDS = 0.05
LANES_KEPT_MAX = 1024

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
        self._secret = lru_cache(CACHED_MAX)(vault.open)
        self._check = lru_cache(CACHED_MAX)(partial(check_url, egress=self._egress))
        self._lanes: dict[str, Lane] = {}
        self._in_flight: dict[str, Row] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._outcomes: list[Outcome] = []
        self._recorder: asyncio.Task[None] | None = None
        self._freed = asyncio.Event()
        self._passed_over = False
        self._place: tuple[int, str] = (0, "")
        self._beyond_at = 0.0

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            await drain(self._db, CHANNEL, self.step)
        finally:  # to its end, though others that fail meanwhile cancel it again
            await unbroken(self.close())

    async def step(self) -> int:
        """Take what is due and has room, and return how many those were; it waits for room but
        not for replies, so that a slow one holds up only itself."""
        while len(self._in_flight) >= IN_FLIGHT_MAX:
            self._freed.clear()
            await self._freed.wait()
        ids = await self._look()
        if ids:
            await unbroken(self._claim(ids))
        return len(ids)

    async def _claim(self, ids: list[str]) -> None:
        token, now = secrets.token_hex(8), self._clock()
        until = now + LEASE_SECONDS * SECOND
        for row in await self._db.write(claim, ids, token, now, until):
            self._queue(row)

    async def settled(self) -> None:
        """Wait until whatever is in flight has been recorded."""
        while self._in_flight:
            self._freed.clear()
            await self._freed.wait()

    async def close(self) -> None:
        """Give what is in flight a moment, then leave it to others, who send it again at once."""
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
        if held := list(self._in_flight.values()):
            await self._db.write(give_back, held, self._clock())

    async def _look(self) -> list[str]:
        """Ids of what is due and has room. Where receivers that do not keep up clog the front of
        the queue, others are looked for beyond; with work in hand only now and then."""
        rows = await deliveries.due(self._db, self._clock(), LOOK_MAX)
        ids = self._with_room(rows)
        clogged = len(rows) == LOOK_MAX and len(ids) < len(rows)
        loop = asyncio.get_running_loop()
        if not clogged or (ids and loop.time() < self._beyond_at):
            return ids
        self._beyond_at = loop.time() + BEYOND_SECONDS
        return self._with_room(rows + await self._beyond())

    async def _beyond(self) -> list[Row]:
        """A piece of the queue, at each call the next one, and its end, where what is new is."""
        now = self._clock()
        piece = await deliveries.due(self._db, now, LOOK_MAX, after=self._place)
        last = len(piece) < LOOK_MAX
        self._place = (0, "") if last else (piece[-1]["next_attempt_at"], piece[-1]["id"])
        newest = await deliveries.due(self._db, now, LOOK_MAX, newest=True)
        return piece + newest[::-1]

    def _with_room(self, due: list[Row]) -> list[str]:
        """Ids of those for which worker, lane and account have room."""
        left = IN_FLIGHT_MAX - len(self._in_flight)
        ids, lanes, accounts = dict[str, None](), Counter[str](), self._unproven()
        for row in due:
            lane = self._lanes.get(row["lane"]) or Lane()
            account = accounts[row["account_id"]]
            if (
                row["id"] not in ids
                and lane.taken + lanes[row["lane"]] < lane.room
                and (lane.quick or account < IN_FLIGHT_FULL_PER_ACCOUNT)
            ):
                ids[row["id"]] = None
                lanes[row["lane"]] += 1
                accounts[row["account_id"]] += not lane.quick
        self._passed_over = len(ids) < len(due)
        return list(ids)[:left]

    def _unproven(self) -> Counter[str]:
        """In flight by account, but for receivers that keep up."""
        return Counter(
            row["account_id"]
            for row in self._in_flight.values()
            if not self._lanes[lane_of(row)].quick
        )

    def _queue(self, row: Row) -> None:
        lane = self._lanes.setdefault(lane_of(row), Lane())
        self._in_flight[row["id"]] = row
        lane.rows.append(row)
        lane.taken += 1
        if lane.wants_sender:
            lane.senders += 1
            task = asyncio.create_task(self._send(lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, lane: Lane) -> None:
        """One connection's work: the lane's rows in turn, until none is left."""
        try:
            while lane.rows:
                await self._deliver(lane.rows.popleft(), lane)
        finally:
            lane.senders -= 1

    async def _deliver(self, row: Row, lane: Lane) -> None:
        at = self._clock()
        if row["next_attempt_at"] - at < SEND_SECONDS * SECOND:
            self._let_go([row])  # its lease ends soon: then its turn comes again
            return
        with bound(request_id=row["event"]["request_id"], delivery_id=row["id"]):
            attempt = await self._tried(row, at)
        lane.learn(attempt)
        _count(attempt)
        _trace(row, attempt, self._clock())
        self._outcomes.append((row, attempt))
        if self._recorder is None:
            self._recorder = asyncio.create_task(self._record())

    async def _tried(self, row: Row, at: Instant) -> Attempt:
        try:
            return await self._attempt(row, at)
        except Exception as error:  # its text may hold the URL
            log.error("the attempt failed: %s", type(error).__name__)
            return Attempt(at, error="Something failed on our side.")

    async def _attempt(self, row: Row, at: Instant) -> Attempt:
        event = row["event"]
        try:
            self._check(row["url"])
        except ValueError as refused:
            return Attempt(at, error=str(refused))
        try:
            keys = [self._secret(sealed) for sealed in row["sealed"]]
        except InvalidToken:
            log.error("a webhook secret of account %s does not open", event["account_id"])
            return Attempt(at, error="The account's webhook secret cannot be read.")
        body = body_of(event)
        signature = sign(keys, event["id"], body, at // SECOND)
        headers = {"Content-Type": "application/json"} | signature
        if event["request_id"]:
            headers["X-Request-Id"] = event["request_id"]
        return await post(self._session, row["url"], headers, body, at)

    async def _record(self) -> None:
        while self._outcomes:  # what ends during one write is recorded together by the next
            batch, self._outcomes = self._outcomes, []
            await self._kept(batch)
            self._let_go([row for row, _ in batch])
        self._recorder = None

    def _let_go(self, rows: list[Row]) -> None:
        for row in rows:
            self._in_flight.pop(row["id"], None)
            self._lanes[lane_of(row)].taken -= 1
        if len(self._lanes) > LANES_KEPT_MAX:
            self._lanes = {name: lane for name, lane in self._lanes.items() if lane.taken}
        self._freed.set()
        if self._passed_over:
            self._db.wakeups.signal(CHANNEL)

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


def _count(attempt: Attempt) -> None:
    status = attempt.status_code
    metrics.WEBHOOKS.labels(f"{status // 100}xx" if status else "no_reply").inc()
    if status:
        metrics.WEBHOOK_SECONDS.observe(attempt.latency_us / SECOND)


def _trace(row: Row, attempt: Attempt, ended: Instant) -> None:
    traces.note(
        "deliver webhook", Kind.client, row["event"]["request_id"], attempt.at, ended,
        {"sms_voip.event": row["event"]["type"], "sms_voip.delivery_id": row["id"],
         "http.response.status_code": attempt.status_code,
         "error": None if attempt.accepted else attempt.error or "not accepted"},
    )  # fmt: skip


def lane_of(row: Row) -> str:
    """What deliveries of one receiver have in common: its endpoint, or its URL."""
    return str(row["endpoint_id"] or row["url"])
