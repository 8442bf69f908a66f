"""What lists of the dashboard have in common: modes, empty fields, links that keep filters."""

import pytest
from pydantic import ValidationError

from api.dashboard.lists import ModeQuery, NumbersQuery
from db.database import Database
from telephony.clock import SECOND
from telephony.users.sessions import Member
from tests.dashboard.messaging import sent
from tests.dashboard.visitor import Visitor
from tests.users.world import People


async def test_the_mode_is_live_once_live_keys_work(sqlite: Database, people: People) -> None:
    owner = await people.owner()
    assert ModeQuery().mode_for(owner) == "test"
    assert ModeQuery(mode="live").mode_for(owner) == "live"
    approve = "UPDATE account SET kyc_approved_at = 1 WHERE id = :id"
    await sqlite.write(lambda conn: conn.run(approve, id=owner.account_id))
    approved = await people.enter(owner.user_id)
    assert ModeQuery().mode_for(approved) == "live"
    assert ModeQuery(mode="test").mode_for(approved) == "test"


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
