"""One POST to a customer's URL, and in plain words what came of it."""

import asyncio
import email.utils
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC

import aiohttp

from telephony.clock import SECOND, Instant
from telephony.webhooks.egress import POST_SECONDS_MAX, EgressRefusedError

REPLY_BYTES_MAX = 2048
REPLY_SECONDS_MAX = 2.0
"""The status alone decides; a body that drips must not hold its place in the queue."""
ERROR_CHARS_MAX = 300


@dataclass(frozen=True, slots=True)
class Attempt:
    """`status_code` is None where no reply came; then `error` says why, in words for the customer.
    `reply` is the beginning of the body, safe to store as text."""

    at: Instant
    latency_us: int = 0
    status_code: int | None = None
    error: str = ""
    reply: str = ""
    retry_after_seconds: float = 0

    @property
    def accepted(self) -> bool:
        """Any 2xx."""
        return self.status_code is not None and 200 <= self.status_code < 300


async def post(
    session: aiohttp.ClientSession, url: str, headers: dict[str, str], body: bytes, at: Instant
) -> Attempt:
    """Send once; never raises for what the network or the other side does."""
    start = time.perf_counter_ns()
    try:
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as reply:
            latency_us = _since(start)
            return Attempt(
                at, latency_us, reply.status, _complaint(reply.status),
                plain(await _beginning(reply)),
                retry_after(reply.headers.get("Retry-After", ""), at),
            )  # fmt: skip
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Attempt(at, _since(start), error=plain(explain(error))[:ERROR_CHARS_MAX])


def explain(error: Exception) -> str:
    """A sentence for the customer; it names neither the URL nor an address that was refused."""
    if isinstance(error, TimeoutError):
        return f"No reply within {POST_SECONDS_MAX:.0f} seconds."
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"The server's certificate is not valid: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "The host name does not resolve."
    if isinstance(error, aiohttp.ClientSSLError):
        return f"The TLS handshake failed: {error.strerror}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return _no_connection(error.os_error)
    if isinstance(error, (aiohttp.ServerDisconnectedError, OSError)):
        return "The connection was closed before a reply came."
    if isinstance(error, (ValueError, aiohttp.NonHttpUrlClientError)):
        return "The URL is not valid."
    return "The reply is not HTTP."


def _no_connection(error: OSError) -> str:
    if isinstance(error, EgressRefusedError):
        return f"Not sent: {error}."
    return f"No connection: {error.strerror or error}"


def _complaint(status: int) -> str:
    return "Redirects are not followed." if 300 <= status < 400 else ""


async def _beginning(reply: aiohttp.ClientResponse) -> bytes:
    kept = b""
    with suppress(TimeoutError, aiohttp.ClientError, OSError):
        async with asyncio.timeout(REPLY_SECONDS_MAX):
            while len(kept) < REPLY_BYTES_MAX and (chunk := await reply.content.readany()):
                kept += chunk
    return kept[:REPLY_BYTES_MAX]


def plain(text: str | bytes) -> str:
    """Text that both databases store: UTF-8, without the NUL that PostgreSQL refuses."""
    raw = text.encode("utf-8", "replace") if isinstance(text, str) else text
    return raw.decode("utf-8", "replace").replace("\0", "\ufffd")


def retry_after(value: str, now: Instant) -> float:
    """Seconds from a Retry-After of seconds or of an HTTP date; 0 for anything else."""
    if value.isascii() and value.isdigit():
        return float(value[:12])
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return 0
    return max(0.0, moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - now / SECOND)


def _since(start_ns: int) -> int:
    return (time.perf_counter_ns() - start_ns) // 1000
