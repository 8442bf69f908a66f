"""A real browser walks every page that is declared, in an installation with something to show: the
policy holds, nothing is logged, each fits a phone; the overview, limits and tickets are accessible
in both colours, and charts are really drawn."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.web.browser import PHONE, WIDE, Site, Watch, assert_accessible, assert_fits
from tests.web.furniture import Home
from tests.web.tour import Tour, furnished, name_of

OWN = {
    "dashboard", "dashboard-wallet", "dashboard-wallet-limits", "dashboard-keys-id",
    "dashboard-tickets", "dashboard-tickets-new", "dashboard-tickets-id", "admin-tickets",
    "admin-tickets-id", "admin",
}  # fmt: skip
LINKED_BY_MAIL = {"/invitation/{token}", "/register/{token}", "/reset/{token}"}
PICTURE = "canvas => canvas.toDataURL()"
BLANK = """canvas => Object.assign(document.createElement('canvas'),
  {width: canvas.width, height: canvas.height}).toDataURL()"""


@pytest.fixture(scope="module")
def furnished_site() -> Iterator[tuple[Site, Home]]:
    with furnished() as made:
        yield made


def drawn(page: Page) -> int:
    """How many charts have ink."""
    expect(page.locator("canvas").first).to_be_visible()
    charts = page.locator("canvas").element_handles()
    return sum(page.evaluate(PICTURE, one) != page.evaluate(BLANK, one) for one in charts)


def test_every_page_fits_a_phone_and_breaks_no_policy(
    furnished_site: tuple[Site, Home], chromium: Browser
) -> None:
    site, home = furnished_site
    watch, seen, wide = Watch(site.url), set(), []
    tour = Tour(site, home, watch)
    for name, page in tour.walk(chromium, ViewportSize(**PHONE), "dark"):  # type: ignore[typeddict-item]
        seen.add(name)
        try:
            assert_fits(page)
            if name in OWN:
                assert_accessible(page)
        except AssertionError as error:
            wide.append(f"{name}: {error}")
        if name == "dashboard":
            assert drawn(page) == 4
    assert tour.broken == []
    assert wide == []
    assert watch.complaints == []
    assert seen >= OWN
    assert not set(tour.missed) & LINKED_BY_MAIL


def test_charts_follow_the_colours_and_tell_their_figures(
    furnished_site: tuple[Site, Home], chromium: Browser
) -> None:
    site, home = furnished_site
    watch = Watch(site.url)
    context = chromium.new_context(base_url=site.url, viewport=ViewportSize(**WIDE))  # type: ignore[typeddict-item]
    context.add_cookies([{"name": "session", "value": home.owner_token, "url": site.url}])
    page = watch.open(context)
    page.goto("/dashboard?days=7")
    assert drawn(page) == 4
    shown = f"({PICTURE})(document.querySelector('canvas'))"
    before = page.evaluate(shown)
    page.get_by_role("button", name="Switch between light and dark").click()
    page.wait_for_function(f"before => {shown} !== before", arg=before)
    page.get_by_text("Figures").first.click()
    table = page.get_by_role("region", name="Messages").get_by_role("row")
    expect(table).to_have_count(8)
    assert_accessible(page)
    context.close()
    assert watch.complaints == []


def test_pages_are_named_by_their_paths() -> None:
    names = [name_of(page) for page in Tour.pages()]
    assert len(names) == len(set(names))
