"""One declaration per page or form, from which routing, roles, forms and a walk over all of them
are derived.

A page is a coroutine that gives the facts of its template, or a response of its own (after a
form: where to go next). A form whose fields or deed are refused is shown again with `errors`.
"""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.problems import from_validation
from api.web import carried, cookies, csrf
from api.web.refusals import LooksOnlyError, RoleMissingError
from api.web.templates import render
from db.database import Database
from telephony.clock import Instant, now
from telephony.errors import BodyTooLargeError, NotFoundError, Problem
from telephony.secrets import Vault
from telephony.settings import Settings

PUBLIC = None
SIGN_IN = "/sign-in"
CONFIRM = "/confirm"
TWO_FACTOR = "/dashboard/security/two-factor"
SEND_WHOLE = "send-whole"
"""The event that tells app.js to send a form of htmx again as the browser would."""
FORM_BYTES_MAX = 256 * 1024
FORM_FIELDS_MAX = 200
FILES_MAX = 5
GZIP_LEVEL = 4


class Viewer(Protocol):
    """Who is signed in. `roles` are of those that pages name."""

    @property
    def name(self) -> str:
        """What the corner of a page shows."""

    @property
    def roles(self) -> Collection[str]:
        """What they are, in their account and on the platform."""

    @property
    def withheld(self) -> Collection[str]:
        """Roles that they have once two-factor sign-in is on."""

    @property
    def looks(self) -> bool:
        """True for an administrator who looks at a customer's pages, and may change nothing."""

    @property
    def account_id(self) -> str:
        """Whose pages they see."""

    def confirmed(self, now: Instant) -> bool:
        """True if they have proved lately to be the one who signed in."""


@dataclass(frozen=True)
class PageContext:
    """What a page works with; `errors` are by field, `values` what the form had."""

    request: Request
    db: Database
    settings: Settings
    vault: Vault
    viewer: Any
    now: Instant
    path: dict[str, str]
    errors: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def wants_part(self) -> bool:
        """True if htmx asks: a part of the page will do."""
        return "hx-request" in self.request.headers


Facts = dict[str, Any]
Show = Callable[[PageContext], Awaitable[Facts]]
Run = Callable[[PageContext, Any], Awaitable[Facts | Response]]


@dataclass(frozen=True)
class Page:
    """`roles` None: public; else only who has one of them; with `confirm` only who has proved
    lately to be the one who signed in; others are asked for that first, and their form goes on.
    `takes` is the model of the query, or of the form. `part` is the template where htmx asks.
    `again` gives the facts with which `template` shows a refused form once more. `packed`: it may
    be compressed for whoever is not signed in, since nothing in it is secret (BREACH). `looking`:
    its form is taken from an administrator who only looks at an account."""

    method: str
    path: str
    run: Run
    template: str = ""
    roles: Collection[str] | None = PUBLIC
    takes: type[BaseModel] | None = None
    part: str = ""
    again: Show | None = None
    bytes_max: int = FORM_BYTES_MAX
    packed: bool = False
    confirm: bool = False
    looking: bool = False

    def route(self) -> Route:
        """The starlette route."""
        return Route(self.path, self._serve, methods=[self.method], name=self.run.__name__)

    async def _serve(self, request: Request) -> Response:
        state = request.app.state
        request.state.viewer = viewer = await state.viewer_of(request)
        if self.roles is not PUBLIC:
            if viewer is None:
                return _elsewhere(request, SIGN_IN)
            if not set(self.roles) & set(viewer.roles):
                if set(self.roles) & set(viewer.withheld):
                    return _elsewhere(request, TWO_FACTOR)
                raise RoleMissingError
            if viewer.looks and self.method != "GET" and not self.looking:
                raise LooksOnlyError
            if self.confirm and not viewer.confirmed(now()):
                if self.method == "GET":
                    return _elsewhere(request, CONFIRM)
                if "hx-request" in request.headers:  # the proof is a page, into which a form goes
                    return Response(status_code=204, headers={"HX-Trigger": SEND_WHOLE})
        if any("\0" in part for part in request.path_params.values()):
            raise NotFoundError
        context = PageContext(
            request, state.db, state.settings, state.vault, viewer, now(), request.path_params
        )
        return await (self._show(context) if self.method == "GET" else self._act(context))

    async def _show(self, context: PageContext) -> Response:
        given = self._parse(dict(context.request.query_params)) if self.takes else None
        response = self._answer(context, await self.run(context, given))
        packed = self.packed and context.viewer is None
        return await _pack(context.request, response) if packed else response

    async def _act(self, context: PageContext) -> Response:
        form = await _form(context.request, self.bytes_max)
        try:
            sent = form.get(csrf.FIELD) or context.request.headers.get(csrf.HEADER, "")
            csrf.check(context.request, str(sent))
            if self.confirm and not context.viewer.confirmed(context.now):
                found = await context.request.app.state.prove(context, form, self.takes)
                if isinstance(found, Response):
                    return self._answer(context, found)
                context = replace(context, viewer=found)
            try:
                carried.must_be_whole(form)
                given = self._parse(carried.own(form))
                return self._answer(context, await self.run(context, given))
            except Problem as problem:
                if self.again is None:
                    raise
                return await self._again(context, form, problem)
        finally:
            await form.close()

    def _parse(self, given: dict[str, Any]) -> Any:
        if self.takes is None:
            return None
        try:
            return self.takes.model_validate(given)
        except ValidationError as error:
            raise from_validation(error) from error

    async def _again(self, context: PageContext, form: FormData, problem: Problem) -> Response:
        assert self.again
        found = problem.extra.get("errors", ())
        errors = {one["field"]: one["message"] for one in found} or {"": problem.detail}
        values = {k: value for k, value in carried.own(form).items() if isinstance(value, str)}
        refused = replace(context, errors=errors, values=values)
        return self._answer(refused, await self.again(refused), problem.status)

    def _answer(
        self, context: PageContext, answer: Facts | Response, status: int = 200
    ) -> Response:
        if isinstance(answer, Response):
            cookies.remember(context.request, answer)
            return answer
        template = self.part if self.part and context.wants_part else self.template
        shared = {"errors": context.errors, "values": context.values}
        response = render(context.request, template, status, **{**shared, **answer})
        response.headers["Vary"] = "Cookie, HX-Request"
        if context.viewer is not None:
            response.headers["Cache-Control"] = "no-store"
        return response


@dataclass
class Pages:
    """Collects the pages of one module."""

    all: list[Page] = field(default_factory=list)

    def __call__(self, method: str, path: str, **facts: Any) -> Callable[[Run], Run]:
        """Declare the decorated coroutine as a page; `facts` are Page's fields."""

        def declare(run: Run) -> Run:
            self.all.append(Page(method, path, run, **facts))
            return run

        return declare


ViewerOf = Callable[[Request], Awaitable[Viewer | None]]


async def _pack(request: Request, response: Response) -> Response:
    """The response as gzip, for a browser that takes it."""
    if "gzip" in request.headers.get("accept-encoding", ""):
        response.body = await asyncio.to_thread(gzip.compress, response.body, GZIP_LEVEL)
        response.headers["Content-Length"] = str(len(response.body))
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Cookie, HX-Request, Accept-Encoding"
    return response


def _elsewhere(request: Request, page: str) -> Response:
    """To a page that leads back. htmx would put it into a part of this one, so it is told to go
    there."""
    whole = request.method == "GET" and "hx-request" not in request.headers
    back = request.url.path if whole else _came_from(request)
    target = f"{page}?{urlencode({'next': back}, safe='/')}" if back else page
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": target})
    return RedirectResponse(target, 303)


def _came_from(request: Request) -> str:
    """The page of ours whose form this is, empty if the browser does not tell."""
    referrer = urlsplit(request.headers.get("referer", ""))
    return referrer.path if referrer.netloc == request.headers.get("host") else ""


async def _form(request: Request, bytes_max: int) -> FormData:
    if int(request.headers.get("content-length") or bytes_max + 1) > bytes_max:
        raise BodyTooLargeError(f"The form is larger than {bytes_max // 1024} KiB.")
    return await request.form(
        max_files=FILES_MAX, max_fields=FORM_FIELDS_MAX, max_part_size=bytes_max
    )
