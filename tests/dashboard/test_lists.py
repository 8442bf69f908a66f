"""What lists of the dashboard have in common: modes, empty fields, links that keep filters."""

import re

import pytest
from pydantic import ValidationError

from api.dashboard.lists import NumbersQuery
from db.connection import Conn
from db.database import Database
from telephony.accounts import add_key, new_key
from telephony.clock import SECOND, now
from telephony.users.sessions import Member
from tests.dashboard.messaging import sent
from tests.dashboard.visitor import Visitor
from tests.users.world import People

APPROVE = "UPDATE account SET kyc_approved_at = 1 WHERE id = :id"
PRESENT = r'href="\?mode=(\w+)[^"]*" aria-current="true"'
OFFER = "live mode, with real money, is open to you"


def shown_mode(visitor: Visitor) -> str:
    """The mode whose tab is marked on the overview."""
    return str(re.findall(PRESENT, visitor.page.text)[0])  # the others are spans of days


async def test_who_begins_in_test_mode_stays_there_until_live_is_chosen(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    assert OFFER not in await ada.open("/dashboard")
    assert shown_mode(ada) == "test"
    await sqlite.write(lambda conn: conn.run(APPROVE, id=owner.account_id))
    assert OFFER in await ada.open("/dashboard")
    assert shown_mode(ada) == "test"
    assert 'value="test" selected' in await ada.open("/dashboard/phones/new")
    assert OFFER not in await ada.open("/dashboard?mode=live&days=30")
    for _ in range(2):
        await ada.open("/dashboard/messages")
        await ada.open("/dashboard")
        assert shown_mode(ada) == "live"
    assert 'value="live" selected' in await ada.open("/dashboard/phones/new")
    await ada.open("/dashboard/messages?mode=test")
    await ada.open("/dashboard")
    assert shown_mode(ada) == "test"


async def test_live_is_not_offered_to_whoever_uses_it(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    def deed(conn: Conn) -> None:
        conn.run(APPROVE, id=owner.account_id)
        add_key(conn, owner.account_id, new_key("live"), "mine", now())

    await sqlite.write(deed)
    assert OFFER not in await ada.open("/dashboard?mode=test")
    assert shown_mode(ada) == "test"


async def test_another_browser_shows_live_once_live_keys_work(
    sqlite: Database, owner: Member, bob: Visitor
) -> None:
    await sqlite.write(lambda conn: conn.run(APPROVE, id=owner.account_id))
    await bob.sign_in(owner.email)
    await bob.open("/dashboard")
    assert shown_mode(bob) == "live"
    bob.client.cookies.set("mode", "play")
    await bob.open("/dashboard")
    assert shown_mode(bob) == "live"


async def test_before_the_check_the_cookie_opens_nothing(owner: Member, ada: Visitor) -> None:
    ada.client.cookies.set("mode", "live")
    await ada.open("/dashboard")
    assert shown_mode(ada) == "test"


async def test_who_looks_at_a_customer_keeps_a_mode_of_their_own(
    sqlite: Database, owner: Member, root: Visitor
) -> None:
    await sqlite.write(lambda conn: conn.run(APPROVE, id=owner.account_id))
    await root.open(f"/admin/accounts/{owner.account_id}")
    await root.send(f"/admin/accounts/{owner.account_id}/look", reason="ticket 1")
    await root.open("/dashboard?mode=test")
    assert shown_mode(root) == "test"
    assert "mode" not in root.client.cookies


def test_a_field_that_was_left_empty_is_no_filter() -> None:
    blank = {"search": "", "from": "", "to": "", "cursor": "", "limit": "", "mode": ""}
    assert NumbersQuery.model_validate(blank) == NumbersQuery()
    given = NumbersQuery.model_validate({"search": " 1555", "from": "2026-01-02"})
    assert given.filters()["search"] == "+1555"
    assert given.filters()["since"] == 1_767_312_000 * SECOND
    with pytest.raises(ValidationError):
        NumbersQuery.model_validate({"mode": "play"})


@pytest.fixture
async def owner(people: People, ada: Visitor) -> Member:
    member = await people.owner()
    await ada.sign_in("ada@example.com")
    return member


async def test_links_keep_filters_and_escape_them(people: People, owner: Member, ada: Visitor
) -> None:  # fmt: skip
    said = await ada.open('/dashboard/messages?search="><b>&status=sent&cursor=msg_x&offset=3')
    assert '"><b>' not in ada.page.text
    assert 'href="/dashboard/messages.csv?search=%22%3E%3Cb%3E&status=sent&mode=test"' in said
    assert 'value="&#34;&gt;&lt;b&gt;"' in ada.page.text


async def test_messages_of_the_other_mode_are_not_mixed_in(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    with pytest.raises(Exception, match="The wallet that pays for this does not cover"):
        await sent(sqlite, owner)
    said = await ada.open("/dashboard/messages?mode=live")
    assert 'href="?mode=live" aria-current="true"' in said
    assert 'name="mode" value="live"' in said
