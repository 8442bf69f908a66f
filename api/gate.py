"""What every request passes before anything is done for it: its key, its address, its limits."""

from starlette.requests import Request

from api.auth import ANY_SCOPE, Caller, Keys, bearer
from api.peer import Proxies, host_name
from api.rate_limit import RateLimits
from db.database import Database
from telephony.addresses import Address, client_prefix
from telephony.clock import Instant
from telephony.errors import (
    ExpiredApiKeyError,
    InvalidApiKeyError,
    IpNotAllowedError,
    MissingApiKeyError,
    RevokedApiKeyError,
)
from telephony.settings import Settings

FAILURES = (
    MissingApiKeyError, InvalidApiKeyError, RevokedApiKeyError, ExpiredApiKeyError,
    IpNotAllowedError,
)  # fmt: skip
"""What counts against the client's address, and never against the owner of the key."""


class Gate:
    """One per application."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self._keys = Keys(db)
        self._limits = RateLimits(settings)
        self._proxies = Proxies.of(settings)
        self._sandbox_host = settings.sandbox_host

    async def admit(
        self, request: Request, scope: str | None, name: str, now: Instant
    ) -> Caller | None:
        """The caller, None if an endpoint without scope was asked without a key. Raises the 401,
        403 and 429 errors; the state of the request gets what its limit is."""
        client = self._proxies.client(request)
        authorization = request.headers.get("authorization")
        if scope is None and not authorization:
            await self.visit(request, name, client)
            return None
        caller = await self._identify(request, authorization, client, now)
        await self._limits.by_key(
            request, caller.key_id, caller.requests_per_minute, caller.requests_burst
        )
        host = host_name(request.headers.get("host", "")) if self._sandbox_host else ""
        caller.check(scope or ANY_SCOPE, host, self._sandbox_host)
        return caller

    async def visit(self, request: Request, name: str, client: Address | None = None) -> None:
        """Count a request without a key for what has that name; RateLimitedError."""
        address = client_prefix(client or self._proxies.client(request))
        await self._limits.by_address(request, name, address)

    async def _identify(
        self, request: Request, authorization: str | None, client: Address, now: Instant
    ) -> Caller:
        address = client_prefix(client)
        try:
            sha256 = bearer(authorization)
            if not self._keys.has(sha256):
                await self._limits.check_failures(request, address)
            return await self._keys.identify(sha256, client, now)
        except FAILURES:
            await self._limits.failed(request, address)
            raise
