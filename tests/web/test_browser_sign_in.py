"""Signing in with a real browser: from sign-up on, with a passkey of Chromium's own and the codes
of a real app; every page is accessible, fits, and breaks no policy."""

import re
from collections.abc import Iterator

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from db import users
from db.connection import Conn
from telephony.clock import SECOND, now
from telephony.users.mails import Post
from tests.users.world import PASSWORD, People, codes
from tests.web.browser import (
    START_SECONDS,
    WIDE,
    Site,
    Watch,
    assert_accessible,
    look,
    sign_in,
)

AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
    "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _patient() -> None:
    expect.set_options(timeout=30_000)


@pytest.fixture
def people(site: Site) -> People:
    return People(site.db, Post(site.vault, site.url))


@pytest.fixture
def local_page(site: Site, chromium: Browser, watch: Watch) -> Iterator[Page]:
    """A tab at `localhost`, where browsers take passkeys, with a device that has some."""
    url = watch.url = f"http://localhost:{site.port}"
    context = chromium.new_context(base_url=url, viewport=WIDE)  # type: ignore[arg-type]
    context.set_default_timeout(START_SECONDS * 1000)
    page = watch.open(context)
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    yield page
    context.close()


def test_from_sign_up_to_the_dashboard(site: Site, people: People, browser_page: Page) -> None:
    page = browser_page
    page.goto("/sign-in")
    look(page, "Sign in")
    page.get_by_role("link", name="Open an account").click()
    look(page, "Open an account")
    page.get_by_label("Email").fill("grace@example.com")
    page.get_by_role("button", name="Send the link").click()
    look(page, "Look into your mail")
    page.goto(f"/register/{site.thread.run(people.mailed_token())}")
    look(page, "Open an account")
    page.get_by_label("Your name").fill("Grace")
    page.get_by_label("Name of the account").fill("Compilers")
    page.get_by_label("Password").fill("too short")
    page.get_by_role("button", name="Open the account").click()
    expect(page.locator("#e-password")).to_contain_text("12 to 200 characters")
    _forgive(page, 400)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Open the account").click()
    page.wait_for_url("**/dashboard")
    look(page, "Compilers")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")


def _forgive(page: Page, status: int) -> None:
    """A browser notes the status of a page as an error; that one was wanted."""
    assert_accessible(page)
    FORGIVEN.append(str(status))


FORGIVEN: list[str] = []


@pytest.fixture(autouse=True)
def _forgiving(request: pytest.FixtureRequest) -> Iterator[None]:
    """Complaints about statuses that were wanted are no complaints."""
    watch = request.getfixturevalue("watch")
    FORGIVEN.clear()
    yield
    for status in FORGIVEN:
        (found, *_) = [one for one in watch.complaints if f"status of {status}" in one]
        watch.complaints.remove(found)


def test_a_passkey_is_added_and_used(site: Site, people: People, local_page: Page) -> None:
    page, email = local_page, "passkey@example.com"
    site.thread.run(people.owner(email, "Keys"))
    sign_in(page, email, "/dashboard/security")
    page.get_by_role("link", name="Add a passkey").click()
    look(page, "Add a passkey")
    page.get_by_label("Name").fill("My laptop")
    page.get_by_role("button", name="Add a passkey").click()
    page.wait_for_url("**/dashboard/security")
    expect(page.get_by_role("cell", name="My laptop", exact=True)).to_be_visible()
    look(page, "Security")
    page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/dashboard")
    look(page, "Keys")
    site.write(_grow_old, email)
    page.goto("/dashboard/security/two-factor")
    look(page, "Confirm that it is you")
    page.get_by_role("button", name="Confirm with a passkey").click()
    page.wait_for_url("**/dashboard/security/two-factor")
    how = site.thread.run(site.db.all("SELECT how FROM session ORDER BY id DESC LIMIT 1"))
    assert how == [{"how": "passkey"}]


def _grow_old(conn: Conn, email: str) -> None:
    """The user's last proof was some time ago."""
    user = users.with_email(conn, email)
    assert user is not None
    conn.run("UPDATE session SET confirmed_at = :at WHERE user_id = :id", id=user["id"],
             at=now() - 3600 * SECOND)  # fmt: skip


def test_at_an_address_the_page_leads_to_where_passkeys_work(
    site: Site, browser_page: Page
) -> None:
    browser_page.goto("/sign-in")
    expect(browser_page.get_by_role("button", name="Sign in with a passkey")).to_be_disabled()
    there = browser_page.get_by_role("link", name="Go there")
    expect(there).to_have_attribute("href", f"http://localhost:{site.port}/sign-in")


def test_a_browser_without_the_passkey_says_so(local_page: Page) -> None:
    local_page.goto("/sign-in")
    local_page.get_by_role("button", name="Sign in with a passkey").click()
    expect(local_page.get_by_text("The browser gave no passkey")).to_be_visible()


def test_two_factor_with_an_app(site: Site, people: People, browser_page: Page) -> None:
    page, email = browser_page, "totp@example.com"
    site.thread.run(people.owner(email, "Codes"))
    sign_in(page, email, "/dashboard/security")
    page.get_by_role("link", name="Set it up").click()
    page.get_by_role("button", name="I have one").click()
    look(page, "Two-factor sign-in")
    box = page.get_by_alt_text("QR code of the key").bounding_box()
    assert box is not None
    assert box["width"] > 150
    app = pyotp.TOTP(page.locator("#totp-key").inner_text())
    page.get_by_label("Code").fill(app.generate_otp(now() // SECOND // 30 - 1))
    page.get_by_role("button", name="Switch it on").click()
    look(page, "Recovery codes")
    page.get_by_role("link", name="I have kept them").click()
    look(page, "Security")
    page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    look(page, "Two-factor sign-in")
    page.get_by_label("Code").fill(app.generate_otp(now() // SECOND // 30))
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/dashboard")


def test_a_team_on_a_phone(site: Site, people: People, phone_page: Page) -> None:
    page, email = phone_page, "boss@example.com"
    owner = site.thread.run(people.owner(email, "A company with quite a long name indeed"))
    site.thread.run(people.colleague(owner, "billing", "clerk@example.com"))
    sign_in(page, email)
    look(page, re.compile("A company"))
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Team").click()
    look(page, "Team")
    page.get_by_label("Email").fill("new@example.com")
    page.get_by_role("combobox", name="Role", exact=True).select_option("read_only")
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_role("cell", name="new@example.com", exact=True)).to_be_visible()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Audit log").click()
    look(page, "Audit log")
    expect(page.get_by_text("member.invited")).to_be_visible()
    for path, heading in (
        ("/dashboard/keys", "API keys"), ("/dashboard/wallet", "Wallet"),
        ("/dashboard/security", "Security"),
    ):  # fmt: skip
        page.goto(path)
        look(page, heading)
    page.goto(f"/invitation/{site.thread.run(people.mailed_token())}")
    look(page, "You are invited")
    for path, heading in (("/reset", "Set a new password"), ("/register", "Open an account")):
        page.goto(path)
        look(page, heading)


def test_an_administrator(site: Site, people: People, browser_page: Page) -> None:
    site.thread.run(people.admin(email="boss@example.org"))
    browser_page.goto("/sign-in")
    browser_page.get_by_label("Email").fill("boss@example.org")
    browser_page.get_by_label("Password").fill(PASSWORD)
    browser_page.get_by_role("button", name="Sign in", exact=True).click()
    browser_page.get_by_label("Code").fill(codes()[1])
    browser_page.get_by_role("button", name="Go on").click()
    browser_page.wait_for_url("**/admin")
    look(browser_page, "Administration")
    browser_page.goto("/docs")
    expect(browser_page.get_by_role("link", name="Root")).to_be_visible()


def test_a_refused_password_is_said_where_it_is_heard(
    site: Site, people: People, browser_page: Page
) -> None:
    site.thread.run(people.owner("wrong@example.com", "Wrong"))
    browser_page.goto("/sign-in")
    browser_page.get_by_label("Email").fill("wrong@example.com")
    browser_page.get_by_label("Password").fill("not the password")
    browser_page.get_by_role("button", name="Sign in", exact=True).click()
    expect(browser_page.get_by_role("alert")).to_contain_text("do not belong together")
    expect(browser_page.get_by_label("Email")).to_have_value("wrong@example.com")
    _forgive(browser_page, 403)
