"""Answers that a client may keep, and ask whether they still hold (RFC 9110, section 13)."""

import re

from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.responses import Response

_TAG = re.compile(r'(?:W/)?("[^"]*")')


def respond(answer: BaseModel, tag: str) -> Response:
    """The answer with its tag. It may differ by key, and is asked for again before each use."""
    return Response(answer.model_dump_json(by_alias=True), 200, _headers(tag), "application/json")


def unchanged(tag: str) -> Response:
    """304: what the client has is still so."""
    return Response(None, 304, _headers(tag))


def known(asked: Headers, tag: str) -> bool:
    """Whether If-None-Match names the tag, or anything at all."""
    given = ",".join(asked.getlist("if-none-match"))
    return given.strip() == "*" or f'"{tag}"' in _TAG.findall(given)


def _headers(tag: str) -> dict[str, str]:
    # Weak, since it stands for what is said, not for the bytes.
    return {
        "ETag": f'W/"{tag}"', "Vary": "Authorization, Accept", "Cache-Control": "private, no-cache"
    }  # fmt: skip
