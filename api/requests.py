"""What surrounds every request: its id, which its log lines and records carry."""

import re
import secrets

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telephony import logs

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_ids(app: ASGIApp) -> ASGIApp:
    """Give every request an id, the client's own if it is well formed, and send it back."""

    async def with_id(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"], (b"x-request-id", request_id.encode()),
                ]  # fmt: skip
            await send(message)

        with logs.bound(request_id=request_id):
            await app(scope, receive, send_with_id)

    return with_id


def _request_id(scope: Scope) -> str:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    return given if _REQUEST_ID.fullmatch(given) else f"req_{secrets.token_hex(12)}"
