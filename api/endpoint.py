"""One declaration per endpoint, from which routing, validation and OpenAPI are derived.

A plain function is a deed: it runs in one write transaction together with its idempotency key.
A coroutine only reads.
"""

import inspect
import json
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.auth import ANY_SCOPE, Caller
from api.idempotency import (
    Reply,
    Scope,
    check,
    earlier_replies,
    finish_reply,
    forget_reply,
    in_turn,
    keep_all,
)
from api.problems import from_validation
from api.together import Asked, answer_together
from db.connection import Conn
from db.database import Database
from db.gathering import Gathering
from telephony.backlog import Backlog
from telephony.clock import Instant, now
from telephony.errors import (
    BodyTooLargeError,
    MalformedJsonError,
    NotFoundError,
    Problem,
    UnsupportedMediaTypeError,
)
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice.recordings.store import RecordingStore

BODY_BYTES_MAX = 256 * 1024
PUBLIC = None


@dataclass(frozen=True)
class Context:
    """What an endpoint works with. `conn` is the open transaction of a deed."""

    db: Database
    settings: Settings
    vault: Vault
    caller: Caller | None
    now: Instant
    path: dict[str, str]
    headers: Headers
    method: str
    recordings: RecordingStore
    backlog: Backlog
    request_id: str
    _conn: Conn | None = None

    @property
    def conn(self) -> Conn:
        """The transaction; only a deed has one."""
        assert self._conn is not None
        return self._conn

    @property
    def me(self) -> Caller:
        """The caller of an endpoint that needs a key."""
        assert self.caller is not None
        return self.caller


Run = Callable[[Any, Any], Any]
DeedOfMany = Callable[[Conn, Sequence[Asked[Any]]], Sequence[Reply | Problem]]
Then = Callable[[Context, dict[str, Any]], Coroutine[Any, Any, tuple[int, dict[str, Any]]]]


@dataclass(frozen=True)
class Endpoint:
    """`scope` None: public, a key is optional. `takes` is the model of the body, or of the query
    for GET. `then` runs after the commit and may still change status and body. `besides` are
    the media types that the answer may have where the caller asks for one, or always where
    `returns` is None; the function then returns the response itself. `partial`: it may be 206;
    `cached`: 304.
    `together`: the function takes all requests that wait, `(conn, [(context, given), …])`, and
    gives an answer or a problem for each; of what it refuses it leaves nothing."""

    method: str
    path: str
    run: Run
    returns: type[BaseModel] | None
    scope: str | None = ANY_SCOPE
    takes: type[BaseModel] | None = None
    status: int = 200
    errors: tuple[type[Problem], ...] = ()
    then: Then | None = None
    besides: tuple[str, ...] = ()
    partial: bool = False
    cached: bool = False
    together: bool = False

    @property
    def summary(self) -> str:
        """First line of the function's docstring."""
        return (inspect.getdoc(self.run) or "").partition("\n")[0]

    @cached_property
    def _only_reads(self) -> bool:
        return inspect.iscoroutinefunction(self.run)

    async def serve(self, request: Request) -> Response:
        """Answer one request; raises Problem."""
        context = await self._context(request)
        given = await self._parse(request)
        if self._only_reads:
            answer = await self.run(context, given)
            return answer if isinstance(answer, Response) else _respond(_reply(self.status, answer))
        scope = await self._idempotency(request, context)
        reply = await in_turn(lambda: self._transact(request, context, given, scope))
        return _respond(reply if reply.status else await self._finish(context, scope, reply))

    async def _context(self, request: Request) -> Context:
        state, moment = request.app.state, now()
        name = f"{self.method} {self.path}"
        caller = await state.gate.admit(request, self.scope, name, moment)
        request.state.caller = caller
        path = request.path_params
        if any("\0" in part for part in path.values()):  # PostgreSQL has no such text
            raise NotFoundError
        return Context(
            state.db, state.settings, state.vault, caller, moment, path, request.headers,
            request.method, state.recordings, state.background.backlog, request.state.request_id,
        )  # fmt: skip

    async def _parse(self, request: Request) -> Any:
        if self.takes is None:
            return None
        try:
            if self.method == "GET":
                return self.takes.model_validate(dict(request.query_params))
            return self.takes.model_validate(_json(await body_of(request)))
        except ValidationError as error:
            raise from_validation(error) from error

    async def _transact(
        self, request: Request, context: Context, given: Any, scope: Scope | None
    ) -> Reply:
        if self.together:
            waiting = request.app.state.together
            if self.path not in waiting:
                waiting[self.path] = Gathering(context.db, self._deed_of_many(context.vault))
            asked = Asked((context, given), scope, now())
            return cast(Reply, await waiting[self.path].write(asked))

        def deed(conn: Conn) -> Reply:
            scopes = [scope] if scope else []
            for earlier in earlier_replies(conn, context.vault, scopes, now()).values():
                if isinstance(earlier, Problem):
                    raise earlier
                return earlier
            inside = Context(**{**context.__dict__, "_conn": conn})
            reply = _reply(0 if self.then else self.status, self.run(inside, given))
            keep_all(conn, context.vault, [(one, reply, context.now) for one in scopes])
            return reply

        deed.__name__ = self.run.__name__
        return await context.db.write(deed)

    async def _finish(self, context: Context, scope: Scope | None, reply: Reply) -> Reply:
        """The answer that is known only after the commit; what is answered is what is kept."""
        assert self.then
        try:
            status, body = await self.then(context, json.loads(reply.body))
        except Problem:
            if scope:
                await context.db.write(forget_reply, scope)
            raise
        answer = Reply(status, json.dumps(body).encode(), reply.replayed)
        if scope is None:
            return answer
        return await context.db.write(finish_reply, context.vault, scope, answer)

    def _deed_of_many(self, vault: Vault) -> DeedOfMany:
        def answer(conn: Conn, asked: Sequence[tuple[Context, Any]]) -> list[Reply | Problem]:
            found = self.run(conn, asked)
            return [one if isinstance(one, Problem) else _reply(self.status, one) for one in found]

        def deed(conn: Conn, asked: Sequence[Asked[Any]]) -> Sequence[Reply | Problem]:
            return answer_together(conn, vault, answer, asked)

        deed.__name__ = self.run.__name__
        return deed

    async def _idempotency(self, request: Request, context: Context) -> Scope | None:
        key = request.headers.get("idempotency-key")
        if key is None:
            return None
        path = request.scope["path"]  # `request.url` would parse the Host header for it
        described = f"{request.method} {path}".encode() + b"\n" + await request.body()
        return Scope(
            context.me.account_id, context.me.mode, self.path, check(key),
            context.vault.fingerprint(described),
        )  # fmt: skip


def routes(endpoints: Iterable[Endpoint]) -> list[Route]:
    """One starlette route for each path, so that Allow names all methods that it takes."""
    paths: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    return [
        Route(f"/api/v1{path}", _Methods(path, methods).serve, methods=list(methods))
        for path, methods in paths.items()
    ]


@dataclass(frozen=True)
class _Methods:
    """The endpoints of one path, which metrics and the log of requests read off here."""

    path: str
    endpoints: dict[str, Endpoint]

    async def serve(self, request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await self.endpoints[method].serve(request)


@dataclass
class Endpoints:
    """Collects the endpoints of one module."""

    all: list[Endpoint] = field(default_factory=list)

    def __call__(self, method: str, path: str, **facts: Any) -> Callable[[Run], Run]:
        """Declare the decorated function as an endpoint; `facts` are Endpoint's fields."""

        def declare(run: Run) -> Run:
            self.all.append(Endpoint(method, path, run, **facts))
            return run

        return declare


async def body_of(request: Request) -> bytes:
    """The body, if it is called JSON and not too large."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", ""):
        raise UnsupportedMediaTypeError
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLargeError
    if body and not kind:  # nothing at all is what `curl -X POST` sends, and means {}
        raise UnsupportedMediaTypeError
    request._body = bytes(body)  # lets `request.body()` give it again
    return request._body


def _json(body: bytes) -> dict[str, Any]:
    try:
        parsed = _DECODER.decode(body.decode() or "{}")
    except (ValueError, RecursionError) as error:
        raise MalformedJsonError(f"The body is not JSON: {error}.") from error
    if not isinstance(parsed, dict):
        raise MalformedJsonError
    return parsed


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _reply(status: int, answer: BaseModel) -> Reply:
    return Reply(status, answer.model_dump_json(by_alias=True).encode())


def _respond(reply: Reply) -> Response:
    headers = {"Idempotent-Replayed": "true"} if reply.replayed else None
    return Response(reply.body, reply.status, headers, "application/json")
