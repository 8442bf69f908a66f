"""Prices and status as pages, on both databases."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from api.app import PAGES, create_app
from db import components
from db.database import Database
from telephony import status as platform
from telephony.clock import SECOND, now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.status import Part
from tests.api.world import client_of
from tests.factories import customer, rate, seed_platform
from tests.web import sample

MANY = tuple(
    rate(str(1000 + number), country=f"Land {number:03d}", iso="LA") for number in range(230)
)


@pytest.fixture
async def pages(
    database: Database, settings: Settings, vault: Vault
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings, database, vault, PAGES, sample.viewer_of)
    async with client_of(app) as opened:
        yield opened


def cells(html: str) -> list[str]:
    """The first cell of each row of the table, without its code."""
    return re.findall(r"<tr><td>([^<]+) <span", html)


async def test_rates_are_listed_in_pages(pages: httpx.AsyncClient, database: Database) -> None:
    await database.write(seed_platform, MANY)
    seen: list[str] = []
    url = "/rates"
    while url:
        html = (await pages.get(url)).text
        seen += cells(html)
        following = re.search(r'rel="next" href="([^"]+)"', html)
        url = f"/rates{following[1]}".replace("&amp;", "&") if following else ""
    assert seen == [f"Land {number:03d}" for number in range(230)]
    assert "First page" in html


async def test_rates_of_one_country(pages: httpx.AsyncClient, database: Database) -> None:
    rates = (rate("49", country="Germany", iso="DE"), rate("33", country="France", iso="FR"))
    await database.write(seed_platform, rates)
    assert cells((await pages.get("/rates?country=de")).text) == ["Germany"]
    assert cells((await pages.get("/rates")).text) == ["France", "Germany"]
    empty = (await pages.get("/rates?country=XX")).text
    assert cells(empty) == []
    assert "No rates here" in empty


async def test_a_platform_without_prices_says_so(pages: httpx.AsyncClient) -> None:
    response = await pages.get("/rates?to=%2B1555")
    assert response.status_code == 200
    assert "No rates here" in response.text
    assert "are not offered" in response.text


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("%2B15551234567", "0.007 USD"),
        ("+1 (555) 123-4567", "0.007 USD"),
        ("12025550100", "0.006 USD"),
        ("%2B49301234567", "0.005 USD"),
        ("%2B999", "Numbers that begin with +999 are not offered."),
        ("<script>", "Write it in international format"),
        ("%2B1555123456789012345", "Write it in international format"),
        ("", '<div id="price" class="price" aria-live="polite"></div>'),
    ],
)
async def test_a_number_is_priced(
    pages: httpx.AsyncClient, database: Database, to: str, told: str
) -> None:
    await database.write(seed_platform)
    page = await pages.get(f"/rates?to={to}")
    assert told in re.sub(r"\n\s*", "", page.text)
    assert "<script>" not in page.text
    part = await pages.get(f"/rates?to={to}", headers={"HX-Request": "true"})
    assert "<html" not in part.text
    if to:
        assert told in part.text


async def test_who_is_signed_in_sees_prices_of_the_account(
    pages: httpx.AsyncClient, database: Database
) -> None:
    await customer(database)
    assert "What everybody pays" in (await pages.get("/rates")).text


async def test_a_cursor_that_is_none_is_refused(pages: httpx.AsyncClient) -> None:
    response = await pages.get("/rates?cursor=nonsense")
    assert response.status_code == 400
    assert "next_cursor" in response.text


async def test_status_is_told_in_words(pages: httpx.AsyncClient, database: Database) -> None:
    empty = (await pages.get("/status")).text
    assert "There is an outage" in empty
    await database.write(
        components.report, "database", "database", "operational", "<b>3 ms</b>", now()
    )
    fine = (await pages.get("/status")).text
    assert "All systems operational" in fine
    assert "&lt;b&gt;3 ms&lt;/b&gt;" in fine
    await database.write(components.report, "acme", "trunk", "outage", "no answer", now(), True)
    assert "Some parts are degraded" in (await pages.get("/status")).text
    old = now() - 3600 * SECOND
    await database.write(components.report, "database", "database", "operational", "ok", old)
    late = (await pages.get("/status", headers={"HX-Request": "true"})).text
    assert "There is an outage" in late
    assert "<html" not in late


async def test_history_shows_days_and_incidents(
    pages: httpx.AsyncClient, database: Database
) -> None:
    def well() -> tuple[bool, str]:
        return True, "3 ms"

    def ill() -> tuple[bool, str]:
        return False, "<i>no answer</i>"

    part = Part("database", "database", well)
    hours = [now() - 7200 * SECOND + 15 * SECOND * step for step in range(60)]
    for step, at in enumerate(hours):
        sick = Part("database", "database", ill)
        await database.write(platform.report, [sick if 10 <= step < 40 else part], at)
    html = (await pages.get("/status")).text
    assert html.count('class="day ') == 60
    assert re.search(r'class="day day-outage" title="\d{4}-\d\d-\d\d: \d+\.\d\d %"', html)
    assert "of the last 60 days with trouble" in html
    assert "&lt;i&gt;no answer&lt;/i&gt;" in html
    assert "None in the last" not in html


async def test_status_is_told_without_a_database(
    pages: httpx.AsyncClient, database: Database
) -> None:
    await database.close()
    response = await pages.get("/status")
    assert response.status_code == 200
    assert "There is an outage" in response.text
    assert "it does not answer" in response.text
