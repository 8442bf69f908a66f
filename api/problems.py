"""Errors as `application/problem+json` (RFC 9457)."""

import logging
from typing import Any

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from db.database import DatabaseBusyError
from telephony.errors import (
    DatabaseUnavailableError,
    InternalError,
    MethodNotAllowedError,
    NotFoundError,
    Problem,
    RangeNotSatisfiableError,
    RateLimitedError,
    UnknownFieldError,
    ValidationFailedError,
)

MEDIA_TYPE = "application/problem+json"
DOCS = "/docs/errors"

log = logging.getLogger(__name__)


def document(problem: Problem, request_id: str, base_url: str) -> dict[str, Any]:
    """The problem as JSON members."""
    return {
        "type": f"{base_url}{DOCS}#{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": request_id,
        **problem.extra,
    }


def respond(request: Request, problem: Problem) -> JSONResponse:
    """The response of a problem, with the headers that belong to its status."""
    headers = {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.retry_after_seconds is not None:
        headers["Retry-After"] = str(problem.retry_after_seconds)
    if isinstance(problem, RangeNotSatisfiableError):
        headers["Content-Range"] = f"bytes */{problem.extra['size']}"
    request.state.code = problem.code
    body = document(problem, request.state.request_id, request.app.state.settings.api_url)
    return JSONResponse(body, problem.status, headers, MEDIA_TYPE)


async def on_problem(request: Request, error: Exception) -> JSONResponse:
    """For Problem."""
    assert isinstance(error, Problem)
    return respond(request, error)


async def on_http_error(request: Request, error: Exception) -> JSONResponse:
    """For what the router itself refuses: no such path, or not with this method. Whoever looks
    for paths is limited, too."""
    assert isinstance(error, HTTPException)
    try:
        await request.app.state.gate.visit(request, "no endpoint")
    except RateLimitedError as limited:
        return respond(request, limited)
    problem = MethodNotAllowedError() if error.status_code == 405 else NotFoundError()
    response = respond(request, problem)
    response.headers.update(error.headers or {})
    return response


async def on_busy(request: Request, error: Exception) -> JSONResponse:
    """For a database that did not take the transaction in time."""
    assert isinstance(error, DatabaseBusyError)
    return respond(request, DatabaseUnavailableError())


async def on_crash(request: Request, error: Exception) -> JSONResponse:
    """For a defect: the customer gets the request id, the log gets the traceback."""
    log.error("request %s failed", request.state.request_id, exc_info=error)
    return respond(request, InternalError())


def from_validation(error: ValidationError) -> Problem:
    """pydantic's findings as a problem that names each field."""
    found = [
        {
            "field": ".".join(map(str, finding["loc"])),
            "code": finding["type"],
            "message": finding["msg"].removeprefix("Value error, "),
        }
        for finding in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    unknown = [finding["field"] for finding in found if finding["code"] == "extra_forbidden"]
    if unknown:
        return UnknownFieldError(f"Not known here: {', '.join(unknown)}.", errors=found)
    detail = "; ".join(f"{finding['field']}: {finding['message']}" for finding in found)
    return ValidationFailedError(f"{detail}.", errors=found)
