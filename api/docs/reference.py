"""Every endpoint as the page shows it, from the same declarations as the OpenAPI document."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from api import openapi
from api.docs.requests import BODIES, FIRST, QUERIES
from api.docs.schemas import FieldRow, Schemas
from api.docs.values import BY_NAME, ID
from api.endpoint import PUBLIC, Endpoint
from telephony.errors import Problem

KEY = "sk_live_yourkey"
GROUPS = {
    "ping": "base-url", "sms": "sms", "voip": "voip", "voice": "voice", "wallet": "wallet",
    "rates": "rates", "status": "status", "webhooks": "webhooks", "events": "webhooks",
}  # fmt: skip
"""First part of a path → section of the page."""


ID_PREFIXES = {"webhooks": "whe", "events": "evt", "voip": "sip", "wallet": "txn"}


@dataclass(frozen=True)
class Operation:
    """One endpoint; `takes` and `gives` are rows of fields, examples are JSON texts."""

    id: str
    group: str
    method: str
    path: str
    summary: str
    access: str
    path_fields: tuple[FieldRow, ...]
    query_fields: tuple[FieldRow, ...]
    body_fields: tuple[FieldRow, ...]
    gives: tuple[FieldRow, ...]
    status: str
    path_example: dict[str, str]
    query_example: dict[str, Any]
    body_example: str
    answer: dict[str, Any] | None
    answer_example: str
    media_types: tuple[str, ...]
    errors: tuple[type[Problem], ...]
    curl: str

    @property
    def anchor(self) -> str:
        """Its id on the page."""
        return f"{self.method}-{self.id}".lower().replace("_", "-")


@dataclass(frozen=True)
class Reference:
    """All operations, in the order of the code."""

    operations: tuple[Operation, ...]

    def of(self, group: str) -> list[Operation]:
        """Those of one section."""
        found = [one for one in self.operations if one.group == group]
        return sorted(found, key=lambda one: FIRST.index(one.id) if one.id in FIRST else len(FIRST))

    def find(self, operation_id: str) -> Operation | None:
        """The one with this id."""
        return next((one for one in self.operations if one.id == operation_id), None)


@lru_cache(maxsize=8)
def build(endpoints: Sequence[Endpoint], base_url: str) -> Reference:
    """The reference for customers who reach the API at `base_url`."""
    document = openapi.document(endpoints, base_url)
    schemas = Schemas(document["components"]["schemas"])
    return Reference(tuple(_operation(one, _told(document, one), schemas, base_url)
                           for one in endpoints))  # fmt: skip


def _told(document: dict[str, Any], endpoint: Endpoint) -> dict[str, Any]:
    """What the document says of the endpoint."""
    found: dict[str, Any] = document["paths"][endpoint.path][endpoint.method.lower()]
    return found


def _operation(
    endpoint: Endpoint, told: dict[str, Any], schemas: Schemas, base_url: str
) -> Operation:
    name = told["operationId"]
    body = told.get("requestBody", {}).get("content", {}).get("application/json", {})
    body_fields = tuple(schemas.rows(body.get("schema", {})))
    body_example = BODIES.get(name) or _required(schemas, body.get("schema", {}))
    known = BY_NAME | {"id": _id(endpoint)}
    path_example = {row.name: str(known[row.name]) for row in _parameters(told, "path", schemas)}
    good = told["responses"][str(endpoint.status)]["content"].get("application/json", {})
    answer = schemas.example(good["schema"]) if good else None
    if answer is not None:
        answer = echoed(answer, body_example | ({"id": known["id"]} if "id" in answer else {}))
    text = json.dumps(body_example, indent=2, ensure_ascii=False) if body_fields else ""
    query = QUERIES.get(name, {})
    return Operation(
        id=name, group=GROUPS.get(endpoint.path.split("/")[1], "more"), method=endpoint.method,
        path=endpoint.path, summary=endpoint.summary, access=_access(endpoint),
        path_fields=_parameters(told, "path", schemas),
        query_fields=_parameters(told, "query", schemas), body_fields=body_fields,
        gives=tuple(schemas.rows(good.get("schema", {}))),
        status=f"{endpoint.status} {HTTPStatus(endpoint.status).phrase}",
        path_example=path_example, query_example=query, body_example=text,
        answer=answer, answer_example=json.dumps(answer, indent=2, ensure_ascii=False),
        media_types=endpoint.besides, errors=_errors(endpoint),
        curl=curl(endpoint, path_example, query, body_example if body_fields else None, base_url),
    )  # fmt: skip


def _id(endpoint: Endpoint) -> str:
    """An id of the resource that the path is about."""
    return f"{ID_PREFIXES.get(endpoint.path.split('/')[1], 'id')}_{ID}"


def _access(endpoint: Endpoint) -> str:
    return "public" if endpoint.scope is PUBLIC else endpoint.scope or "any key"


def _errors(endpoint: Endpoint) -> tuple[type[Problem], ...]:
    found = dict.fromkeys(openapi.problems_of(endpoint))
    return tuple(sorted(found, key=lambda problem: (problem.status, problem.code)))


def _parameters(told: dict[str, Any], place: str, schemas: Schemas) -> tuple[FieldRow, ...]:
    found = [one for one in told["parameters"] if one["in"] == place]
    return tuple(schemas.rows({
        "properties": {one["name"]: one["schema"] for one in found},
        "required": [one["name"] for one in found if one["required"]],
    }))  # fmt: skip


def _required(schemas: Schemas, schema: dict[str, Any]) -> dict[str, Any]:
    """An example with what must be given, and no more."""
    names = schemas.plain(schema).get("required", ())
    whole = schemas.example(schema) if names else {}
    return {name: whole[name] for name in names}


def curl(
    endpoint: Endpoint, path: dict[str, str], query: dict[str, Any], body: Any, base_url: str
) -> str:
    """The request as a command of a shell."""
    filled = endpoint.path.format(**{name: quote(value) for name, value in path.items()})
    asked = "&".join(f"{name}={quote(str(value), safe='+')}" for name, value in query.items())
    url = f"{base_url}/api/v1{filled}{'?' if asked else ''}{asked}"
    lines = [f"curl -X {endpoint.method} {chr(34) if asked else ''}{url}{chr(34) if asked else ''}"]
    if endpoint.scope is not PUBLIC:
        lines.append(f'-H "Authorization: Bearer {KEY}"')
    if body is not None:
        lines.append('-H "Content-Type: application/json"')
        lines.append(f"-d '{_inline(body)}'")
    return " \\\n  ".join(lines)


def _inline(body: Any) -> str:
    """JSON as the page writes it, `{ "to": 1 }`; a longer one in lines."""
    text = json.dumps(body, ensure_ascii=False)
    if len(text) > 100:
        return json.dumps(body, ensure_ascii=False, indent=2)
    return f"{{ {text[1:-1]} }}" if text != "{}" else text


def echoed(answer: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The example with what was asked for in the fields of the same name and kind."""
    return {
        name: given[name] if name in given and _alike(given[name], value) else value
        for name, value in answer.items()
    }


def _alike(one: Any, other: Any) -> bool:
    return type(one) is type(other) and not isinstance(one, dict | list)
