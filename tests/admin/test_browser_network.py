"""What administrators see of the network, in a real browser: every page is accessible, fits a
phone, breaks no policy, and its live parts follow what happens."""

import pytest
from playwright.sync_api import Page, expect

from db import components, incidents
from db.connection import Conn
from telephony.clock import SECOND, now
from telephony.users.mails import Post
from tests.db.rows import add_call, add_cdr, add_message
from tests.factories import Customer, add_customer
from tests.pbx.registrar import registrar
from tests.ports import free_port
from tests.users.world import PASSWORD, People
from tests.web.browser import Site, Watch, assert_accessible, look

ROOT = "root@example.com"


@pytest.fixture(autouse=True)
def _patient() -> None:
    expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def who(site: Site) -> Customer:
    """A customer; an administrator is there as well."""
    people = People(site.db, Post(site.vault, site.url))
    site.thread.run(people.admin("admin", ROOT))
    return site.write(
        add_customer, funds=0, sip_funds=0, mode="live", scopes=("sms:read",), name="Acme & <b>"
    )


@pytest.fixture(scope="module")
def call_id(site: Site, who: Customer) -> str:
    """A call under way, beside an ended one, messages, an incident, a part that is down."""

    def fill(conn: Conn) -> str:
        at = now()
        ended = add_call(conn, who, status="completed", billsec=61, created_at=at)
        add_cdr(conn, call_id=ended)
        for status in ("failed", "queued"):
            add_message(conn, who, status=status, created_at=at)
        components.report(conn, "pbx1", "pbx", "outage", "a manager link is down", at)
        incidents.begin(conn, component="pbx1", status="outage", detail="a link is down",
                        opened_at=at - 60 * SECOND, closed_at=at)  # fmt: skip
        return add_call(conn, who, status="answered", node="pbx1", answered_at=at, created_at=at,
                        trunk="north", route="trunk")  # fmt: skip

    return site.write(fill)


def sign_in(site: Site, page: Page, path: str) -> None:
    """Open a page as the administrator, in a session that has just begun."""
    people = People(site.db, Post(site.vault, site.url))
    user = site.thread.run(people.user(ROOT))
    token = site.thread.run(people.token(user["id"]))
    page.context.add_cookies([{"name": "session", "value": token, "url": site.url}])
    page.goto(path)


def visit(page: Page, path: str, heading: str) -> None:
    """Open a page and look at it."""
    page.goto(path)
    look(page, heading)


def test_every_page_on_a_phone_in_the_dark(site: Site, call_id: str, phone_page: Page) -> None:
    sign_in(site, phone_page, "/admin")
    message_id = site.write(lambda conn: conn.all("SELECT id FROM message"))[0]["id"]
    for path, heading in PAGES.items():
        visit(phone_page, path, heading)
    visit(phone_page, f"/admin/calls/{call_id}", "Call")
    visit(phone_page, f"/admin/messages/{message_id}", "Message")


PAGES = {
    "/admin/health": "System health", "/admin/live-calls": "Live calls", "/admin/calls": "Calls",
    "/admin/calls?mode=test": "Calls", "/admin/messages": "Messages",
    "/admin/notices": "Notice and incidents", "/admin/outgoing": "Kill switch",
    "/admin/network": "Carriers and providers", "/admin/network/new-trunk": "Add a carrier",
    "/admin/network/new-provider?kind=http": "Add a provider",
    "/admin/network/routes": "Routes of calls", "/admin/network/sms-routes": "Routes of messages",
    "/admin/network/numbers": "Numbers",
}  # fmt: skip


def test_a_call_is_seen_and_cut(
    site: Site, who: Customer, call_id: str, browser_page: Page
) -> None:
    page = browser_page
    sign_in(site, page, "/admin/live-calls")
    expect(page.get_by_text("Acme & <b>")).to_have_count(1)
    assert_accessible(page)
    another = site.write(lambda conn: add_call(conn, who, status="ringing", node="pbx1",
                                               created_at=now()))  # fmt: skip
    expect(page.get_by_role("link", name=another)).to_be_visible()  # without a reload
    page.get_by_role("button", name=f"Hang up {call_id}").click()
    page.wait_for_url("**/admin/live-calls")
    expect(page.get_by_text("Is being hung up")).to_have_count(1)
    expect(page.get_by_role("button", name=f"Hang up {another}")).to_be_visible()
    site.write(lambda conn: conn.run("UPDATE call SET status = 'completed' WHERE id = :id",
                                     id=call_id))  # fmt: skip
    expect(page.get_by_text("Is being hung up")).to_have_count(0)


def test_filters_stay_in_the_address(
    site: Site, who: Customer, call_id: str, browser_page: Page
) -> None:
    page = browser_page
    sign_in(site, page, "/admin/calls")
    page.get_by_label("State").select_option("completed")
    page.get_by_label("Account (id or name)").fill("Acme & <b>")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url("**status=completed**")
    expect(page.get_by_role("row").filter(has_text="Completed")).not_to_have_count(0)
    rows = page.get_by_role("row").count()
    expect(page.get_by_label("State")).to_have_value("completed")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "calls.csv"
    assert download.value.path().read_text().count("\n") == rows


def test_outgoing_traffic_is_stopped_and_let_go(
    site: Site, who: Customer, browser_page: Page
) -> None:
    page = browser_page
    sign_in(site, page, "/admin/outgoing")
    box = page.get_by_role("region", name="Calls")
    box.get_by_label("Why").fill("Fraud & more")
    box.get_by_role("button", name="Stop them calls").click()
    expect(page.get_by_text("Fraud & more")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Let them leave again").click()
    expect(page.get_by_text("Fraud & more")).to_have_count(0)


def test_a_carrier_is_added_and_asked_without_leaving_its_page(
    site: Site, who: Customer, browser_page: Page
) -> None:
    page, port = browser_page, free_port()
    sign_in(site, page, "/admin/network/new-trunk")
    page.get_by_label("Name", exact=True).fill("browsed")
    page.get_by_label("Host", exact=True).fill("127.0.0.1")
    page.get_by_label("Port", exact=True).fill(str(port))
    page.get_by_role("button", name="Add a carrier").click()
    page.wait_for_url("**/admin/network/trunks/browsed")
    assert_accessible(page)
    with registrar(port):
        page.get_by_role("button", name="Test now").click()
        expect(page.get_by_text("OPTIONS: 200 in")).to_be_visible()
    page.emulate_media(reduced_motion="reduce")  # no colour on its way to another one
    page.locator("summary", has_text="Remove").click()
    assert_accessible(page)
    page.get_by_role("button", name="Remove").click()
    page.wait_for_url("**/admin/network")


def test_a_test_that_needs_a_confirmation_keeps_what_was_typed(
    site: Site, who: Customer, browser_page: Page, watch: Watch
) -> None:
    page, port = browser_page, free_port()
    sign_in(site, page, "/admin/network/new-provider")
    page.get_by_label("Name", exact=True).fill("asked")
    page.get_by_label("Host", exact=True).fill("127.0.0.1")
    page.get_by_label("Port", exact=True).fill(str(port))
    page.get_by_label("System ID", exact=True).fill("us")
    page.get_by_label("Password", exact=True).fill("hush")
    page.get_by_role("button", name="Add a provider").click()
    page.wait_for_url("**/admin/network/providers/asked")
    page.get_by_label("Send a test message to").fill("+15550001111")
    page.get_by_label("Its sender").fill("ACME")
    site.write(lambda conn: conn.run("UPDATE session SET confirmed_at = 0"))
    page.get_by_role("button", name="Test now").click()
    look(page, "Confirm that it is you")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("Connect call failed")).to_be_visible()
    expect(page.get_by_label("Send a test message to")).to_have_value("+15550001111")
    expect(page.get_by_label("Its sender")).to_have_value("ACME")
    (asked,) = watch.complaints
    assert "403" in asked  # the status of the page that asked
    watch.complaints.clear()


def test_a_provider_is_added_with_more_options(
    site: Site, who: Customer, browser_page: Page
) -> None:
    page = browser_page
    sign_in(site, page, "/admin/network/new-provider")
    page.get_by_label("Name", exact=True).fill("browsed")
    page.get_by_label("Host", exact=True).fill("127.0.0.1")
    page.get_by_label("System ID", exact=True).fill("us")
    page.get_by_label("Password", exact=True).fill("hush")
    page.get_by_text("More options").click()
    page.get_by_label("Window", exact=True).fill("7")
    page.get_by_role("button", name="Add a provider").click()
    page.wait_for_url("**/admin/network/providers/browsed")
    page.get_by_text("More options").click()
    expect(page.get_by_label("Window", exact=True)).to_have_value("7")
    expect(page.get_by_label("Password", exact=True)).to_have_value("")
    assert_accessible(page)
