"""Cookies that no script reads and no other host sets."""

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from telephony.settings import Settings


def is_https(settings: Settings) -> bool:
    """True where customers reach the pages by HTTPS."""
    return settings.api_url.startswith("https://")


def full_name(settings: Settings, name: str) -> str:
    """`__Host-` binds a cookie to this host and path; browsers take that by HTTPS only."""
    return f"__Host-{name}" if is_https(settings) else name


def read(request: HTTPConnection, name: str) -> str:
    """The cookie's value, empty if there is none."""
    return request.cookies.get(full_name(request.app.state.settings, name), "")


def write(
    response: Response, settings: Settings, name: str, value: str, seconds: int | None = None
) -> None:
    """Set it for so long, or until the browser is closed."""
    response.set_cookie(
        full_name(settings, name), value, max_age=seconds, path="/", httponly=True,
        secure=is_https(settings), samesite="lax",
    )  # fmt: skip


def later(request: Request, name: str, value: str, seconds: int | None = None) -> None:
    """Set it with the answer to this request; `remember` must follow on that."""
    if not hasattr(request.state, "cookies"):
        request.state.cookies = {}
    request.state.cookies[name] = value, seconds


def coming(request: Request, name: str) -> str:
    """The value that it is about to get, empty for none."""
    return str(getattr(request.state, "cookies", {}).get(name, ("",))[0])


def remember(request: Request, response: Response) -> None:
    """Set what is to be set, but for what the response has set anew."""
    settings, there = request.app.state.settings, response.headers.getlist("set-cookie")
    for name, (value, seconds) in getattr(request.state, "cookies", {}).items():
        if not any(one.startswith(f"{full_name(settings, name)}=") for one in there):
            write(response, settings, name, value, seconds)


def forget(response: Response, settings: Settings, name: str) -> None:
    """Have the browser drop it."""
    response.delete_cookie(
        full_name(settings, name), path="/", httponly=True, secure=is_https(settings),
        samesite="lax",
    )  # fmt: skip
