"""The try-it panel's answers, and the samples of requests beside it."""

import json
import shlex
from typing import Any

import pytest

from api import problems
from api.app import ENDPOINTS
from api.docs import reference
from api.docs.pages import Try
from api.docs.reference import KEY, Operation, echoed
from api.docs.simulate import REQUEST_ID, Answer, simulate
from api.endpoint import PUBLIC, Endpoint
from tests.api.client import URL

REFERENCE = reference.build(ENDPOINTS, URL)
BY_ID = {one.run.__name__: one for one in ENDPOINTS}
TO = "+15551234567"


def known(operation_id: str) -> tuple[Endpoint, Operation]:
    operation = REFERENCE.find(operation_id)
    assert operation
    return BY_ID[operation_id], operation


def ask(
    operation_id: str, body: object = None, path: dict[str, str] | None = None, **query: str
) -> Answer:
    text = body if isinstance(body, str) else json.dumps(body) if body is not None else ""
    return simulate(*known(operation_id), path or {}, query, text, URL)


def refused(answer: Answer, status: int, code: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(answer.body)
    assert (answer.status, document["code"]) == (status, code)
    assert answer.media_type == problems.MEDIA_TYPE
    assert document["request_id"] == REQUEST_ID
    assert document["type"] == f"{URL}/docs/errors#{code}"
    return document


def test_what_was_asked_for_is_in_the_answer() -> None:
    answer = ask("send_message", {"to": TO, "text": "x", "reference": "mine"})
    assert (answer.status, answer.phrase) == (202, "202 Accepted")
    assert answer.media_type == "application/json"
    told = json.loads(answer.body)
    assert told["status"] == "queued"
    assert told["message_id"].startswith("msg_")
    shown = json.loads(ask("show_message", path={"message_id": "msg_mine"}).body)
    assert shown["message_id"] == "msg_mine"


@pytest.mark.parametrize("body", ["{", "[]", "1", '"x"', "null", "[" * 100_000, "{'to': 1}", "NaN"])
def test_what_is_no_object_is_refused_as_the_platform_would(body: str) -> None:
    refused(ask("send_message", body), 400, "malformed_json")


def test_every_fault_of_a_body_is_named() -> None:
    told = refused(ask("send_message", {"to": 1}), 400, "validation_error")
    assert {one["field"] for one in told["errors"]} >= {"to", "text"}
    told = refused(ask("send_message", {"to": TO, "text": "x", "txt": 1}), 400, "unknown_field")
    assert [one["field"] for one in told["errors"]] == ["txt"]
    told = refused(ask("call_logs", limit="0"), 400, "validation_error")
    assert [one["field"] for one in told["errors"]] == ["limit"]


def test_numbers_of_the_sandbox_are_refused_for_messages_alone() -> None:
    for end, status, code in ((10, 402, "insufficient_funds"), (11, 403, "recipient_opted_out")):
        refused(ask("send_message", {"to": f"+1555000{end:04d}", "text": "x"}), status, code)
    assert ask("place_call", {"to": "+15550000010"}).status == 202
    assert ask("rate_of_number", to="+15550000010").status == 200


def test_a_path_without_its_id_is_not_there() -> None:
    for path in ({"message_id": ""}, {"message_id": "msg_1", "other": ""}):
        refused(ask("show_message", path=path), 404, "not_found")


def test_what_is_no_json_is_announced_instead_of_shown() -> None:
    found = [one for one in REFERENCE.operations if one.answer is None]
    assert found
    for operation in found:
        answer = ask(operation.id, path=operation.path_example)
        assert answer.media_type in (*operation.media_types, "text/plain")
        assert answer.media_type in answer.body


@pytest.mark.parametrize(
    ("answer", "given", "told"),
    [
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"a": "2"}, {"a": 1}),
        ({"a": 1}, {"a": True}, {"a": 1}),
        ({"a": 1.5}, {"a": 2}, {"a": 1.5}),
        ({"a": None}, {"a": "x"}, {"a": None}),
        ({"a": ["x"]}, {"a": ["y"]}, {"a": ["x"]}),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, {"a": {"b": 1}}),
        ({"a": 1}, {"b": 2}, {"a": 1}),
    ],
)
def test_only_what_is_alike_is_echoed(
    answer: dict[str, Any], given: dict[str, Any], told: dict[str, Any]
) -> None:
    assert echoed(answer, given) == told


def test_fields_of_the_panel_find_their_place() -> None:
    asked = Try.model_validate({
        "operation": "x", "path.id": " a ", "path.other": "", "query.to": " +1 ", "query.no": " ",
        "queryx": "y", "body.z": "1",
    })  # fmt: skip
    assert asked.named("path") == {"id": "a", "other": ""}
    assert asked.named("query") == {"to": "+1"}


@pytest.mark.parametrize("operation", REFERENCE.operations, ids=lambda one: one.id)
def test_every_command_is_one_that_a_shell_takes(operation: Operation) -> None:
    words = shlex.split(operation.curl.replace("\\\n", " "))
    assert words[:3] == ["curl", "-X", operation.method]
    url, rest = words[3], words[4:]
    assert url.startswith(f"{URL}/api/v1/")
    assert "{" not in url
    headers = [value for flag, value in zip(rest[::2], rest[1::2], strict=True) if flag == "-H"]
    has_key = f"Authorization: Bearer {KEY}" in headers
    assert has_key is (BY_ID[operation.id].scope is not PUBLIC)
    bodies = [value for flag, value in zip(rest[::2], rest[1::2], strict=True) if flag == "-d"]
    assert len(bodies) == ("Content-Type: application/json" in headers)
    for body in bodies:
        assert json.loads(body) == json.loads(operation.body_example)


@pytest.mark.parametrize("operation", REFERENCE.operations, ids=lambda one: one.id)
def test_every_operation_tells_its_errors_in_order(operation: Operation) -> None:
    order = [(one.status, one.code) for one in operation.errors]
    assert order == sorted(order)
    assert len(order) == len(set(order))
    codes = {code for _, code in order}
    assert ("invalid_api_key" in codes) or operation.access == "public"
    assert "internal_error" in codes or any(status >= 500 for status, _ in order)


def test_sections_begin_with_what_the_page_prints_first() -> None:
    assert [one.id for one in REFERENCE.of("sms")][:3] == [
        "send_message", "send_messages", "show_message",
    ]  # fmt: skip
    assert REFERENCE.of("nothing") == []
    assert REFERENCE.find("nothing") is None
    anchors = [one.anchor for one in REFERENCE.operations]
    assert len(set(anchors)) == len(anchors)
