"""The web application as data: endpoints, error handlers, middleware."""

import re
import secrets
from collections.abc import Awaitable, Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import openapi, problems
from api.endpoint import Endpoint
from api.v1 import (
    call_log,
    caller_ids,
    calls,
    events,
    phone_setup,
    rates,
    recordings,
    sip_accounts,
    sms,
    sms_batch,
    sms_list,
    sms_push,
    sms_senders,
    sms_simulate,
    status,
    voice,
    voip,
    webhooks,
)
from api.web import assets, errors
from api.web.cookies import is_https
from api.web.headers import guarded
from api.web.page import Page, ViewerOf, nobody
from api.web.streams import Streams
from db.database import Database, DatabaseBusyError
from telephony.errors import Problem
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice.recordings.store import open_store

ENDPOINTS: tuple[Endpoint, ...] = (
    *status.endpoint.all, *sms_list.endpoint.all, *sms_batch.endpoint.all,
    *sms_senders.endpoint.all, *sms_simulate.endpoint.all, *sms.endpoint.all,
    *voice.endpoint.all, *calls.endpoint.all, *caller_ids.endpoint.all, *voip.endpoint.all,
    *recordings.endpoint.all, *sip_accounts.endpoint.all, *call_log.endpoint.all,
    *phone_setup.endpoint.all, *rates.endpoint.all, *webhooks.endpoint.all,
    *events.endpoint.all,
)  # fmt: skip
PAGES: tuple[Page, ...] = ()
Handler = Callable[[Request, Exception], Awaitable[Response]]
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def create_app(
    settings: Settings, db: Database, vault: Vault, pages: Sequence[Page] = PAGES,
    viewer_of: ViewerOf = nobody,
) -> ASGIApp:  # fmt: skip
    """The ASGI application; it opens nothing and speaks to nothing but the database and the
    store of recordings. `viewer_of` tells who is signed in."""
    app = Starlette(
        routes=[
            *(endpoint.route() for endpoint in ENDPOINTS),
            sms_push.ROUTE,
            Route("/api/v1/openapi.json", _openapi, methods=["GET"]),
            *(page.route() for page in pages),
            assets.ROUTE,
        ],
        exception_handlers={
            Problem: _as_asked(problems.on_problem),
            HTTPException: _as_asked(problems.on_http_error),
            DatabaseBusyError: _as_asked(problems.on_busy),
            Exception: _as_asked(problems.on_crash),
        },
    )
    app.state.settings, app.state.db, app.state.vault = settings, db, vault
    app.state.recordings = open_store(settings)
    app.state.viewer_of, app.state.streams = viewer_of, Streams()
    return request_ids(guarded(app, is_https(settings)))


def _as_asked(to_program: Handler) -> Handler:
    """The error as a page outside the API, else by the API's own handler."""

    async def handle(request: Request, error: Exception) -> Response:
        if errors.is_page(request):
            return errors.on_error(request, error)
        return await to_program(request, error)

    return handle


async def _openapi(request: Request) -> JSONResponse:
    base_url = request.app.state.settings.api_url
    return JSONResponse(openapi.document(ENDPOINTS, base_url))


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

        await app(scope, receive, send_with_id)

    return with_id


def _request_id(scope: Scope) -> str:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    return given if _REQUEST_ID.fullmatch(given) else f"req_{secrets.token_hex(12)}"
