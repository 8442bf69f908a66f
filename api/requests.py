"""What surrounds every request: its id, which its log lines and records carry, and its place in
metrics and the log of requests."""

import logging
import re
import secrets
import time
from functools import lru_cache
from typing import Any, Protocol

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import Caller
from telephony import logs, metrics, traces
from telephony.clock import Instant, now
from telephony.traces import Kind

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
API = "/api/"
UNKNOWN = "none"
NOT_LOGGED = re.compile(r"\{(token|number|sender)\}")
"""Parameters of a path that are secrets, or numbers of people."""
PATH_CHARS_MAX = 200
SERIES_KEPT_MAX = 1024
log = logging.getLogger(__name__)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Note(Protocol):
    """Remembers a request for the log of requests."""

    def __call__(
        self, at: Instant, *, request_id: str, account_id: str | None, mode: str | None,
        key_id: str | None, method: str, path: str, status: int, code: str | None,
        latency_us: int,
    ) -> None:  # fmt: skip
        """By the columns of the log."""


def request_ids(note: Note, app: ASGIApp) -> ASGIApp:
    """Give every request an id, the client's own if it is well formed, and send it back, with
    what is left of the limit that it was counted by."""

    async def with_id(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        request_id, began, status = _request_id(scope), time.perf_counter(), 500
        state = scope.setdefault("state", {})
        state["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"], *state.get("rate_limit", ()),
                    (b"x-request-id", request_id.encode()),
                ]  # fmt: skip
            await send(message)

        with logs.bound(request_id=request_id):
            try:
                await app(scope, receive, send_with_id)
            finally:
                _count(scope, status, time.perf_counter() - began, note)

    return with_id


def _count(scope: Scope, status: int, seconds: float, note: Note) -> None:
    """Under the endpoint's path with its parameters in braces; what has none is `none`."""
    owner = getattr(scope.get("endpoint"), "__self__", None)
    template = str(getattr(owner, "path", UNKNOWN))
    method = scope["method"] if scope["method"] in METHODS else "other"
    _answered(method, template, status).inc()
    _lasted(template).observe(seconds)
    if scope["path"].startswith(API):
        _trace(scope["state"], method, template, status, seconds)
        path = _path(scope["path"], template)
        log.debug("%s %s: %d in %d ms", method, path, status, seconds * 1000)
        _note(note, scope["state"], method, path, status, seconds)


def _trace(state: dict[str, Any], method: str, template: str, status: int, seconds: float) -> None:
    caller: Caller | None = state.get("caller")
    ended = now()
    traces.note(
        f"{method} {template}", Kind.server, state["request_id"],
        ended - int(seconds * 1_000_000), ended,
        {"http.request.method": method, "http.route": template,
         "http.response.status_code": status,
         "sms_voip.account_id": caller.account_id if caller else None,
         "sms_voip.mode": caller.mode if caller else None,
         "error": state.get("code") if status >= 500 else None},
    )  # fmt: skip


@lru_cache(maxsize=SERIES_KEPT_MAX)
def _answered(method: str, template: str, status: int) -> Counter:
    """Looked up once: it is on the way of every request."""
    return metrics.HTTP_REQUESTS.labels(method, template, status)


@lru_cache(maxsize=SERIES_KEPT_MAX)
def _lasted(template: str) -> Histogram:
    return metrics.HTTP_SECONDS.labels(template)


def _note(
    note: Note, state: dict[str, Any], method: str, path: str, status: int, seconds: float
) -> None:  # fmt: skip
    """What nobody in particular asked for, and got, is of no use to anybody later."""
    caller: Caller | None = state.get("caller")
    if caller is None and status < 400:
        return
    note(
        now(), request_id=state["request_id"], account_id=caller.account_id if caller else None,
        mode=caller.mode if caller else None, key_id=caller.key_id if caller else None,
        method=method, path=path, status=status, code=state.get("code"),
        latency_us=int(seconds * 1_000_000),
    )  # fmt: skip


def _path(path: str, template: str) -> str:
    if path == API + "v1" + template:
        return path
    if NOT_LOGGED.search(template):
        return API + "v1" + template
    if template == UNKNOWN:  # whatever somebody wrote
        path = logs.redacted(path)
    return path.encode("utf-8", "replace").decode().replace("\0", "")[:PATH_CHARS_MAX]


def _request_id(scope: Scope) -> str:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    return given if _REQUEST_ID.fullmatch(given) else f"req_{secrets.token_hex(12)}"
