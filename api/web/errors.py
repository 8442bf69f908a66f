"""Problems as pages, for whoever looks with a browser."""

import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.web.headers import API
from api.web.templates import render
from db.database import DatabaseBusyError
from telephony.errors import (
    DatabaseUnavailableError,
    InternalError,
    MethodNotAllowedError,
    NotFoundError,
    Problem,
    ValidationFailedError,
)

_ROUTERS: dict[int, type[Problem]] = {400: ValidationFailedError, 405: MethodNotAllowedError}
"""What the router and the parser of forms refuse; all else is not there."""

log = logging.getLogger(__name__)


def is_page(request: Request) -> bool:
    """True where a person looks, and not a program: outside the API."""
    return not request.url.path.startswith(API)


def on_error(request: Request, error: Exception) -> Response:
    """The page of any error; a defect goes into the log with its traceback."""
    problem = _problem(error)
    if isinstance(problem, InternalError):
        log.error("request %s failed", request.state.request_id, exc_info=error)
    template = "error_part.html" if "hx-request" in request.headers else "error.html"
    response = render(
        request, template, problem.status, problem=problem, request_id=request.state.request_id
    )
    if problem.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(problem.retry_after_seconds)
    if isinstance(error, HTTPException):
        response.headers.update(error.headers or {})
    return response


def _problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, DatabaseBusyError):
        return DatabaseUnavailableError()
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _ROUTERS.get(error.status_code, NotFoundError)()
    return InternalError()
