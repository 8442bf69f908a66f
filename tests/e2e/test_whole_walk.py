"""The product as persons use it, in one walk with a real browser on a real platform: a customer
signs up and makes a first call with a phone on pyVoIP; an administrator books money, checks the
identity, refunds, suspends and prices."""

import csv
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from telephony.voice.softphone import Softphone
from tests.e2e.conftest import SinkThread
from tests.e2e.installation import Installation
from tests.e2e.walking import (
    PHONE,
    Walk,
    add_endpoint,
    first_call,
    go,
    new_key,
    new_phone,
    place_call,
    registered,
    sign_up,
    steps_are_ticked,
    told_again,
)
from tests.fixtures_pbx import eventually
from tests.web.browser import START_SECONDS, WIDE, Watch

PASSPORT: FilePayload = {
    "name": "passport.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 Grace",
}  # fmt: skip


@pytest.fixture
def walk(here: Installation, chromium: Browser) -> Iterator[Walk]:
    """A customer's tab and an administrator's, which share nothing; no complaint at the end."""
    expect.set_options(timeout=30_000)
    watch, sink = Watch(here.facts["api_url"]), SinkThread("")
    contexts = [
        chromium.new_context(base_url=watch.url, viewport=WIDE)  # type: ignore[arg-type]
        for _ in range(2)
    ]
    for context in contexts:
        context.set_default_timeout(START_SECONDS * 1000)
    mine, admins = map(watch.open, contexts)
    yield Walk(here, mine, admins, sink)
    for context in contexts:
        context.close()
    sink.close()
    assert watch.complaints == []


def test_from_sign_up_to_a_lifted_suspension(walk: Walk, tmp_path: Path) -> None:
    sign_up(walk.mine, walk.here)
    walk.test_key = new_key(walk.mine, "test")
    walk.live_key = new_key(walk.mine, "live")
    assert walk.api("/wallet", walk.live_key).json()["code"] == "kyc_required"
    add_endpoint(walk)
    walk.secret = new_phone(walk.mine)
    with registered(walk) as phone:
        call_id = first_call(walk, phone)
        steps_are_ticked(walk.mine)
        told_again(walk, call_id)
        sign_in_as_admin(walk)
        pay_in(walk.admins)
        identity_checked(walk)
        refund(walk, call_id)
        suspended_and_lifted(walk, phone)
    repriced(walk, tmp_path)


def sign_in_as_admin(walk: Walk) -> None:
    """For the first time, so that the second factor is set up; then with it."""
    page, facts = walk.admins, walk.here.facts["admin"]
    sign_in(page, facts)
    page.get_by_role("button", name="I have one").click()
    app = pyotp.TOTP(page.locator("#totp-key").inner_text())
    page.get_by_label("Code").fill(app.now())
    page.get_by_role("button", name="Switch it on").click()
    recovery = page.locator("#recovery-codes").inner_text().split()[0]
    page.get_by_role("link", name="I have kept them").click()
    page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    sign_in(page, facts)
    page.get_by_label("Code").fill(recovery)
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/admin")


def sign_in(page: Page, facts: dict[str, str]) -> None:
    page.goto("/sign-in")
    page.get_by_label("Email").fill(facts["email"])
    page.get_by_label("Password").fill(facts["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()


def open_account(page: Page) -> None:
    go(page, "Accounts")
    page.get_by_label("Search").fill("compil")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="Compilers").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Compilers")


def pay_in(page: Page) -> None:
    open_account(page)
    page.get_by_role("link", name="Pay in or correct").click()
    page.get_by_label("Amount in USD").fill("25.50")
    page.get_by_label("Reason").fill("bank transfer 17")
    page.get_by_role("button", name="Book it").click()
    expect(page.get_by_text("Deposit: bank transfer 17")).to_be_visible()


def identity_checked(walk: Walk) -> None:
    """The live key is refused until the check is approved; then it finds the money."""
    mine, page = walk.mine, walk.admins
    go(mine, "Identity check")
    for label, text in {
        "Legal name": "Compilers Inc.", "Registration number": "HRB 1", "Country": "US",
        "Address": "1 Main Street", "What you will send": "One-time codes",
    }.items():  # fmt: skip
        mine.get_by_label(label).fill(text)
    mine.get_by_label("Document", exact=True).set_input_files(PASSPORT)
    mine.get_by_role("button", name="Hand it in").click()
    expect(mine.get_by_text("You get a mail when it is decided")).to_be_visible()
    refused = walk.api("/wallet", walk.live_key)
    assert (refused.status_code, refused.json()["code"]) == (403, "kyc_required")
    go(page, "Identity checks")
    page.get_by_role("link", name="Compilers").click()
    with page.expect_download() as downloading:
        page.get_by_role("link", name=PASSPORT["name"]).click()
    assert downloading.value.path().read_bytes() == PASSPORT["buffer"]
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url("**/admin/identity")
    accepted = walk.api("/wallet", walk.live_key)
    assert accepted.status_code == 200, accepted.text
    assert accepted.json()["wallet"]["balance"] == 25.5
    mine.reload()
    expect(mine.get_by_text("The check is approved")).to_be_visible()


def refund(walk: Walk, call_id: str) -> None:
    """Of what the first call had cost; the customer sees it."""
    page = walk.admins
    open_account(page)
    page.get_by_role("navigation", name="Mode").get_by_role("link", name="Test").click()
    page.get_by_role("link", name=f"Refund {call_id}").click()
    page.get_by_label("Reason").fill("bad audio")
    page.get_by_role("button", name="Refund").click()
    expect(page.get_by_text("Refund: bad audio")).to_be_visible()
    walk.mine.goto("/dashboard/wallet?mode=test")
    expect(walk.mine.get_by_text("bad audio")).to_be_visible()


def suspended_and_lifted(walk: Walk, phone: Softphone) -> None:
    """A call under way ends at once, and the API says why; then all works again."""
    page = walk.admins
    call_id, talk = place_call(walk.mine, phone)
    assert call_id in walk.here.channels()
    decide(page, "Suspend", "chargeback 4711")
    talk.ended(30)
    eventually(lambda: call_id not in walk.here.channels(), what="the end of the channel")
    refused = walk.api("/wallet", walk.test_key)
    assert (refused.status_code, refused.json()["code"]) == (403, "account_suspended")
    walk.mine.reload()
    expect(walk.mine.get_by_text("This account is suspended")).to_be_visible()
    decide(page, "Lift", "settled")
    assert walk.api("/wallet", walk.test_key).status_code == 200
    eventually(lambda: walk.here.registers(PHONE, walk.secret), what="a phone that is let in")


def decide(page: Page, name: str, reason: str) -> None:
    page.get_by_label("Reason", exact=True).fill(reason)
    page.get_by_role("button", name=name, exact=True).click()
    other = "Lift" if name == "Suspend" else "Suspend"
    expect(page.get_by_role("button", name=other, exact=True)).to_be_visible()


def repriced(walk: Walk, folder: Path) -> None:
    """The list in force is fetched, one price changed, compared, taken; all see it."""
    page = walk.admins
    go(page, "Price lists")
    link = page.get_by_role("link", name="CSV").first
    name = parse_qs(urlsplit(link.get_attribute("href") or "").query)["name"][0]
    with page.expect_download() as downloading:
        link.click()
    rows = list(csv.DictReader(downloading.value.path().open(newline="")))
    row = next(row for row in rows if row["iso"] == "SE")
    before, row["sms_per_segment"] = row["sms_per_segment"], "0.987"
    deck = folder / "deck.csv"
    with deck.open("w", newline="") as out:
        writer = csv.DictWriter(out, row)
        writer.writeheader()
        writer.writerows(rows)
    page.get_by_role("textbox", name="Price list").fill(name)
    page.get_by_label("File").set_input_files(deck)
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text(f"sms_per_segment {before} → 0.987000")).to_be_visible()
    expect(page.get_by_text("Nothing is imported yet")).to_be_visible()
    asked = f"/rates/lookup?to=%2B{row['prefix']}701740600"
    assert walk.here.get(asked).json()["sms_per_segment"] == float(before)
    page.get_by_role("button", name="Import it").click()
    page.wait_for_url("**/admin/tariffs")
    walk.mine.goto(f"/rates?to=%2B{row['prefix']}701740600")
    expect(walk.mine.get_by_text("0.987 USD").first).to_be_visible()
    assert walk.here.get(asked).json()["sms_per_segment"] == 0.987
