"""The OpenAPI document is valid, whole, and what the server serves."""

import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.app import ENDPOINTS
from api.auth import ANY_SCOPE
from api.endpoint import PUBLIC, Endpoint
from api.v1 import event_stream
from db.database import Database
from telephony.accounts import SCOPES, new_key
from tests.api.client import BASE, DOCUMENT, Api, good, problem
from tests.factories import Customer, customer

KEYED = [endpoint for endpoint in ENDPOINTS if endpoint.scope is not PUBLIC]
POSTS = [endpoint for endpoint in ENDPOINTS if endpoint.method == "POST"]
IDS = {
    "message_id": "msg_0", "call_id": "call_0", "recording_id": "rec_0", "id": "sip_0",
    "token": "a.1.p.0", "number": "+15550700001", "sender": "ACME",
}  # fmt: skip


def name(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def path_like(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: IDS[found[1]], path)


def path_of(endpoint: Endpoint) -> str:
    return path_like(endpoint.path)


def operation(endpoint: Endpoint) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][endpoint.path][endpoint.method.lower()]
    return found


async def test_it_is_served_and_valid(plain: Api) -> None:
    served = good(await plain.get("/openapi.json"))
    OpenAPIV31SpecValidator(served).validate()
    assert served == DOCUMENT
    assert served["openapi"].startswith("3.1")
    assert served["servers"][0]["url"].endswith(BASE)


def test_it_has_every_endpoint_and_no_other() -> None:
    documented = {
        (method.upper(), path)
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
    }
    assert documented == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    assert len(ENDPOINTS) == len(documented)


def test_every_operation_has_a_name_and_a_summary_of_its_own() -> None:
    operations = [operation(endpoint) for endpoint in ENDPOINTS]
    assert len({one["operationId"] for one in operations}) == len(operations)
    assert len({one["summary"] for one in operations}) == len(operations)
    assert all(one["summary"].endswith(".") for one in operations)
    assert all(len(one["tags"]) == 1 for one in operations)


def test_no_two_models_have_one_name() -> None:
    """pydantic would name them by their modules, which no generated client bears."""
    assert [name for name in DOCUMENT["components"]["schemas"] if "__" in name] == []


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=name)
def test_bodies_responses_and_keys_are_described(endpoint: Endpoint) -> None:
    described = operation(endpoint)
    assert ("requestBody" in described) == (endpoint.method in ("POST", "PATCH"))
    assert {"500", "503", "401", str(endpoint.status)} <= described["responses"].keys()
    assert ({} in described["security"]) == (endpoint.scope is PUBLIC)
    named = {parameter["name"]: parameter for parameter in described["parameters"]}
    assert ("Idempotency-Key" in named) == (endpoint.method == "POST")
    for parameter in re.findall(r"\{(\w+)\}", endpoint.path):
        assert named[parameter]["required"]


@pytest.mark.parametrize("endpoint", KEYED, ids=name)
async def test_every_other_endpoint_needs_a_key_with_its_scope(
    plain: Api, sqlite: Database, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One key for every way to be refused; a scope more is asked for than the key has."""
    monkeypatch.setattr(event_stream, "LIFE_SECONDS", 0.05)

    async def ask(key: Customer | str | None) -> Any:
        return await plain.using(key).send(endpoint.method, path_of(endpoint), json={})

    problem(await ask(None), 401, "missing_api_key")
    problem(await ask("garbage"), 401, "invalid_api_key")
    problem(await ask(new_key("test")), 401, "invalid_api_key")
    if endpoint.scope == ANY_SCOPE:
        assert (await ask(await customer(sqlite, scopes=()))).status_code == 200
        return
    assert endpoint.scope in SCOPES
    others = tuple(scope for scope in SCOPES if scope != endpoint.scope)
    body = problem(await ask(await customer(sqlite, scopes=others)), 403, "scope_missing")
    assert str(endpoint.scope) in body["detail"]
    enough = await ask(await customer(sqlite, scopes=(str(endpoint.scope),)))
    assert enough.status_code not in (401, 403), enough.text


@pytest.mark.parametrize("endpoint", POSTS, ids=name)
async def test_every_post_refuses_what_is_not_its_body(
    plain: Api, sqlite: Database, endpoint: Endpoint
) -> None:
    door = plain.using(await customer(sqlite))
    path = path_of(endpoint)
    json_type = {"Content-Type": "application/json"}
    for content in BROKEN:
        response = await door.send("POST", path, content=content, headers=json_type)
        problem(response, 400, "malformed_json")
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""):
        headers = {"Content-Type": media_type}
        response = await door.send("POST", path, content=b"{}", headers=headers)
        problem(response, 415, "unsupported_media_type")
    response = await door.post(path, {"colour": "red"})
    body = problem(response, 400, "unknown_field")
    assert "colour" in body["detail"]
    assert {"field": "colour", "code": "extra_forbidden"}.items() <= next(
        error for error in body["errors"] if error["field"] == "colour"
    ).items()
    huge = b'{"colour": "' + b"r" * (256 * 1024) + b'"}'
    response = await door.send("POST", path, content=huge, headers=json_type)
    problem(response, 413, "body_too_large")


@pytest.mark.parametrize("path", sorted({endpoint.path for endpoint in ENDPOINTS}))
async def test_methods_that_a_path_does_not_take(plain: Api, path: str) -> None:
    concrete = path_like(path)
    taken = {
        one.method
        for one in ENDPOINTS
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one.path), concrete)
    }
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - taken:
        response = await plain.send(method, concrete)
        problem(response, 405, "method_not_allowed")
        allowed = set(response.headers["allow"].split(", "))
        assert allowed - {"HEAD"} <= taken


BROKEN = (
    b"{", b"{'to': 1}", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}', b"[]", b'"text"',
    b"null", b"12", b"[" * 100_000, b'{"a":' * 50_000, b'{"a": "\xff\xfe"}', b'{"a": 1} {}',
    b'{"a": ' + b"1" * 5000 + b"}", b'{"a": "\x01"}', '{"a": 1}'.encode("utf-16"),
)  # fmt: skip
