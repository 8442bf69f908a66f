"""The administrator that `up` prints signs in, and the mails of a newcomer are in the log."""

import re
import time

import httpx
import pyotp

from tests.e2e.installation import Installation

SECONDS_MAX = 60
TWO_FACTOR = "/dashboard/security/two-factor"


def form(page: httpx.Response) -> dict[str, str]:
    """The fields that every form has."""
    found = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert found
    return {"csrf": found[1]}


def test_the_administrator_signs_in(here: Installation) -> None:
    url = here.facts["api_url"]
    with httpx.Client(base_url=url, headers={"Origin": url}, follow_redirects=True) as browser:
        page = browser.get("/sign-in")
        page = browser.post("/sign-in", data=form(page) | here.facts["admin"])
        assert (page.status_code, page.url.path) == (200, TWO_FACTOR), page.text
        page = browser.post(f"{TWO_FACTOR}/start", data=form(page))
        key = re.search(r'id="totp-key">(\w+)<', page.text)
        assert key, page.text
        browser.post(TWO_FACTOR, data=form(page) | {"code": pyotp.TOTP(key[1]).now()})
        page = browser.get("/admin")
        assert (page.status_code, page.url.path) == (200, "/admin"), page.text
        assert "Administration" in page.text


def test_a_newcomer_finds_the_link_in_the_log(here: Installation) -> None:
    url = here.facts["api_url"]
    log = here.var / "log/platform.log"
    with httpx.Client(base_url=url, headers={"Origin": url}, follow_redirects=True) as browser:
        page = browser.get("/register")
        data = form(page) | {"email": "grace@example.com"}
        assert "Look into your mail" in browser.post("/register", data=data).text
        until = time.monotonic() + SECONDS_MAX
        while not (link := re.search(rf"{re.escape(url)}/register/[\w-]+", log.read_text())):
            assert time.monotonic() < until, log.read_text()[-2_000:]
            time.sleep(0.1)
        page = browser.get(link[0])
        assert "grace@example.com" in page.text
