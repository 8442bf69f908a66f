"""Phones and calls with a real browser: what happens is told without a reload, a recording is
drawn, played and sought in; every page is accessible, fits, and breaks no policy."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from telephony.clock import now
from telephony.users.mails import Post
from telephony.users.sessions import Member
from telephony.voice import numbers
from tests.dashboard.test_call_pages import ended_long_ago, moved
from tests.dashboard.voice_world import (
    TO,
    add_phone,
    answered,
    finished,
    log_calls,
    owner_of,
    queued,
    register,
)
from tests.users.world import People
from tests.voice.recorded import folder_settings
from tests.web.browser import Site, look

DID = "+15550222001"
SECONDS = 2


@pytest.fixture(autouse=True)
def _patient() -> None:
    expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def site(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One with a folder for recordings."""
    folder = tmp_path_factory.mktemp("site")
    made = Site(Path(shutil.copy(migrated_sqlite, folder / "site.db")), var_dir=folder)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def people(site: Site) -> People:
    return People(site.db, Post(site.vault, site.url))


@pytest.fixture(scope="module")
def owner(site: Site, people: People) -> Member:
    """Somebody with a phone, a number and some calls."""
    member = site.thread.run(owner_of(people, "calls@example.com", "Callers"))
    site.thread.run(add_phone(people, member, "alice", label="Front desk"))
    site.write(numbers.own, number=DID, account_id=member.account_id, mode="test", strategy="all",
               ring_seconds=25, targets=["alice"], forward_to="", now=now())  # fmt: skip
    site.thread.run(log_calls(site.db, member, *range(27)))
    return member


@pytest.fixture
def page(site: Site, people: People, owner: Member, browser_page: Page) -> Page:
    """A wide tab of the owner."""
    return let_in(browser_page, site, people, owner)


def let_in(page: Page, site: Site, people: People, owner: Member) -> Page:
    token = site.thread.run(people.token(owner.user_id))
    page.context.add_cookies([{"name": "session", "value": token, "url": site.url}])
    return page


def test_a_phone_is_made_and_seen_registering(site: Site, page: Page) -> None:
    page.goto("/dashboard/phones")
    look(page, "SIP accounts")
    page.get_by_role("link", name="New SIP account").click()
    page.get_by_label("User name").fill("hall")
    page.get_by_text("Codecs, transports, networks, recording").click()
    page.get_by_label("TCP").uncheck()
    look(page, "New SIP account")
    page.get_by_role("button", name="Make it").click()
    look(page, "The secret of hall")
    page.get_by_role("button", name="Copy: Secret").click()
    secret = page.locator("#new-secret").text_content()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_text("No phone is registered")).to_be_visible()
    site.thread.run(register(site.db, "hall", "Snom <D717>"))
    expect(page.get_by_role("cell", name="Snom <D717>")).to_be_visible()
    look(page, "hall")
    page.get_by_role("button", name="Show a code that signs in, too").click()
    look(page, "Sign a phone in")
    page.goto("/dashboard/phones?search=hall")
    expect(page.get_by_text("Registered", exact=True)).to_be_visible()
    site.thread.run(register(site.db, "hall"))
    expect(page.get_by_text("Not registered")).to_be_visible()


def test_a_call_is_placed_followed_and_hung_up(site: Site, page: Page) -> None:
    page.goto("/dashboard/calls/new?mode=test")
    look(page, "Place a call")
    page.get_by_label("To", exact=True).fill(TO)
    page.get_by_role("button", name="Call", exact=True).click()
    page.wait_for_url(re.compile(r"/dashboard/calls/call_"))
    look(page, "Call to +1 555-987-6543")
    call_id = page.url.rpartition("/")[2]
    site.thread.run(answered(site.db, call_id, 5))
    expect(page.get_by_role("heading", name="Call Answered")).to_be_visible()
    page.goto("/dashboard/calls?mode=test")
    look(page, "Calls")
    page.get_by_role("button", name=f"Hang up {TO}").click()
    page.wait_for_url(f"**/{call_id}")
    site.thread.run(finished(site.db, call_id))
    expect(page.get_by_role("heading", name="Call Completed")).to_be_visible()
    expect(page.get_by_text("Hangup requested").first).to_be_visible()


def test_a_recording_is_played_and_sought_in(site: Site, owner: Member, page: Page) -> None:
    settings = folder_settings(site.settings.var_dir)
    call_id = site.thread.run(queued(site.db, owner, record="stereo")).call_id
    site.thread.run(answered(site.db, call_id))
    page.goto(f"/dashboard/calls/{call_id}")
    expect(page.get_by_text("some seconds after the call")).to_be_visible()
    row = site.thread.run(ended_long_ago(site.db, call_id))
    site.thread.run(moved(site.db, settings, site.vault, row, 440, 1004))
    expect(page.locator("audio")).to_be_visible()  # it comes by itself
    look(page, "Call to +1 555-987-6543")
    expect(page.locator(".wave path")).to_have_count(2)
    length = "() => document.querySelector('audio').duration"
    page.wait_for_function(f"({length})() > 0")
    assert page.evaluate(length) == pytest.approx(SECONDS, abs=0.1)
    page.locator(".wave").click()  # in the middle
    place = "document.querySelector('audio').currentTime"
    page.wait_for_function(f"Math.abs({place} - {SECONDS / 2}) < 0.2")
    expect(page.locator(".wave-played")).to_have_attribute("width", re.compile(r"^(4[5-9]|5\d)"))


def test_pages_of_numbers_are_fine_on_a_phone(
    site: Site, people: People, owner: Member, phone_page: Page
) -> None:
    page = let_in(phone_page, site, people, owner)
    page.goto("/dashboard/calls?mode=test")
    look(page, "Calls")
    page.goto("/dashboard/phones")
    page.get_by_role("link", name="alice").click()
    look(page, "alice")
    page.goto("/dashboard/numbers")
    look(page, "Numbers")
    page.get_by_role("link", name="+1 555-022-2001").click()
    look(page, "+1 555-022-2001")
    page.goto("/dashboard/caller-ids?mode=test")
    page.get_by_role("textbox", name="Number").fill("+15550700001")
    page.get_by_role("button", name="Call it").click()
    expect(page.get_by_role("status").filter(has_text="is being called")).to_be_visible()
    look(page, "Caller ids")
    code = page.get_by_role("status").locator("strong").text_content()
    page.get_by_label(re.compile("Code that")).fill(code or "")
    page.get_by_role("button", name="Verify", exact=True).click()
    expect(page.get_by_text("Verified", exact=True)).to_have_count(2)
    expect(page.get_by_text("+1 555-011-1222")).to_be_visible()
