"""Static files: what npm pinned, served for ever under the hash of their content."""

import re
from pathlib import Path

import httpx
import pytest

from api.web import assets
from tests.web import vendor


def test_vendored_files_are_the_pinned_ones() -> None:
    sums = vendor.sums()
    stored = {
        str(path.relative_to(vendor.VENDOR))
        for path in vendor.VENDOR.rglob("*")
        if path.is_file() and path != vendor.SUMS
    }
    assert stored == set(sums) == set(vendor.wanted())
    assert {name: vendor.checksum(vendor.VENDOR / name) for name in sums} == sums


def test_vendored_files_are_those_of_npm() -> None:
    """npm has checked them by the lock file."""
    for name, source in vendor.wanted().items():
        assert vendor.checksum(source) == vendor.sums()[name], name


def test_every_package_has_its_licence() -> None:
    for folder in vendor.VENDOR.iterdir():
        assert folder == vendor.SUMS or list(folder.glob("LICENSE*")), folder


def test_icons_that_templates_name_are_there() -> None:
    api = Path(assets.__file__).parents[1]
    for template in api.glob("*/templates/**/*.html"):
        text = template.read_text()
        named = re.findall(r'icon\("([\w-]+)"\)', text)
        named += re.findall(r'nav_link\([^\n]*?, "([\w-]+)"\)', text)
        named += re.findall(r'empty\([^\n]*?, "([\w-]+)"\)', text)
        for name in named:
            assert "<svg aria-hidden" in assets.icon(name), template


async def test_a_file_is_served_for_ever_and_packed(web: httpx.AsyncClient) -> None:
    url = assets.url("app.css")
    response = await web.get(url)
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["content-type"] == "text/css; charset=utf-8"
    plain = await web.get(url, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == response.text


async def test_urls_in_our_style_sheet_are_those_of_the_files(web: httpx.AsyncClient) -> None:
    text = (await web.get(assets.url("app.css"))).text
    named = re.findall(r"url\(([^)]+)\)", text)
    assert len(named) == 2
    for url in named:
        assert (await web.get(url)).headers["content-type"] == "font/woff2"


@pytest.mark.parametrize(
    "name",
    ["vendor/SHA256SUMS", "none.css", "..%2fpage.py", "%2e%2e/assets.py", "app.css/"],
)
async def test_nothing_else_is_served(web: httpx.AsyncClient, name: str) -> None:
    assert (await web.get(f"/static/0123456789abcdef/{name}")).status_code == 404
    digest = assets.url("app.css").split("/")[2]
    assert (await web.get(f"/static/{digest}/{name}")).status_code == 404


async def test_an_old_hash_is_gone(web: httpx.AsyncClient) -> None:
    assert (await web.get("/static/0123456789abcdef/app.css")).status_code == 404
