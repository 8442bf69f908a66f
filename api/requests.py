"""What surrounds every request: its id, which its log lines and records carry."""

import re
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telephony import logs, metrics

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_ids(app: ASGIApp) -> ASGIApp:
    """Give every request an id, the client's own if it is well formed, and send it back."""

    async def with_id(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        request_id, began, status = _request_id(scope), time.perf_counter(), 500
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"], (b"x-request-id", request_id.encode()),
                ]  # fmt: skip
            await send(message)

        with logs.bound(request_id=request_id):
            try:
                await app(scope, receive, send_with_id)
            finally:
                _count(scope, status, time.perf_counter() - began)

    return with_id


def _count(scope: Scope, status: int, seconds: float) -> None:
    """Under the endpoint's path with its parameters in braces; what has none is `none`."""
    owner = getattr(scope.get("endpoint"), "__self__", None)
    path = str(getattr(owner, "path", "none"))
    method = scope["method"] if scope["method"] in METHODS else "other"
    metrics.HTTP_REQUESTS.labels(method, path, status).inc()
    metrics.HTTP_SECONDS.labels(path).observe(seconds)


def _request_id(scope: Scope) -> str:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    return given if _REQUEST_ID.fullmatch(given) else f"req_{secrets.token_hex(12)}"
