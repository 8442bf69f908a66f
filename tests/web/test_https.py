"""What differs where customers reach the pages by HTTPS: cookies, and a promise to stay there."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.responses import Response

from api.app import create_app
from api.web import cookies, csrf
from db.database import Database
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.web import sample

URL = "https://sms.example"


@pytest.fixture
def settings() -> Settings:
    return Settings(public_url=f"{URL}/")


@pytest.fixture
async def secure(
    sqlite: Database, settings: Settings, vault: Vault
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings, sqlite, vault, sample.PAGES, sample.viewer_of)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=URL) as opened:
        yield opened


async def test_the_cookie_is_bound_to_the_host(secure: httpx.AsyncClient) -> None:
    told = (await secure.get("/sample/form")).headers["set-cookie"]
    assert told.startswith("__Host-form=")
    parts = {part.strip().lower() for part in told.split(";")[1:]}
    assert parts == {"httponly", "path=/", "samesite=lax", "secure"}


async def test_the_browser_is_told_to_stay_with_https(secure: httpx.AsyncClient) -> None:
    headers = (await secure.get("/sample")).headers
    assert headers["strict-transport-security"] == "max-age=31536000"


async def test_a_form_is_taken(secure: httpx.AsyncClient) -> None:
    token = (await secure.get("/sample/form")).text
    data = {csrf.FIELD: token, "name": "Bob"}
    good = await secure.post("/sample/form", data=data, headers={"Origin": URL})
    assert good.status_code == 303
    plain = {"Origin": URL.replace("https", "http")}
    assert (await secure.post("/sample/form", data=data, headers=plain)).status_code == 403


def test_cookies_by_plain_http_have_plain_names() -> None:
    settings = Settings(public_url="http://127.0.0.1:8000")
    response = Response()
    cookies.write(response, settings, "session", "abc", 60)
    told = response.headers["set-cookie"]
    assert told.startswith("session=abc;")
    assert "secure" not in told.lower()
    assert "Max-Age=60" in told


def test_a_forgotten_cookie_is_the_same_one(settings: Settings) -> None:
    response = Response()
    cookies.forget(response, settings, "session")
    told = response.headers["set-cookie"]
    assert told.startswith('__Host-session="";')
    assert "Max-Age=0" in told
    assert "Secure" in told
