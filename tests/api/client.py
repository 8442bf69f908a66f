"""A customer's HTTP client, which holds every response against the OpenAPI document."""

import json
import re
from collections.abc import Mapping
from typing import Any

import httpx
from openapi_schema_validator import OAS31Validator

from api.app import ENDPOINTS
from api.docs import annotated
from tests.factories import Customer

BASE = "/api/v1"
URL = "http://127.0.0.1:8000"
DOCUMENT = annotated.document(ENDPOINTS, URL)
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}


class Api:
    """`key` goes into the Authorization header; None sends none."""

    def __init__(self, client: httpx.AsyncClient, key: str | None = None) -> None:
        self._client = client
        self._key = key

    def using(self, who: Customer | str | None) -> "Api":
        """The same door for another customer or key."""
        return Api(self._client, who.key if isinstance(who, Customer) else who)

    async def get(
        self, path: str, headers: Mapping[str, str] | None = None, **query: Any
    ) -> httpx.Response:
        """GET of a path below /api/v1; `query` is percent-encoded."""
        return await self.send("GET", path, headers=headers, params=query or None)

    async def post(
        self, path: str, body: object = None, idempotency_key: str | None = None
    ) -> httpx.Response:
        """POST of a JSON body."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else None
        return await self.send("POST", path, headers=headers, json=body or {})

    async def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Any request; the response must be what the document says of it."""
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        request["headers"] = {**headers, **(request.get("headers") or {})}
        response = await self._client.request(method, BASE + path, **request)
        conforms(method, path.partition("?")[0], response)
        return response


def conforms(method: str, path: str, response: httpx.Response) -> None:
    """Assert that the document knows this status of this endpoint, and the shape of the body."""
    assert response.headers["x-request-id"]
    if response.status_code >= 400:
        _is_problem(response)
    operation = _operation(method, path)
    if operation is None:
        return
    declared = operation["responses"]
    assert str(response.status_code) in declared, (method, path, response.text)
    if response.status_code == 304:
        assert response.content == b""
        return
    told = declared[str(response.status_code)]
    missing = [name for name in told.get("headers", {}) if name not in response.headers]
    assert missing == [], (method, path, response.status_code)
    content = told["content"]
    media_type = response.headers["content-type"].partition(";")[0]
    assert media_type in content, media_type
    value = response.json() if media_type.endswith("json") else response.text
    check(content[media_type]["schema"], value)


def check(schema: Mapping[str, Any], value: object) -> None:
    """Assert that a JSON value has a schema of the document."""
    whole = {**schema, "components": DOCUMENT["components"]}
    errors = [error.message for error in OAS31Validator(whole).iter_errors(value)]
    assert not errors, (errors, value)


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The body of a response that must be this problem."""
    assert (response.status_code, response.json().get("code")) == (status, code), response.text
    body: dict[str, Any] = response.json()
    return body


def good(response: httpx.Response, status: int = 200) -> dict[str, Any]:
    """The body of a response that must have this status."""
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    return body


def _is_problem(response: httpx.Response) -> None:
    assert response.headers["content-type"] == "application/problem+json"
    body = json.loads(response.content)
    assert set(body) >= PROBLEM_MEMBERS, body
    assert body["status"] == response.status_code
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["type"] == f"{URL}/docs/errors#{body['code']}"
    assert body["title"].endswith((".", "…"))
    assert body["detail"]
    assert (response.status_code == 401) == ("www-authenticate" in response.headers)
    assert (response.status_code in (429, 503)) == ("retry-after" in response.headers)


def _operation(method: str, path: str) -> dict[str, Any] | None:
    for template, operations in DOCUMENT["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            found: dict[str, Any] | None = operations.get(method.lower())
            return found
    return None
