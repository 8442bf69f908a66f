"""The public pages in a real browser: what a person does, and that nothing complains."""

import re

import pytest
from playwright.sync_api import Page, expect

from db import components
from telephony.clock import now
from telephony.money import MICROS
from tests.factories import Customer, add_customer
from tests.web.browser import Site, assert_accessible, assert_fits

PUBLIC = ("/", "/docs/errors", "/docs/try?operation=send_message", "/rates", "/status")


@pytest.fixture(autouse=True)
def _patient() -> None:
    expect.set_options(timeout=30_000)


def report(site: Site, status: str = "operational") -> None:
    for name, kind in (("database", "database"), ("pbx1", "pbx"), ("sandbox", "sms")):
        site.write(components.report, name, kind, status, "answers in 2 ms", now())


@pytest.fixture
def customer(site: Site) -> Customer:
    return site.write(
        add_customer, funds=5 * MICROS, sip_funds=5 * MICROS, mode="test",
        scopes=("sms:send", "sms:read"), name=f"Customer {now()}",
    )  # fmt: skip


@pytest.mark.parametrize("path", PUBLIC)
def test_pages_are_accessible_and_fit(
    site: Site, browser_page: Page, phone_page: Page, path: str
) -> None:
    report(site)
    for page in (browser_page, phone_page):
        page.goto(path)
        expect(page.locator("h1")).to_have_count(1)
        assert_accessible(page)
        assert_fits(page)


def test_an_error_page_is_accessible(browser_page: Page, watch: object) -> None:
    response = browser_page.goto("/nothing/here")
    assert response is not None
    assert response.status == 404
    expect(browser_page.get_by_role("heading", level=1)).to_have_text("There is no such page")
    assert_accessible(browser_page)
    # A browser notes the status of the page itself as an error; that is what was wanted.
    complaints: list[str] = watch.complaints  # type: ignore[attr-defined]
    assert len(complaints) == 1
    assert "404" in complaints.pop()


def test_a_sample_is_copied(site: Site, browser_page: Page) -> None:
    browser_page.goto("/docs")
    figure = browser_page.locator("#post-send-message figure.code").first
    button = figure.get_by_role("button")
    expect(button).to_contain_text("Copy")
    button.click()
    expect(button).to_contain_text("Copied")
    expect(browser_page.locator("#announcer")).to_have_text("Copied")
    copied = browser_page.evaluate("navigator.clipboard.readText()")
    assert copied == figure.locator("code").inner_text().rstrip("\n")
    assert copied.startswith(f"curl -X POST {site.url}/api/v1/sms/send")
    expect(button).to_contain_text("Copy")
    expect(button).not_to_contain_text("Copied")


def test_a_request_is_simulated(browser_page: Page) -> None:
    browser_page.goto("/docs")
    panel = browser_page.locator("#post-send-message details.try")
    panel.locator("summary").first.click()
    body = panel.get_by_label("Body")
    body.fill('{"to": "+15557770001", "text": "Hello"}')
    panel.get_by_role("button", name="Simulate").click()
    answer = panel.locator(".try-answer")
    expect(answer).to_contain_text("202 Accepted")
    expect(answer).to_contain_text('"to": "+15557770001"')
    body.fill('{"to": "+15557770001"}')
    panel.get_by_role("button", name="Simulate").click()
    expect(answer).to_contain_text("400 Bad Request")
    expect(answer).to_contain_text("text: Field required")
    assert_accessible(browser_page)


def test_the_picker_shows_the_panel_of_an_endpoint(browser_page: Page) -> None:
    browser_page.goto("/docs#try-it")
    picked = browser_page.locator("#try-picked")
    expect(picked).to_contain_text("/api/v1/sms/send")
    browser_page.get_by_label("Endpoint", exact=True).select_option("top_up")
    expect(picked).to_contain_text("/api/v1/voip/topup")
    picked.get_by_role("button", name="Simulate").click()
    expect(picked).to_contain_text('"amount": 25')


def test_a_request_is_sent_with_a_test_key(
    site: Site, browser_page: Page, customer: Customer
) -> None:
    browser_page.goto("/docs/try?operation=send_message")
    browser_page.get_by_text("Send it with a test key instead").click()
    key = browser_page.get_by_label("Your test key")
    key.fill("sk_live_wrong")
    send = browser_page.get_by_role("button", name="Send", exact=True)
    send.click()
    answer = browser_page.locator(".try-answer")
    expect(answer).to_contain_text("Give a test key")
    key.fill(customer.key)
    send.click()
    expect(answer).to_contain_text('"status": "queued"')
    sent = re.search(r'"message_id": "(\w+)"', answer.inner_text())
    assert sent
    browser_page.goto("/docs/try?operation=show_message")
    browser_page.get_by_label("message_id").fill(sent[1])
    browser_page.get_by_text("Send it with a test key instead").click()
    expect(browser_page.get_by_label("Your test key")).to_have_value(customer.key)
    browser_page.get_by_role("button", name="Send", exact=True).click()
    expect(answer).to_contain_text('"text": "Hi!"')


def test_the_theme_follows_the_system_until_it_is_chosen(browser_page: Page) -> None:
    root = browser_page.locator("html")
    browser_page.goto("/rates")
    expect(root).to_have_attribute("data-bs-theme", "light")
    browser_page.emulate_media(color_scheme="dark")
    expect(root).to_have_attribute("data-bs-theme", "dark")
    browser_page.get_by_role("button", name="Switch between light and dark").click()
    expect(root).to_have_attribute("data-bs-theme", "light")
    browser_page.goto("/status")
    expect(root).to_have_attribute("data-bs-theme", "light")


def test_the_menu_of_a_phone(phone_page: Page) -> None:
    phone_page.goto("/docs")
    menu = phone_page.get_by_role("navigation", name="Sections")
    button = phone_page.get_by_role("button", name="Sections")
    expect(menu).to_be_hidden()
    button.tap()
    expect(menu).to_be_visible()
    assert_accessible(phone_page)
    phone_page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    button.tap()
    menu.get_by_role("link", name="Webhooks", exact=True).tap()
    expect(menu).to_be_hidden()
    expect(phone_page).to_have_url(re.compile("#webhooks$"))


def test_pages_are_reached_by_keyboard(browser_page: Page) -> None:
    browser_page.goto("/docs")
    browser_page.keyboard.press("Tab")
    expect(browser_page.get_by_role("link", name="Skip to content")).to_be_focused()
    browser_page.keyboard.press("Enter")
    expect(browser_page.locator("#main")).to_be_focused()
    browser_page.goto("/docs#sdk")
    first = browser_page.get_by_role("tab", name="PHP (Guzzle)")
    first.focus()
    browser_page.keyboard.press("ArrowRight")
    expect(browser_page.get_by_role("tab", name="Node (fetch)")).to_be_focused()
    expect(browser_page.get_by_role("tabpanel", name="Node (fetch)")).to_be_visible()
    expect(browser_page.get_by_role("tabpanel", name="PHP (Guzzle)")).to_be_hidden()


def test_the_section_that_is_read_is_marked(browser_page: Page) -> None:
    browser_page.goto("/docs#rates")
    link = browser_page.get_by_role("navigation", name="Sections").locator('a[href="#rates"]')
    expect(link).to_have_attribute("aria-current", "true")


def test_a_number_is_priced_while_it_is_typed(browser_page: Page) -> None:
    browser_page.goto("/rates")
    box = browser_page.get_by_label("Price this number")
    price = browser_page.locator("#price")
    box.press_sequentially("+1 555 123")
    expect(price).to_contain_text("0.007 USD")
    expect(price).to_contain_text("+1555")
    box.fill("+999")
    expect(price).to_contain_text("are not offered")
    box.fill("hello")
    expect(price).to_contain_text("international format")
    expect(browser_page.get_by_role("row")).to_have_count(4)
    browser_page.get_by_label("Country code").fill("DE")
    browser_page.get_by_role("button", name="Filter").click()
    expect(browser_page.get_by_text("No rates here")).to_be_visible()
    assert_accessible(browser_page)


def test_status_is_told_and_looked_at_again(site: Site, browser_page: Page) -> None:
    report(site)
    browser_page.goto("/status")
    expect(browser_page.get_by_text("All systems operational")).to_be_visible()
    report(site, "outage")
    expect(browser_page.get_by_text("There is an outage")).to_be_visible(timeout=60_000)
    assert_accessible(browser_page)
