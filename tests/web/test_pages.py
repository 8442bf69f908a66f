"""What `@page` promises: roles, forms, headers, errors as pages."""

import re
from collections.abc import Mapping

import httpx
import pytest

from api.web import csrf
from tests.api.client import URL

ORIGIN = {"Origin": URL}


async def token(web: httpx.AsyncClient) -> str:
    return (await web.get("/sample/form")).text


async def post(
    web: httpx.AsyncClient, headers: Mapping[str, str] = ORIGIN, /, **fields: str
) -> httpx.Response:
    data = {csrf.FIELD: await token(web), **fields}
    return await web.post("/sample/form", data=data, headers=headers)


async def test_what_is_shown_is_escaped(web: httpx.AsyncClient) -> None:
    response = await web.get("/sample")
    assert response.status_code == 200
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in response.text
    assert "<script>alert" not in response.text


async def test_pages_tell_the_browser_to_run_nothing_that_is_not_ours(
    web: httpx.AsyncClient,
) -> None:
    for path in ("/sample", "/sample/none", "/sample/crash"):
        headers = (await web.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["referrer-policy"]
        assert headers["x-request-id"]
        assert "strict-transport-security" not in headers
    assert "content-security-policy" not in (await web.get("/api/v1/ping")).headers


async def test_a_form_of_our_own_page_is_taken(web: httpx.AsyncClient) -> None:
    response = await post(web, name="Bob")
    assert (response.status_code, response.headers["location"]) == (303, "/sample?Bob")
    response = await post(web, {"Sec-Fetch-Site": "same-origin"}, name="Bob")
    assert response.status_code == 303
    header = {csrf.HEADER: await token(web), **ORIGIN}
    response = await web.post("/sample/form", data={"name": "Bob"}, headers=header)
    assert response.status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site", **ORIGIN},
        {"Sec-Fetch-Site": "same-site", **ORIGIN},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "null"},
        {"X-Nothing": "at all"},
    ],
)
async def test_a_form_from_elsewhere_is_refused(
    web: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    response = await post(web, headers, name="Bob")
    assert response.status_code == 403
    assert "came from another site" in response.text


async def test_a_form_needs_the_token_of_its_cookie(web: httpx.AsyncClient) -> None:
    good = await token(web)
    for sent in ({}, {csrf.FIELD: ""}, {csrf.FIELD: good[:-1] + "x"}, {csrf.FIELD: "ö"}):
        response = await web.post("/sample/form", data={"name": "Bob", **sent}, headers=ORIGIN)
        assert response.status_code == 403
    web.cookies.clear()
    sent = {"name": "Bob", csrf.FIELD: good}
    assert (await web.post("/sample/form", data=sent, headers=ORIGIN)).status_code == 403


async def test_a_refused_form_is_shown_again_with_what_was_typed(web: httpx.AsyncClient) -> None:
    response = await post(web, name="B")
    assert response.status_code == 400
    assert "B: name=String should have at least 2 characters" in response.text
    response = await post(web, name="poor")
    assert response.status_code == 402
    assert "poor: =The wallet that pays for this does not cover it" in response.text
    response = await post(web, name="Bob", more="x")
    assert response.status_code == 400
    assert "more=" in response.text


async def test_a_form_without_a_way_back_ends_on_an_error_page(web: httpx.AsyncClient) -> None:
    data = {csrf.FIELD: await token(web)}
    response = await web.post("/sample/bare", data=data, headers=ORIGIN)
    assert response.status_code == 402
    assert "<h1>That did not work</h1>" in response.text


async def test_a_form_is_bounded(web: httpx.AsyncClient) -> None:
    assert (await post(web, name="Bob", text="x" * 300_000)).status_code == 413
    fields = {f"f{number}": "x" for number in range(300)}
    assert (await post(web, name="Bob", **fields)).status_code == 400


async def test_roles_are_kept(web: httpx.AsyncClient) -> None:
    response = await web.get("/sample/owners")
    assert response.headers["location"] == "/sign-in?next=/sample/owners"
    assert (await web.post("/sample/owners")).headers["location"] == "/sign-in"
    part = await web.get("/sample/owners", headers={"HX-Request": "true"})
    assert (part.status_code, part.headers["hx-redirect"]) == (401, "/sign-in")
    for method in ("GET", "POST"):
        refused = await web.request(method, "/sample/owners", headers={"X-Role": "billing"})
        assert refused.status_code == 403
        assert "Ask an owner" in refused.text
    shown = await web.get("/sample/owners", headers={"X-Role": "owner"})
    assert shown.status_code == 200
    assert "Ann" in shown.text
    assert shown.headers["cache-control"] == "no-store"
    data = {csrf.FIELD: await token(web)}
    headers = {"X-Role": "owner", **ORIGIN}
    assert (await web.post("/sample/owners", data=data, headers=headers)).text == "done"


async def test_errors_are_pages_for_people_and_problems_for_programs(
    web: httpx.AsyncClient,
) -> None:
    page = await web.get("/nothing/here")
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "There is no such page" in page.text
    assert page.headers["x-request-id"] in page.text
    assert (await web.get("/sample/a%00b/at")).status_code == 404
    refused = await web.put("/sample")
    assert refused.status_code == 405
    assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD"}
    program = await web.get("/api/v1/nothing")
    assert program.headers["content-type"] == "application/problem+json"


async def test_a_defect_shows_its_request_id_and_nothing_else(
    web: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    response = await web.get("/sample/crash")
    assert response.status_code == 500
    assert response.headers["x-request-id"] in response.text
    assert "secret" not in response.text
    assert response.headers["x-request-id"] in caplog.text
    part = await web.get("/sample/crash", headers={"HX-Request": "true"})
    assert "<html" not in part.text
    assert re.search(r"req_\w+", part.text)


async def test_a_part_that_needs_somebody_leads_to_the_sign_in_and_back(
    web: httpx.AsyncClient,
) -> None:
    for referrer, target in (
        (f"{URL}/sample/form?x=1", "/sign-in?next=/sample/form"),
        ("https://evil.example/x", "/sign-in"),
        ("", "/sign-in"),
    ):
        headers = ORIGIN | {"Referer": referrer, "HX-Request": "true"}
        response = await web.post("/sample/safe", headers=headers)
        assert (response.status_code, response.headers["hx-redirect"]) == (401, target)


async def test_what_needs_a_confirmation_sends_there_and_back(web: httpx.AsyncClient) -> None:
    owner = {"X-Role": "owner", **ORIGIN}
    assert (await web.get("/sample/safe", headers=owner)).text == "open"
    doubtful = owner | {"X-Name": "Doubtful"}
    response = await web.get("/sample/safe", headers=doubtful)
    assert (response.status_code, response.headers["location"]) == (
        303, "/confirm?next=/sample/safe",
    )  # fmt: skip
    part = doubtful | {"HX-Request": "true"}
    response = await web.get("/sample/safe", headers=part)
    assert response.headers["hx-redirect"] == "/confirm"
    form = {csrf.FIELD: await token(web)}
    response = await web.post("/sample/safe", data=form, headers=part)
    assert (response.status_code, response.headers["hx-trigger"]) == (204, "send-whole")
    assert (await web.post("/sample/safe", data=form, headers=owner)).text == "done"
    response = await web.get("/sample/safe", headers=doubtful | {"X-Role": "billing"})
    assert response.status_code == 403
