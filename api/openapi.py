"""The OpenAPI 3.1 document, derived from the endpoints."""

from collections.abc import Mapping, Sequence
from typing import Any

from openapi_pydantic import (
    Components,
    Header,
    Info,
    MediaType,
    OpenAPI,
    Operation,
    Parameter,
    PathItem,
    Reference,
    RequestBody,
    Response,
    Schema,
    SecurityScheme,
    Server,
)
from openapi_pydantic.v3.v3_1.parameter import ParameterLocation
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from api import sse
from api.endpoint import PUBLIC, Endpoint
from api.problems import MEDIA_TYPE
from api.version import VERSION
from telephony.errors import (
    AccountSuspendedError,
    BodyTooLargeError,
    DatabaseUnavailableError,
    ExpiredApiKeyError,
    IdempotencyInProgressError,
    IdempotencyKeyInvalidError,
    IdempotencyKeyReusedError,
    InternalError,
    InvalidApiKeyError,
    IpNotAllowedError,
    KycRequiredError,
    MalformedJsonError,
    MissingApiKeyError,
    Problem,
    RateLimitedError,
    RevokedApiKeyError,
    ScopeMissingError,
    UnknownFieldError,
    UnsupportedMediaTypeError,
    ValidationFailedError,
    WrongEnvironmentError,
)

REF = "#/components/schemas/{model}"
_EVERY = (RateLimitedError, InternalError, DatabaseUnavailableError)
_WITH_KEY = (
    InvalidApiKeyError, RevokedApiKeyError, ExpiredApiKeyError, AccountSuspendedError,
    KycRequiredError, IpNotAllowedError, WrongEnvironmentError,
)  # fmt: skip
_KEY_NEEDED = (MissingApiKeyError, ScopeMissingError)
_WITH_DEED = (IdempotencyKeyInvalidError, IdempotencyInProgressError, IdempotencyKeyReusedError)
_WITH_BODY = (
    ValidationFailedError, UnknownFieldError, MalformedJsonError, BodyTooLargeError,
    UnsupportedMediaTypeError,
)  # fmt: skip
DESCRIPTIONS = {
    200: "Done.", 201: "Created.", 202: "Accepted.", 206: "The part that Range asked for.",
}  # fmt: skip
PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
FREE_KEY = "idempotency-key"
"""Printable ASCII; a UUID is a good one."""
IDEMPOTENCY_KEY = {"type": "string", "minLength": 1, "maxLength": 255, "format": FREE_KEY}
TEXT = {"type": "string"}
WHOLE = {"type": "integer", "minimum": 0}
HEADERS: dict[str, tuple[dict[str, Any], str]] = {
    "X-Request-Id": (TEXT, "The request's id, for the log of requests and for support."),
    "RateLimit-Policy": (TEXT, "How many requests (q) in how many seconds (w)."),
    "RateLimit": (TEXT, "How many requests are left (r), and seconds until all are (t)."),
    "X-RateLimit-Limit": (WHOLE, "How many requests may come at once."),
    "X-RateLimit-Remaining": (WHOLE, "How many of them are left."),
    "X-RateLimit-Reset": (WHOLE, "Seconds until all of them are."),
    "Retry-After": (WHOLE, "Seconds after which to try again."),
}
"""Errors have those of the limits, too; to say so of each would double the document."""
_LATER = "Retry-After"
_COME_AGAIN = {RateLimitedError.status, DatabaseUnavailableError.status}

Refs = Mapping[Any, dict[str, Any]]
"""Model and mode → where its schema is."""


def document(endpoints: Sequence[Endpoint], base_url: str) -> dict[str, Any]:
    """OpenAPI of the endpoints; every error comes from their declarations."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = []
    for endpoint in endpoints:
        if endpoint.returns:
            models.append((endpoint.returns, "serialization"))
        if endpoint.takes:
            models.append((endpoint.takes, "validation"))
    refs, schemas = models_json_schema(models, ref_template=REF)
    paths: dict[str, dict[str, Operation]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, refs)
    whole = OpenAPI(
        openapi="3.1.0",
        info=Info(title="SMS & Voice Platform", version=VERSION),
        servers=[Server(url=f"{base_url}/api/v1")],
        paths={path: PathItem(**methods) for path, methods in paths.items()},
        components=Components(
            schemas={
                name: _schema(schema)
                for name, schema in (schemas.get("$defs", {}) | {"Problem": PROBLEM_SCHEMA}).items()
            },
            headers={
                name: Header.model_validate({"description": text, "schema": _schema(schema)})
                for name, (schema, text) in HEADERS.items()
            },
            securitySchemes={"key": SecurityScheme(type="http", scheme="bearer")},
        ),
    )
    return whole.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _schema(schema: dict[str, Any]) -> Schema:
    return Schema.model_validate(schema)


def _operation(endpoint: Endpoint, refs: Refs) -> Operation:
    operation = Operation(
        operationId=endpoint.run.__name__,
        summary=endpoint.summary,
        tags=[endpoint.path.split("/")[1]],
        parameters=_parameters(endpoint),
        responses=_responses(endpoint, refs),
        security=[{"key": []}] if endpoint.scope is not PUBLIC else [{}, {"key": []}],
    )
    if endpoint.takes and endpoint.method != "GET":
        operation.requestBody = RequestBody(
            required=any(one.is_required() for one in endpoint.takes.model_fields.values()),
            content=_content("application/json", refs[endpoint.takes, "validation"]),
        )
    return operation


def _parameters(endpoint: Endpoint) -> list[Parameter]:
    names = [part[1:-1] for part in endpoint.path.split("/") if part.startswith("{")]
    found = [_parameter(name, ParameterLocation.PATH, TEXT, required=True) for name in names]
    if endpoint.method == "POST":
        found.append(_parameter("Idempotency-Key", ParameterLocation.HEADER, IDEMPOTENCY_KEY))
    if endpoint.cached:
        found.append(_parameter("If-None-Match", ParameterLocation.HEADER, TEXT))
    if endpoint.takes and endpoint.method == "GET":
        query = endpoint.takes.model_json_schema()
        needed = query.get("required", [])
        found += [
            _parameter(name, ParameterLocation.QUERY, schema, name in needed)
            for name, schema in query["properties"].items()
        ]
    return found


def _parameter(
    name: str, place: ParameterLocation, schema: dict[str, Any], required: bool = False
) -> Parameter:
    return Parameter.model_validate(
        {"name": name, "in": place, "required": required, "schema": _schema(schema)}
    )


def _content(media_type: str, schema: dict[str, Any]) -> dict[str, MediaType]:
    return {media_type: MediaType.model_validate({"schema": schema})}


def _responses(endpoint: Endpoint, refs: Refs) -> dict[str, Response]:
    good: dict[str, MediaType] = {}
    if endpoint.returns:
        good = _content("application/json", refs[endpoint.returns, "serialization"])
    for media_type in endpoint.besides:
        # Some read events as text and some as objects, so no schema fits.
        good |= _content(media_type, {} if media_type == sse.MEDIA_TYPE else TEXT)
    statuses = [endpoint.status, *([202] if endpoint.then else []),
                *([206] if endpoint.partial else [])]  # fmt: skip
    responses = {
        str(status): Response(description=DESCRIPTIONS[status], content=good, headers=_headers())
        for status in statuses
    }
    if endpoint.cached:
        responses["304"] = Response(description="What If-None-Match names is still so.")
    by_status: dict[int, list[type[Problem]]] = {}
    for problem in problems_of(endpoint):
        by_status.setdefault(problem.status, []).append(problem)
    for status, problems in sorted(by_status.items()):
        text = "\n".join(f"`{problem.code}`: {problem.title}" for problem in problems)
        content = _content(MEDIA_TYPE, {"$ref": REF.format(model="Problem")})
        responses[str(status)] = Response(description=text, content=content)
        if status in _COME_AGAIN:
            responses[str(status)].headers = _headers(later=True)
    return responses


def _headers(*, later: bool = False) -> dict[str, Header | Reference]:
    names = [name for name in HEADERS if later or name != _LATER]
    return {name: Reference.model_validate({"$ref": f"#/components/headers/{name}"})
            for name in names}  # fmt: skip


def problems_of(endpoint: Endpoint) -> list[type[Problem]]:
    """Every error that the endpoint may answer with."""
    found = [
        *_EVERY,
        *_WITH_KEY,
        *(_KEY_NEEDED if endpoint.scope is not PUBLIC else ()),
        *(_WITH_DEED if endpoint.method == "POST" else ()),
        *(_WITH_BODY if endpoint.takes and endpoint.method != "GET" else ()),
        *((ValidationFailedError, UnknownFieldError)
          if endpoint.takes and endpoint.method == "GET" else ()),
        *endpoint.errors,
    ]  # fmt: skip
    return list(dict.fromkeys(found))
