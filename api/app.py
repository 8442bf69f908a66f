"""The web application as data: endpoints, error handlers, middleware."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from api import health, problems
from api.admin import pages as admin
from api.background import Background
from api.dashboard import pages as dashboard
from api.dashboard.confirm import prove
from api.dashboard.viewer import viewer_of as signed_in
from api.docs import annotated, live
from api.docs import pages as docs
from api.endpoint import Endpoint, routes
from api.gate import Gate
from api.peer import Proxies
from api.requests import request_ids
from api.v1 import (
    call_log,
    caller_ids,
    calls,
    event_stream,
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
    wallet,
    webhooks,
)
from api.web import assets, errors
from api.web.cookies import is_https
from api.web.headers import guarded
from api.web.page import Page, ViewerOf
from api.web.streams import Streams
from db.database import Database, DatabaseBusyError
from telephony.errors import Problem
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.users.passwords import Hasher
from telephony.users.sign_in import SignIn
from telephony.voice.recordings.store import open_store

ENDPOINTS: tuple[Endpoint, ...] = (
    *status.endpoint.all, *sms_list.endpoint.all, *sms_batch.endpoint.all,
    *sms_senders.endpoint.all, *sms_simulate.endpoint.all, *sms.endpoint.all,
    *voice.endpoint.all, *calls.endpoint.all, *caller_ids.endpoint.all, *voip.endpoint.all,
    *recordings.endpoint.all, *sip_accounts.endpoint.all, *call_log.endpoint.all,
    *phone_setup.endpoint.all, *wallet.endpoint.all, *rates.endpoint.all,
    *webhooks.endpoint.all, *event_stream.endpoint.all, *events.endpoint.all,
)  # fmt: skip
PAGES: tuple[Page, ...] = (*docs.page.all, *live.page.all, *dashboard.PAGES, *admin.PAGES)
Handler = Callable[[Request, Exception], Awaitable[Response]]


def create_app(
    settings: Settings, db: Database, vault: Vault, pages: Sequence[Page] = PAGES,
    viewer_of: ViewerOf = signed_in, background: Background | None = None,
) -> ASGIApp:  # fmt: skip
    """The ASGI application; it opens nothing and speaks to nothing but the database and the
    store of recordings. `viewer_of` tells who is signed in; whoever serves it runs `background`
    beside it."""
    background = background or Background(db, settings)
    app = Starlette(
        routes=[
            *routes(sorted(ENDPOINTS, key=_seldom)),
            sms_push.ROUTE,
            Route("/api/v1/openapi.json", _openapi, methods=["GET"]),
            *(page.route() for page in pages),
            assets.ROUTE,
            *health.routes(background.readiness),
        ],
        exception_handlers={
            Problem: _as_asked(problems.on_problem),
            HTTPException: _as_asked(problems.on_http_error),
            DatabaseBusyError: _as_asked(problems.on_busy),
            Exception: _as_asked(problems.on_crash),
        },
    )
    app.state.settings, app.state.db, app.state.vault = settings, db, vault
    app.state.together = {}
    app.state.recordings, app.state.background = open_store(settings), background
    app.state.endpoints = ENDPOINTS
    app.state.gate = Gate(db, settings)
    app.state.viewer_of, app.state.prove = viewer_of, prove
    app.state.streams = Streams()
    app.state.sign_in, app.state.proxies = SignIn(db, vault, Hasher()), Proxies.of(settings)
    return request_ids(background.requests.note, guarded(app, is_https(settings)))


def _seldom(endpoint: Endpoint) -> tuple[bool, bool]:
    """Routes are tried one after the other: first what is asked most often, then fixed paths."""
    return not endpoint.together, "{" in endpoint.path


def _as_asked(to_program: Handler) -> Handler:
    """The error as a page outside the API, else by the API's own handler."""

    async def handle(request: Request, error: Exception) -> Response:
        if errors.is_page(request):
            return errors.on_error(request, error)
        return await to_program(request, error)

    return handle


async def _openapi(request: Request) -> JSONResponse:
    await request.app.state.gate.visit(request, "GET /openapi.json")
    base_url = request.app.state.settings.api_url
    return JSONResponse(await asyncio.to_thread(annotated.document, ENDPOINTS, base_url))
