"""An administrator with a real browser: finds an account, books money, checks an identity, decides
sender ids, suspends; every page is accessible, fits a phone, and breaks no policy."""

import re
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from db.connection import Conn
from telephony.accounts import create_key
from telephony.clock import now
from telephony.sms import senders
from telephony.users.mails import Post
from telephony.users.sessions import Member
from tests.billing.decks import deck
from tests.factories import ACTOR, TARIFF, rate
from tests.users.test_identity import TOLD
from tests.users.world import People
from tests.web.browser import Site, Watch, assert_accessible, assert_fits, look, sign_in

ADA, ROOT = "ada@example.com", "root@example.com"
TOKENS: dict[str, str] = {}
"""Sessions of administrators: one-time codes are each taken once, so not at every sign-in here."""
LONG = "Long-Company-Name-Without-Any-Blank-" * 2


@dataclass(frozen=True)
class Customer:
    """Somebody with an account, a live key that is refused, and a wish for a sender."""

    member: Member
    key: str

    @property
    def page(self) -> str:
        return f"/admin/accounts/{self.member.account_id}"


@pytest.fixture(autouse=True)
def _patient() -> None:
    expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def people(site: Site) -> People:
    made = People(site.db, Post(site.vault, site.url))
    TOKENS[ROOT] = site.thread.run(made.token(site.thread.run(made.admin()).user_id))
    return made


@pytest.fixture(scope="module")
def ada(site: Site, people: People) -> Customer:
    member = site.thread.run(people.owner(ADA, "Engines <b>& Co"))
    site.thread.run(people.owner("long@example.com", LONG))

    def deed(conn: Conn) -> str:
        senders.request(conn, member.account_id, "ENGINES", now())
        new = create_key(conn, member.account_id, "live", name="Shop", actor=ACTOR, now=now())
        return new.key

    return Customer(member, site.write(deed))


def let_in(page: Page, path: str) -> None:
    """Open a page as the administrator."""
    page.goto(path)
    page.context.add_cookies([{"name": "session", "value": TOKENS[ROOT], "url": page.url}])
    page.goto(path)


def status_of(site: Site, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.get(f"{site.url}/api/v1/ping", headers=headers).status_code


def test_money_is_booked_by_an_administrator(
    people: People, ada: Customer, browser_page: Page
) -> None:
    page = browser_page
    let_in(page, "/admin/accounts")
    look(page, "Accounts")
    page.get_by_label("Search").fill("engi")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="Engines <b>& Co").click()
    look(page, "Engines <b>& Co")
    page.get_by_role("link", name="Pay in or correct").click()
    look(page, "Pay in or correct")
    page.get_by_label("Amount in USD").fill("25.50")
    page.get_by_label("Reason").fill("bank transfer 17")
    page.get_by_role("button", name="Book it").click()
    page.wait_for_url("**?mode=live")
    look(page, "Engines")
    expect(page.get_by_text("Deposit: bank transfer 17")).to_be_visible()
    page.get_by_role("link", name="Refund").first.click()
    look(page, "Refund a charge")
    page.go_back()
    page.get_by_role("link", name="Limits").click()
    look(page, "Limits")
    page.get_by_label("May spend in a day").fill("10")
    page.get_by_role("button", name="Set the limits").click()
    page.wait_for_url(f"**{ada.page}")
    expect(page.get_by_text("10.00 USD", exact=True)).to_be_visible()


def test_an_approval_turns_a_refused_live_key_into_an_accepted_one(
    site: Site, people: People, ada: Customer, browser_page: Page, phone_page: Page
) -> None:
    assert status_of(site, ada.key) == 403
    mine = phone_page
    sign_in(mine, ADA, "/dashboard/identity")
    look(mine, "Identity check")
    for label, field in {
        "Legal name": "legal_name", "Registration number": "registration",
        "Country": "country", "Address": "address", "What you will send": "purpose",
    }.items():  # fmt: skip
        mine.get_by_label(label).fill(TOLD[field])
    scan = {"name": "passport.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 Ada"}
    mine.get_by_label("Document", exact=True).set_input_files(scan)  # type: ignore[arg-type]
    mine.get_by_role("button", name="Hand it in").click()
    expect(mine.get_by_text("You get a mail when it is decided")).to_be_visible()
    look(mine, "Identity check")
    page = browser_page
    let_in(page, "/admin/identity")
    look(page, "Identity checks")
    page.get_by_role("link", name="Engines <b>& Co").click()
    look(page, "Engines <b>& Co")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="passport.pdf").click()
    assert downloading.value.suggested_filename == "passport.pdf"
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url("**/admin/identity")
    look(page, "Identity checks")
    assert status_of(site, ada.key) == 200
    mine.reload()
    expect(mine.get_by_text("The check is approved")).to_be_visible()


def test_sender_ids_are_decided_and_an_account_is_stopped(
    site: Site, people: People, ada: Customer, browser_page: Page
) -> None:
    page = browser_page
    let_in(page, "/admin/senders")
    look(page, "Sender ids")
    page.get_by_role("button", name="Approve ENGINES").click()
    expect(page.get_by_text("Nothing waits")).to_be_visible()
    page.get_by_role("link", name="Approved").click()
    look(page, "Sender ids")
    page.goto(ada.page)
    page.get_by_label("Reason", exact=True).fill("chargeback 4711")
    page.get_by_role("button", name="Suspend").click()
    expect(page.get_by_role("button", name="Lift")).to_be_visible()
    look(page, "Suspended")
    assert status_of(site, ada.key) == 403
    page.get_by_label("Reason", exact=True).fill("settled")
    page.get_by_role("button", name="Lift").click()
    expect(page.get_by_role("button", name="Suspend")).to_be_visible()


def test_a_price_list_is_compared_and_imported(
    people: People, ada: Customer, browser_page: Page, tmp_path: Path
) -> None:
    page = browser_page
    let_in(page, "/admin/tariffs")
    look(page, "Price lists")
    page.get_by_role("textbox", name="Price list").fill(TARIFF)
    page.get_by_label("File").set_input_files(deck(tmp_path, rate("1", sms_per_segment=9_000)))
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("sms_per_segment 0.006000 → 0.009000")).to_be_visible()
    look(page, "Price lists")
    page.get_by_role("button", name="Import it").click()
    page.wait_for_url("**/admin/tariffs")
    expect(page.get_by_text("Nothing is imported yet")).to_have_count(0)
    with page.expect_download() as downloading:
        page.get_by_role("link", name=f"CSV {TARIFF}").last.click()
    assert downloading.value.suggested_filename == f"{TARIFF}.csv"
    page.goto(f"{ada.page}/rates")
    look(page, "Rates")
    page.get_by_label("File").set_input_files(deck(tmp_path, rate("44", sms_per_segment=1_000)))
    page.get_by_role("button", name="Replace").click()
    expect(page.get_by_role("cell", name="0.001 USD")).to_be_visible()
    look(page, "Rates")


def test_a_dashboard_is_looked_at(people: People, ada: Customer, browser_page: Page) -> None:
    page = browser_page
    let_in(page, ada.page)
    page.get_by_label("Reason to look").fill("ticket 4711")
    page.get_by_role("button", name="Look", exact=True).click()
    page.wait_for_url("**/dashboard")
    expect(page.get_by_text("can change nothing")).to_be_visible()
    assert_accessible(page)
    assert_fits(page)
    page.get_by_role("link", name="Team").click()
    expect(page.get_by_text(ADA)).to_be_visible()
    page.get_by_role("button", name="End the look").click()
    page.wait_for_url(f"**{ada.page}")
    look(page, "Engines")


def test_the_pages_fit_a_phone_in_the_dark(
    people: People, ada: Customer, phone_page: Page, watch: Watch
) -> None:
    page = phone_page
    let_in(page, "/admin/accounts")
    for path in ("", "/money", "/refund", "/limits", "/rates"):
        page.goto(f"{ada.page}{path}")
        look(page, re.compile("."))
    for path in ("accounts", "identity", "identity?status=approved", "senders",
                 "senders?status=refused", "tariffs"):  # fmt: skip
        page.goto(f"/admin/{path}")
        look(page, re.compile("."))
    assert watch.complaints == []
