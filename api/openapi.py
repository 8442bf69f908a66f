"""The OpenAPI 3.1 document, derived from the endpoints."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

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
    KycRequiredError,
    MalformedJsonError,
    MissingApiKeyError,
    Problem,
    RevokedApiKeyError,
    ScopeMissingError,
    UnknownFieldError,
    UnsupportedMediaTypeError,
    ValidationFailedError,
)

REF = "#/components/schemas/{model}"
_EVERY = (InternalError, DatabaseUnavailableError)
_WITH_KEY = (
    InvalidApiKeyError, RevokedApiKeyError, ExpiredApiKeyError, AccountSuspendedError,
    KycRequiredError,
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


def document(endpoints: Sequence[Endpoint], base_url: str) -> dict[str, Any]:
    """OpenAPI of the endpoints; every error comes from their declarations."""
    models: list[tuple[type[BaseModel], Any]] = []
    for endpoint in endpoints:
        if endpoint.returns:
            models.append((endpoint.returns, "serialization"))
        if endpoint.takes:
            models.append((endpoint.takes, "validation"))
    refs, schemas = models_json_schema(models, ref_template=REF)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": "SMS & Voice Platform", "version": VERSION},
        "servers": [{"url": f"{base_url}/api/v1"}],
        "paths": paths,
        "components": {
            "schemas": {**schemas.get("$defs", {}), "Problem": PROBLEM_SCHEMA},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint, refs: Any) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.run.__name__,
        "summary": endpoint.summary,
        "parameters": _parameters(endpoint),
        "responses": _responses(endpoint, refs),
        "security": [{"key": []}] if endpoint.scope is not PUBLIC else [{}, {"key": []}],
    }
    if endpoint.takes and endpoint.method != "GET":
        schema = refs[endpoint.takes, "validation"]
        operation["requestBody"] = {
            "required": bool(endpoint.takes.model_fields),
            "content": {"application/json": {"schema": schema}},
        }  # fmt: skip
    return operation


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in endpoint.path.split("/") if part.startswith("{")]
    found = [_parameter(name, "path", {"type": "string"}, required=True) for name in names]
    if endpoint.method == "POST":
        schema = {"type": "string", "minLength": 1, "maxLength": 255}
        found.append(_parameter("Idempotency-Key", "header", schema))
    if endpoint.cached:
        found.append(_parameter("If-None-Match", "header", {"type": "string"}))
    if endpoint.takes and endpoint.method == "GET":
        properties = endpoint.takes.model_json_schema()["properties"]
        found += [_parameter(name, "query", schema) for name, schema in properties.items()]
    return found


def _parameter(
    name: str, place: str, schema: dict[str, Any], required: bool = False
) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": schema}


def _responses(endpoint: Endpoint, refs: Any) -> dict[str, Any]:
    good = {}
    if endpoint.returns:
        good = {"application/json": {"schema": refs[endpoint.returns, "serialization"]}}
    good |= {media_type: {"schema": {"type": "string"}} for media_type in endpoint.besides}
    statuses = [endpoint.status, *([202] if endpoint.then else []),
                *([206] if endpoint.partial else [])]  # fmt: skip
    responses: dict[str, Any] = {
        str(status): {"description": DESCRIPTIONS[status], "content": good} for status in statuses
    }
    if endpoint.cached:
        responses["304"] = {"description": "What If-None-Match names is still so."}
    by_status: dict[int, list[type[Problem]]] = {}
    for problem in problems_of(endpoint):
        by_status.setdefault(problem.status, []).append(problem)
    for status, problems in sorted(by_status.items()):
        text = "\n".join(f"`{problem.code}`: {problem.title}" for problem in problems)
        content = {MEDIA_TYPE: {"schema": {"$ref": REF.format(model="Problem")}}}
        responses[str(status)] = {"description": text, "content": content}
    return responses


def problems_of(endpoint: Endpoint) -> list[type[Problem]]:
    """Every error that the endpoint may answer with."""
    return [
        *_EVERY,
        *_WITH_KEY,
        *(_KEY_NEEDED if endpoint.scope is not PUBLIC else ()),
        *(_WITH_DEED if endpoint.method == "POST" else ()),
        *(_WITH_BODY if endpoint.takes and endpoint.method != "GET" else ()),
        *((ValidationFailedError, UnknownFieldError)
          if endpoint.takes and endpoint.method == "GET" else ()),
        *endpoint.errors,
    ]  # fmt: skip
