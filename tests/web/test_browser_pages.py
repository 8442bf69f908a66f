"""A real browser walks every page that is declared, in an installation with something to show: the
policy holds, nothing is logged, each fits a phone and is accessible in both colours, and charts are
really drawn."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.web.browser import PHONE, WIDE, Site, Watch, assert_accessible, assert_fits
from tests.web.furniture import Home
from tests.web.tour import Tour, furnished, name_of

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
    watch, seen, found = Watch(site.url), list[str](), list[str]()
    tour = Tour(site, home, watch)
    for name, page in tour.walk(chromium, ViewportSize(**PHONE), "dark"):  # type: ignore[typeddict-item]
        seen.append(name)
        found += [f"{name}: {said}" for said in failures(page)]
        if name == "dashboard":
            assert drawn(page) == 4
    assert (tour.broken, found, watch.complaints, tour.missed) == ([], [], [], [])
    assert sorted(seen) == sorted(map(name_of, Tour.pages())), "every page has an address"


def failures(page: Page) -> Iterator[str]:
    """What is wrong with a page on a phone: its width, in the dark, and then in the light."""
    for check in (assert_fits, assert_accessible, _in_the_light):
        try:
            check(page)
        except AssertionError as error:
            yield str(error)


def _in_the_light(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    try:
        assert_accessible(page, only="color-contrast")
    finally:
        page.emulate_media(color_scheme="dark")


def test_charts_follow_the_colours_and_tell_their_figures(
    furnished_site: tuple[Site, Home], chromium: Browser
) -> None:
    site, home = furnished_site
    watch = Watch(site.url)
    context = chromium.new_context(base_url=site.url, viewport=ViewportSize(**WIDE))  # type: ignore[typeddict-item]
    context.add_cookies([{"name": "session", "value": home.sessions["owner"], "url": site.url}])
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
