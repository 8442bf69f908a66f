"""What a customer does in the walk of test_whole_walk: signs up, makes a key and a phone, calls,
sends, is told by webhooks."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from playwright.sync_api import Page, expect

from telephony.voice.softphone import Softphone, Talk
from tests.e2e.conftest import SinkThread
from tests.e2e.installation import Installation
from tests.fixtures_pbx import eventually

EMAIL, PASSWORD, PHONE = "grace@example.com", "a long walk on Sunday", "grace-desk"
ECHO = "+15559874321"
CALL = re.compile(r"/dashboard/calls/(call_\w+)$")
LOUD_PACKETS_MIN = 20


@dataclass
class Walk:
    """What the steps hand on: the platform, two tabs, and what was shown once."""

    here: Installation
    mine: Page
    admins: Page
    sink: SinkThread
    test_key: str = ""
    live_key: str = ""
    secret: str = ""

    def api(self, path: str, key: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"}
        return self.here.http.get(f"{self.here.api}{path}", headers=headers)


def sign_up(page: Page, here: Installation) -> None:
    """By form, and by the link of the mail that the log shows."""
    page.goto("/")
    page.get_by_role("link", name="Sign in").first.click()
    page.get_by_role("link", name="Open an account").click()
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    log, url = here.var / "log/platform.log", re.escape(here.facts["api_url"])
    link = re.compile(rf"{url}/register/[\w-]+")
    found = eventually(lambda: link.search(log.read_text()), what="the mail")
    page.goto(found[0])
    expect(page.get_by_text(EMAIL)).to_be_visible()
    page.get_by_label("Your name").fill("Grace")
    page.get_by_label("Name of the account").fill("Compilers")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Open the account").click()
    page.wait_for_url("**/dashboard")


def new_key(page: Page, mode: str) -> str:
    """A key of everything, as it is shown once."""
    go(page, "API keys")
    page.get_by_role("textbox", name="Name", exact=True).fill(f"{mode} key")
    page.get_by_label("Mode").select_option(mode)
    page.get_by_role("button", name="Make the key").click()
    key = page.locator("#new-key").inner_text().strip()
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("link", name=f"{mode} key")).to_be_visible()
    return key


def go(page: Page, name: str) -> None:
    """By the menu at the left."""
    page.locator("#sidebar").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def add_endpoint(walk: Walk) -> None:
    page = walk.mine
    page.goto("/dashboard/webhooks?mode=test")
    page.get_by_role("textbox", name="URL").fill(walk.sink.url)
    page.get_by_label("call_completed").check()
    page.get_by_role("button", name="Add the endpoint").click()
    walk.sink.trust(page.locator("#new-secret").inner_text().strip())
    page.get_by_role("link", name="I have copied it").click()


def new_phone(page: Page) -> str:
    """A SIP account; its secret."""
    go(page, "SIP accounts")
    page.get_by_role("link", name="New SIP account").click()
    page.get_by_label("User name").fill(PHONE)
    page.get_by_role("button", name="Make it").click()
    secret = page.locator("#new-secret").inner_text().strip()
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_text("No phone is registered")).to_be_visible()
    return secret


@contextmanager
def registered(walk: Walk) -> Iterator[Softphone]:
    """The phone, which the page shows as soon as it is there."""
    phone = Softphone(walk.here.facts["sip"][0]["server"], PHONE, walk.secret)
    phone.register(30)
    try:
        expect(walk.mine.get_by_text("No phone is registered")).to_have_count(0)
        yield phone
    finally:
        phone.stop()


def place_call(page: Page, phone: Softphone) -> tuple[str, Talk]:
    """By the page; the phone has answered, and the far end."""
    go(page, "Calls")
    page.get_by_role("link", name="Test: play money").click()
    page.get_by_role("link", name="Place a call").first.click()
    page.get_by_label("To", exact=True).fill(ECHO)
    page.get_by_role("button", name="Call", exact=True).click()
    talk = phone.answer(30)
    page.wait_for_url(CALL)
    expect(page.get_by_role("heading", name="Call Answered")).to_be_visible()
    found = CALL.search(page.url)
    assert found
    return found[1], talk


def first_call(walk: Walk, phone: Softphone) -> str:
    """The far end echoes what is said; the log has the call as it ends."""
    page = walk.mine
    call_id, talk = place_call(page, phone)
    talk.speak(1.5)
    assert talk.heard.loud > LOUD_PACKETS_MIN
    talk.hang_up()
    expect(page.get_by_role("heading", name="Call Completed")).to_be_visible()
    go(page, "Calls")
    row = page.get_by_role("row").filter(has=page.locator(f"a[href$={call_id}]"))
    expect(row.get_by_text("Answered")).to_be_visible()
    (logged,) = walk.api("/voip/logs", walk.test_key).json()["data"]
    assert (logged["call_id"], logged["status"]) == (call_id, "answered")
    assert logged["cost"] > 0
    return call_id


def steps_are_ticked(page: Page) -> None:
    """Once a message was sent, too, all is done, and the list is gone."""
    page.goto("/dashboard?mode=test")
    steps = page.get_by_role("region", name="First steps")
    expect(steps.locator("li.is-done")).to_have_count(4)
    expect(steps.locator("li:not(.is-done)")).to_contain_text("Send a message")
    steps.get_by_role("link", name="Send a message").click()
    page.get_by_role("link", name="Send a message").first.click()
    page.get_by_label("To", exact=True).fill("+15551230001")
    page.get_by_label("Text").fill("Hello")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Delivered").first).to_be_visible()
    page.goto("/dashboard?mode=test")
    expect(page.get_by_role("heading", level=1)).to_have_text("Compilers")
    expect(page.get_by_role("region", name="First steps")).to_have_count(0)


def told_again(walk: Walk, call_id: str) -> None:
    """The event came to the endpoint by itself; sent again by the page, it is the same one."""
    page, event = walk.mine, walk.sink.wait(event="call_completed", call_id=call_id)
    page.goto(f"/dashboard/webhooks/events/{event['id']}")
    page.get_by_role("button", name="Send again").first.click()
    eventually(lambda: walk.sink.times(event["id"]) == 2, what="the same event once more")
