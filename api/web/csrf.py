"""A form is taken from our own pages only: what the browser says of where it comes from must be
this site, and it must carry a token that belongs to a cookie that only this site can set."""

import hmac
import secrets
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from api.web import cookies
from api.web.refusals import ForgedFormError

COOKIE = "form"
FIELD = "csrf"
HEADER = "x-csrf-token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def token(request: Request) -> str:
    """The token of this visitor's forms; `cookies.remember` must follow on the response."""
    given = cookies.read(request, COOKIE) or cookies.coming(request, COOKIE)
    if not given:
        given = secrets.token_urlsafe(32)
        cookies.later(request, COOKIE, given)
    return _token(request, given)


def renew(response: Response, request: Request) -> None:
    """A new cookie: for whoever signs in or out, so that no token outlives that."""
    cookies.write(response, request.app.state.settings, COOKIE, secrets.token_urlsafe(32))


def check(request: Request, sent: str) -> None:
    """ForgedFormError unless the request is from our own page and `sent` is its token."""
    given = cookies.read(request, COOKIE)
    if not _from_here(request) or not given:
        raise ForgedFormError
    if not hmac.compare_digest(_token(request, given).encode(), sent.encode()):
        raise ForgedFormError


def _from_here(request: Request) -> bool:
    """By Sec-Fetch-Site; where a browser sends none (plain HTTP), by Origin."""
    if site := request.headers.get("sec-fetch-site"):
        return site == "same-origin"
    origin = urlsplit(request.headers.get("origin", ""))
    if cookies.is_https(request.app.state.settings) and origin.scheme != "https":
        return False
    return bool(origin.netloc) and origin.netloc == request.headers.get("host")


def _token(request: Request, value: str) -> str:
    vault = request.app.state.vault
    return hmac.new(vault.subkey("forms"), value.encode(), "sha256").hexdigest()
