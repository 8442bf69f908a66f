"""Cookies, tokens of forms, headers and templates: what a browser gets, by HTTP and by HTTPS."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from cryptography.fernet import Fernet
from jinja2 import UndefinedError
from starlette.requests import Request
from starlette.responses import Response

from api.app import PAGES, create_app
from api.web import cookies, csrf
from api.web.errors import is_page
from api.web.headers import HTTPS, PLAIN
from api.web.highlight import coloured
from api.web.refusals import ForgedFormError
from api.web.templates import environment
from db.database import Database
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.api.client import URL
from tests.api.world import client_of
from tests.web import sample

SECURE_URL = "https://voice.example"
SECURE = Settings(public_url=SECURE_URL)
PLAIN_HTTP = Settings(public_url=URL)


class App:
    """What requests find of the application."""

    def __init__(self, settings: Settings, vault: Vault) -> None:
        self.state = self
        self.settings, self.vault = settings, vault


def request(app: App, cookie: str = "", **headers: str) -> Request:
    told = {"host": "127.0.0.1:8000", "cookie": cookie, **headers}
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in told.items()]
    return Request({"type": "http", "headers": raw, "app": app, "path": "/", "state": {}})


@pytest.fixture
def app(vault: Vault) -> App:
    return App(PLAIN_HTTP, vault)


@pytest.fixture
async def secure(sqlite: Database, vault: Vault) -> AsyncIterator[httpx.AsyncClient]:
    made = create_app(SECURE, sqlite, vault, (*PAGES, *sample.PAGES), sample.viewer_of)
    async with client_of(made) as opened:
        yield opened


@pytest.mark.parametrize("settings", [SECURE, PLAIN_HTTP])
def test_a_cookie_is_for_this_host_and_no_script(settings: Settings) -> None:
    response = Response()
    cookies.write(response, settings, "name", "value", 60)
    told = response.headers["set-cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Max-Age=60"} <= set(told.split("; "))
    assert "Domain" not in told
    https = settings is SECURE
    assert told.startswith("__Host-name=value;") is https
    assert ("Secure" in told.split("; ")) is https
    cookies.write(response, settings, "short", "x")
    assert "Max-Age" not in response.headers.getlist("set-cookie")[1]


@pytest.mark.parametrize("settings", [SECURE, PLAIN_HTTP])
def test_a_cookie_that_is_dropped_is_the_one_that_was_set(settings: Settings) -> None:
    response = Response()
    cookies.forget(response, settings, "name")
    told = response.headers["set-cookie"]
    assert told.startswith(f'{cookies.full_name(settings, "name")}="";')
    assert "Max-Age=0" in told
    assert ("Secure" in told) is (settings is SECURE)


def test_only_the_cookie_of_our_kind_is_read(vault: Vault) -> None:
    secure = App(SECURE, vault)
    assert cookies.read(request(secure, "form=planted; __Host-form=ours"), "form") == "ours"
    assert cookies.read(request(secure, "form=planted"), "form") == ""
    assert cookies.read(request(App(PLAIN_HTTP, vault), "form=ours"), "form") == "ours"
    assert cookies.read(request(secure), "form") == ""


def test_a_token_belongs_to_its_cookie_and_to_this_platform(app: App) -> None:
    first, second = request(app), request(app)
    made = csrf.token(first)
    assert csrf.token(first) == made != csrf.token(second)
    response = Response()
    cookies.remember(first, response)
    cookie = response.headers["set-cookie"].partition(";")[0]
    here = {"sec_fetch_site": "same-origin"}
    csrf.check(request(app, cookie, **here), made)
    other = App(PLAIN_HTTP, Vault(Fernet.generate_key().decode()))
    for asked, sent in (
        (request(app, cookie, **here), csrf.token(second)), (request(app, cookie, **here), ""),
        (request(app, "", **here), made), (request(app, "form=x", **here), made),
        (request(app, cookie), made), (request(other, cookie, **here), made),
    ):  # fmt: skip
        with pytest.raises(ForgedFormError):
            csrf.check(asked, sent)
    renewed = Response()
    csrf.renew(renewed, first)
    fresh = renewed.headers["set-cookie"].partition(";")[0]
    with pytest.raises(ForgedFormError):
        csrf.check(request(app, fresh, **here), made)


def test_who_has_a_cookie_gets_no_other(app: App) -> None:
    asked, response = request(app, "form=kept"), Response()
    assert csrf.token(asked) == csrf.token(request(app, "form=kept"))
    cookies.remember(asked, response)
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize(
    ("origin", "taken"),
    [
        ("http://127.0.0.1:8000", True), ("http://127.0.0.1:8001", False), ("null", False),
        ("http://127.0.0.1:8000.evil.example", False), ("http://evil.example", False),
        ("http://me@127.0.0.1:8000", False), ("127.0.0.1:8000", False), ("", False),
    ],
)  # fmt: skip
def test_an_origin_is_ours_as_a_whole(app: App, origin: str, taken: bool) -> None:
    asked = request(app, "form=kept", origin=origin)
    if taken:
        csrf.check(asked, csrf.token(asked))
    else:
        with pytest.raises(ForgedFormError):
            csrf.check(asked, csrf.token(asked))


async def test_by_https_browsers_are_told_to_stay_there(
    secure: httpx.AsyncClient, web: httpx.AsyncClient
) -> None:
    for name, value in (PLAIN | HTTPS).items():
        assert (await secure.get("/docs")).headers[name] == value
    assert "strict-transport-security" not in (await web.get("/docs")).headers
    assert "strict-transport-security" not in (await secure.get("/api/v1/ping")).headers
    form = await secure.get("/sample/form")
    assert form.headers["set-cookie"].startswith("__Host-form=")


@pytest.mark.parametrize(
    ("path", "page"),
    [("/", True), ("/docs", True), ("/api", True), ("/api/", False), ("/api/v1/none", False)],
)
def test_what_is_outside_the_api_is_for_people(app: App, path: str, page: bool) -> None:
    asked = request(app)
    asked.scope["path"] = path
    asked.scope.update(query_string=b"", server=("127.0.0.1", 8000), scheme="http")
    assert is_page(asked) is page


def test_a_template_escapes_and_misses_nothing_silently() -> None:
    made = environment().from_string("{{ text }}|{{ text | ticks }}")
    assert made.render(text="<b> `x<y`") == "&lt;b&gt; `x&lt;y`|&lt;b&gt; <code>x&lt;y</code>"
    with pytest.raises(UndefinedError):
        environment().from_string("{{ nothing }}").render()


@pytest.mark.parametrize("language", ["python", "php", "javascript", "bash", "json", "nonsense"])
def test_coloured_code_is_the_same_code(language: str) -> None:
    text = 'if (a < b && "c") { x = 1 }\n  # <script>'
    shown = coloured(text, language)
    assert "<script>" not in environment().from_string("{{ x }}").render(x=shown)
    plain = re.sub(r"<[^>]+>", "", str(shown)) if language != "nonsense" else str(shown)
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        plain = plain.replace(entity, char)
    assert plain == text
