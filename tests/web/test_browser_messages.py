"""Messages and webhooks with a real browser: parts counted while a text is written, a message
followed to its end, events that come by themselves; every page is accessible and fits."""

import re

import pytest
from playwright.sync_api import Page, expect

from db import messages
from db.connection import Conn
from db.messages import MessageStatus
from telephony.billing import wallets
from telephony.clock import now
from telephony.money import MICROS
from telephony.users import webhooks
from telephony.users.mails import Post
from telephony.users.sessions import Member
from telephony.webhooks.events import emit
from tests.users.world import People
from tests.web.browser import Site, assert_accessible, assert_fits, look

HERE = "/dashboard/messages"
WEBHOOKS = "/dashboard/webhooks"


@pytest.fixture(autouse=True)
def _patient() -> None:
    expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def owner(site: Site) -> Member:
    """Somebody with play money and an endpoint."""
    people = People(site.db, Post(site.vault, site.url))
    member = site.thread.run(people.owner("texts@example.com", "Texts"))
    site.write(wallets.fund, member.account_id, "test", 10 * MICROS, reference="texts",
               actor="test", now=now())  # fmt: skip
    site.write(webhooks.create, site.vault, member, "test", now(), url="https://example.com/hooks",
               events=[], description="Shop")  # fmt: skip
    return member


@pytest.fixture
def enter(site: Site, owner: Member) -> str:
    """The token of a new session of the owner."""
    return site.thread.run(People(site.db, Post(site.vault, site.url)).token(owner.user_id))


def let_in(page: Page, site: Site, token: str) -> None:
    page.context.add_cookies([{"name": "session", "value": token, "url": site.url}])


def visit(page: Page, path: str, heading: str | re.Pattern[str]) -> None:
    """Open a page and look at it."""
    page.goto(path)
    look(page, heading)


def become(site: Site, message_id: str, owner: Member) -> None:
    """The message is delivered, and an event tells of it."""

    def deed(conn: Conn) -> None:
        for state in (MessageStatus.sending, MessageStatus.sent, MessageStatus.delivered):
            messages.go(conn, message_id, state, now())
        emit(
            conn, account_id=owner.account_id, mode="test", kind="delivery_report",
            subject=message_id, fact="delivered", callback_url=None,
            payload={"message_id": message_id, "status": "delivered"}, now=now(),
        )  # fmt: skip

    site.write(deed)


def test_a_message_is_written_sent_and_followed(
    site: Site, owner: Member, enter: str, browser_page: Page
) -> None:
    page = browser_page
    let_in(page, site, enter)
    visit(page, f"{HERE}/send", "Send a message")
    page.get_by_label("To", exact=True).fill("+15551230001")
    text = page.get_by_label("Text", exact=True)
    text.press_sequentially("Hello [you]")
    count = page.locator("#count")
    expect(count).to_contain_text("1 part in gsm7; 13 of 160 characters used. Cost: 0.007 USD.")
    text.fill("x" * 161)
    text.press("End")
    text.press("y")
    expect(count).to_contain_text("2 parts in gsm7; 9 of 153 characters of the last one")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Message to +1 555-123-0001")
    assert_accessible(page)
    shown = page.locator("#message")
    expect(shown.get_by_text("Queued").first).to_be_visible()
    become(site, page.url.rpartition("/")[2], owner)
    expect(shown.get_by_text("Delivered").first).to_be_visible()
    assert_accessible(page)


def test_events_come_by_themselves(
    site: Site, owner: Member, enter: str, browser_page: Page
) -> None:
    page = browser_page
    let_in(page, site, enter)
    visit(page, f"{WEBHOOKS}/inspector", "Inspector")
    site.write(
        emit, account_id=owner.account_id, mode="test", kind="wallet_low", subject=owner.account_id,
        fact="low", callback_url=None, payload={"wallet": "wallet", "balance": 1.5}, now=now(),
    )  # fmt: skip
    log = page.get_by_role("log")
    expect(log.get_by_text("wallet_low").first).to_be_visible()
    expect(log.get_by_text('"balance": 1.5')).to_be_visible()
    assert_accessible(page)
    log.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("wallet_low")
    assert_accessible(page)


def test_every_page_fits_a_phone(site: Site, owner: Member, enter: str, phone_page: Page) -> None:
    page = phone_page
    let_in(page, site, enter)
    for path, heading in (
        (HERE, "Messages"), (f"{HERE}/received", "Received messages"),
        (f"{HERE}/send", "Send a message"), (f"{HERE}/senders", "Sender ids"),
        (f"{HERE}/opt-outs", "Opt-outs"), ("/dashboard/requests", "Requests"),
        (WEBHOOKS, "Webhooks"),
        (f"{WEBHOOKS}/events", "Events"), (f"{WEBHOOKS}/inspector", "Inspector"),
        (f"{WEBHOOKS}/check", "Check a signature"),
    ):  # fmt: skip
        visit(page, path, heading)
    page.goto(f"{WEBHOOKS}?mode=test")
    page.get_by_role("link", name="https://example.com/hooks").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Webhook endpoint")
    assert_accessible(page)
    assert_fits(page)
