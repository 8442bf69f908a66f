"""Answers of the try-it panel: checked like a real request, made of examples, with no effect."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError

from api import problems
from api.docs.reference import Operation, echoed
from api.endpoint import Endpoint
from telephony.errors import (
    InsufficientFundsError,
    MalformedJsonError,
    NotFoundError,
    Problem,
    RecipientOptedOutError,
)

REQUEST_ID = "req_simulated"
REFUSED = {"0010": InsufficientFundsError, "0011": RecipientOptedOutError}
"""Sandbox numbers that are refused, by their last digits."""


@dataclass(frozen=True)
class Answer:
    """What a request would get; `body` is JSON text, or what there is instead."""

    status: int
    media_type: str
    body: str

    @property
    def phrase(self) -> str:
        """The status as it is written in a response's first line."""
        return f"{self.status} {HTTPStatus(self.status).phrase}"


def simulate(
    endpoint: Endpoint, operation: Operation, path: dict[str, str], query: dict[str, str],
    body: str, base_url: str,
) -> Answer:  # fmt: skip
    """The answer to a request of these parts."""
    try:
        given = query if endpoint.method == "GET" else _json(body)
        _check(endpoint, path, given)
    except Problem as problem:
        document = problems.document(problem, REQUEST_ID, base_url)
        return Answer(problem.status, problems.MEDIA_TYPE, _text(document))
    if operation.answer is None:
        kind = operation.media_types[0] if operation.media_types else "text/plain"
        return Answer(endpoint.status, kind, f"({kind} follows here)")
    answer = echoed(operation.answer, {**path, **given})
    return Answer(endpoint.status, "application/json", _text(answer))


def _check(endpoint: Endpoint, path: dict[str, str], given: dict[str, Any]) -> None:
    if not all(path.values()):
        raise NotFoundError
    if endpoint.takes is None:
        return
    try:
        endpoint.takes.model_validate(given)
    except ValidationError as error:
        raise problems.from_validation(error) from error
    refused = REFUSED.get(str(given.get("to", ""))[-4:])
    if refused and endpoint.method == "POST" and endpoint.path.startswith("/sms"):
        raise refused


def _json(body: str) -> dict[str, Any]:
    try:
        parsed = json.loads(body or "{}")
    except (ValueError, RecursionError) as error:
        raise MalformedJsonError(f"The body is not JSON: {error}.") from error
    if not isinstance(parsed, dict):
        raise MalformedJsonError
    return parsed


def _text(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
