"""How often somebody may ask: a bucket that fills evenly (GCRA, by `throttled-py`), counted in
this process or in a Redis or Valkey that several share."""

import logging
import math
import time
from dataclasses import dataclass
from functools import lru_cache

from starlette.requests import Request
from throttled.asyncio import (
    BaseRateLimiter,
    BaseStore,
    MemoryStore,
    RateLimiterRegistry,
    RateLimitState,
    RedisStore,
    per_min,
)
from throttled.exceptions import StoreUnavailableError

from telephony.errors import RateLimitedError
from telephony.settings import Settings

SUBJECTS_MAX = 100_000
"""Keys or addresses that are remembered; the one that asked longest ago is forgotten first."""
STORE_SECONDS_MAX = 0.25
STORE_RETRY_SECONDS = 5.0
PREFIX = "sms-voip"

log = logging.getLogger(__name__)


class StoreMissingError(Exception):
    """The settings name a store, and the package that speaks to it is not installed."""


@dataclass(frozen=True)
class Policy:
    """`burst` requests at once, which come back at `per_minute`."""

    name: str
    per_minute: int
    burst: int

    @property
    def window_seconds(self) -> int:
        """How long an empty bucket takes to fill."""
        return math.ceil(self.burst * 60 / self.per_minute)


class RateLimits:
    """One per application. A store that does not answer is not waited for: each process then
    counts alone, and asks it again after some seconds."""

    def __init__(self, settings: Settings) -> None:
        self._per_minute = settings.requests_per_minute
        failures, public = settings.failed_auth_per_minute, settings.public_requests_per_minute
        self._failures = Policy("failures", failures, failures)
        self._public = Policy("public", public, public)
        self._shared = _shared_store(settings.rate_limit_url.get_secret_value())
        names = ("key", "failures", "public")  # apart: strangers must not crowd customers out
        self._own = {name: MemoryStore(options={"MAX_SIZE": SUBJECTS_MAX}) for name in names}
        self._shared_from = 0.0

    async def by_key(
        self, request: Request, key_id: str, per_minute: int | None, burst: int | None
    ) -> None:
        """Count a request of a key, whose own limits are None where it has none."""
        rate = per_minute or self._per_minute
        await self._take(request, Policy("key", rate, burst or rate), key_id)

    async def by_address(self, request: Request, name: str, client: str) -> None:
        """Count a request without a key for the endpoint of that name."""
        await self._take(request, self._public, f"{name} {client}")

    async def failed(self, request: Request, client: str) -> None:
        """Count a request whose key was refused."""
        await self._take(request, self._failures, client)

    async def check_failures(self, request: Request, client: str) -> None:
        """Refuse a client that has failed too often; counts nothing."""
        await self._take(request, self._failures, client, cost=0)

    async def _take(self, request: Request, policy: Policy, subject: str, cost: int = 1) -> None:
        limited, state = await self._count(policy, f"{policy.name}:{subject}", cost)
        request.state.rate_limit = _headers(policy, state)
        if limited:
            wait = max(1, math.ceil(state.retry_after))
            raise RateLimitedError(
                f"More than {policy.per_minute} requests a minute. Try again in {wait} s.",
                retry_after_seconds=wait,
            )

    async def _count(self, policy: Policy, subject: str, cost: int) -> tuple[bool, RateLimitState]:
        if self._shared and time.monotonic() >= self._shared_from:
            try:
                return await _count(self._shared, policy, subject, cost)
            except StoreUnavailableError as error:
                self._shared_from = time.monotonic() + STORE_RETRY_SECONDS
                log.warning("the store of rate limits fails, each process counts alone: %s", error)
        return await _count(self._own[policy.name], policy, subject, cost)


async def _count(
    store: BaseStore, policy: Policy, subject: str, cost: int
) -> tuple[bool, RateLimitState]:
    limiter = _limiter(store, policy.per_minute, policy.burst)
    if cost == 0:
        state = await limiter.peek(subject)
        return state.remaining < 1, state
    result = await limiter.limit(subject, cost)
    return result.limited, result.state


@lru_cache(maxsize=1024)
def _limiter(store: BaseStore, per_minute: int, burst: int) -> BaseRateLimiter:
    gcra = RateLimiterRegistry.get("gcra")
    return gcra(per_min(per_minute, burst), store, key_prefix=PREFIX)


def _shared_store(url: str) -> BaseStore | None:
    if not url:
        return None
    seconds = {"SOCKET_TIMEOUT": STORE_SECONDS_MAX, "SOCKET_CONNECT_TIMEOUT": STORE_SECONDS_MAX}
    try:
        return RedisStore(url.replace("valkey", "redis", 1), seconds)
    except ImportError as error:
        raise StoreMissingError(
            "SMS_VOIP_RATE_LIMIT_URL needs one more package: pip install 'throttled-py[redis]'"
        ) from error


def _headers(policy: Policy, state: RateLimitState) -> list[tuple[bytes, bytes]]:
    """The fields of draft-ietf-httpapi-ratelimit-headers-10, and the older ones that clients
    know; `t` and Reset are the seconds until the bucket is full."""
    reset = math.ceil(state.reset_after)
    fields = {
        "ratelimit-policy": f'"{policy.name}";q={policy.burst};w={policy.window_seconds}',
        "ratelimit": f'"{policy.name}";r={state.remaining};t={reset}',
        "x-ratelimit-limit": policy.burst,
        "x-ratelimit-remaining": state.remaining,
        "x-ratelimit-reset": reset,
    }
    return [(name.encode(), str(value).encode()) for name, value in fields.items()]
