"""The request log through the pages: what real requests left, found by their ids."""

import csv
import io

import pytest
from starlette.types import ASGIApp

from api.app import create_app
from api.background import Background
from db.database import Database
from telephony import accounts
from telephony.accounts import SCOPES
from telephony.clock import now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.users.sessions import Member
from tests.dashboard.messaging import fund
from tests.dashboard.visitor import Visitor
from tests.users.world import People

ADA, BOB = "ada@example.com", "bob@example.com"
HERE = "/dashboard/requests"
TO = "+15551230001"


@pytest.fixture
async def owner(people: People, ada: Visitor) -> Member:
    member = await people.owner(ADA)
    await fund(people.database, member)
    await ada.sign_in(ADA)
    return member


@pytest.fixture
async def key(sqlite: Database, owner: Member) -> str:
    """A test key of the owner's account."""
    made = accounts.new_key("test")
    await sqlite.write(accounts.add_key, owner.account_id, made, "Shop", now(), SCOPES)
    return made


@pytest.fixture
def background(sqlite: Database, settings: Settings) -> Background:
    return Background(sqlite, settings)


@pytest.fixture
def app(sqlite: Database, settings: Settings, vault: Vault, background: Background) -> ASGIApp:
    """The application with a recorder at hand."""
    return create_app(settings, sqlite, vault, background=background)


async def ask(
    background: Background, visitor: Visitor, key: str, request_id: str, text: str = "Hi"
) -> None:
    """A message by the API, and what the recorder makes of it."""
    await visitor.client.post(
        "/api/v1/sms/send", json={"to": TO, "text": text},
        headers={"Authorization": f"Bearer {key}", "X-Request-Id": request_id},
    )  # fmt: skip
    await background.requests.finish()


async def test_a_request_is_found_with_what_it_made(
    background: Background, sqlite: Database, owner: Member, key: str, ada: Visitor
) -> None:
    assert "No request yet" in await ada.open(HERE)
    await ask(background, ada, key, "order-7")
    await ask(background, ada, key, "order-8", "")
    said = await ada.open(HERE)
    assert all(told in said for told in ("/api/v1/sms/send", "202", "validation_error", "Test"))
    said = await ada.open(f"{HERE}?search=+order-7+")
    (message,) = await sqlite.all("SELECT id FROM message")
    assert f'href="/dashboard/messages/{message["id"]}"' in said
    assert "order-8" not in said
    assert f"{HERE}?search=order-7" in await ada.open(f"/dashboard/messages/{message['id']}")
    assert "No request has this id" in await ada.open(f'{HERE}?search="><i>')
    assert '"><i>' not in ada.page.text
    await ada.open(f"{HERE}?search={'x' * 65}", 400)


async def test_the_log_goes_back_page_by_page_and_is_a_file(
    background: Background, owner: Member, key: str, ada: Visitor
) -> None:
    for number in range(53):
        await ask(background, ada, key, f"r{number}", "")
    said = await ada.open(HERE)
    assert said.count("validation_error") == 50
    older = said.split('rel="next" href="')[1].split('"')[0]
    said = await ada.open(f"{HERE}{older}")
    assert said.count("validation_error") == 3
    assert "First page" in said
    await ada.open(f"{HERE}.csv")
    rows = list(csv.DictReader(io.StringIO(ada.page.text, newline="")))
    assert [row["request_id"] for row in rows] == [f"r{number}" for number in reversed(range(53))]
    await ada.open(f"{HERE}.csv?search=r7")
    (row,) = csv.DictReader(io.StringIO(ada.page.text, newline=""))
    assert (row["method"], row["status"], row["mode"]) == ("POST", "400", "test")


async def test_another_accounts_requests_are_not_seen(
    background: Background, people: People, owner: Member, key: str, ada: Visitor, bob: Visitor
) -> None:
    await ask(background, ada, key, "order-7")
    await people.owner(BOB, "Bob's")
    await bob.sign_in(BOB)
    assert "No request yet" in await bob.open(HERE)
    assert "No request has this id" in await bob.open(f"{HERE}?search=order-7")
    for query in ("", "?search=order-7"):
        assert "order-7" not in await bob.open(f"{HERE}.csv{query}")
