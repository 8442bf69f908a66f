"""Who has more numbers and phones than a form can offer chooses any of them all the same."""

import pytest

from api.dashboard import offered
from db import caller_ids, sip, sms_accounts, sms_replies
from db.database import Database
from telephony.clock import now
from telephony.users.sessions import Member
from tests.dashboard.test_replies_pages import own
from tests.dashboard.visitor import Visitor
from tests.dashboard.voice_world import ADA, NUMBER, TO, add_phone, owner_of
from tests.factories import customer
from tests.users.world import People

CALL, SENDERS = "/dashboard/calls/new", "/dashboard/messages/senders"
REPLIES, PHONES = "/dashboard/messages/replies", "/dashboard/phones"
LAST = "+15550999999"
MANY = ("+15550111888", "+15550111999", LAST)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offered, "OFFERED_MAX", 2)


@pytest.fixture
async def owner(people: People, ada: Visitor) -> Member:
    """Somebody with three phones and four numbers, two of whose are people's to call."""
    member = await owner_of(people)
    for at in range(3):
        await add_phone(people, member, f"desk-{at}")
    for number in MANY:
        await people.database.write(caller_ids.verify, member.account_id, number, "test", now())
        await people.database.write(own, member.account_id, number)
    await ada.sign_in(ADA)
    return member


async def test_a_call_is_placed_by_what_was_not_offered(
    sqlite: Database, owner: Member, ada: Visitor, few: None
) -> None:
    said = await ada.open(f"{CALL}?mode=test")
    assert said.count("<option value=") == 2 + 2 + 2 + 2 + 4  # phones twice, numbers twice, record
    assert f'value="{LAST}"' not in said
    assert "<select" in said  # of what is never too much
    assert 'name="from"' in said
    await ada.send(CALL, 200, 0, **{"from": "desk-0", "to": TO, "caller_id": LAST})
    (call,) = await sqlite.all("SELECT * FROM call")
    assert (call["sip_account"], call["caller_id"]) == ("desk-0", LAST)


async def test_a_phone_keeps_and_gets_a_number_that_was_not_offered(
    sqlite: Database, owner: Member, ada: Visitor, few: None
) -> None:
    (phone,) = await sqlite.all("SELECT * FROM sip_account WHERE username = 'desk-1'")
    one = f"{PHONES}/{phone['id']}"
    said = await ada.open(one)
    assert f'value="{NUMBER}"' in said
    assert f'value="{LAST}"' not in said
    await ada.send(one, 200, 0, **{"caller_id": LAST, "codecs": "ulaw", "transport-udp": "on"})
    row = await sip.by_id(sqlite, phone["id"])
    assert row
    assert row["caller_id"] == LAST
    assert f'value="{LAST}"' in await ada.open(one)


async def test_replies_and_senders_take_any_number(
    sqlite: Database, owner: Member, ada: Visitor, few: None
) -> None:
    said = await ada.open(REPLIES)
    assert 'name="owned_number"' in said
    assert LAST not in said
    await ada.send(REPLIES, owned_number=LAST, keyword="help", text="Ask us.")
    (reply,) = await sms_replies.texts_of(sqlite, owner.account_id)
    assert (reply["number"], reply["body"]) == (LAST, "Ask us.")
    assert LAST not in await ada.open(SENDERS)
    await ada.send(f"{SENDERS}/default", sender=LAST)
    assert await sms_accounts.default_sender(sqlite, owner.account_id) == LAST
    assert f'value="{LAST}"' in await ada.open(SENDERS)


async def test_few_are_all_offered(owner: Member, ada: Visitor) -> None:
    for page in (f"{CALL}?mode=test", SENDERS, REPLIES):
        said = await ada.open(page)
        assert f'<option value="{LAST}"' in said
        assert '<datalist id="l-' not in said


async def test_numbers_to_show_are_read_in_order_and_once(database: Database) -> None:
    who, other = await customer(database), await customer(database, name="Other")
    for number in (MANY[2], MANY[0]):
        await database.write(caller_ids.verify, who.account_id, number, "test", now())
    for number in MANY[:2]:
        await database.write(own, who.account_id, number)
    await database.write(caller_ids.claim, who.account_id, NUMBER, now())
    await database.write(caller_ids.verify, other.account_id, TO, "test", now())
    found = await caller_ids.showable(database, who.account_id, "test", 9)
    assert found == [NUMBER, *MANY]
    assert await caller_ids.showable(database, who.account_id, "test", 2) == found[:2]
    assert await caller_ids.showable(database, who.account_id, "live", 9) == [MANY[0], LAST]
