"""Open calls compared with the channels of a real Asterisk: who lives, who vanished, who waited."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from db.connection import Row
from db.database import Database
from telephony.clock import SECOND, now
from telephony.voice import reconcile
from telephony.voice.ami import AmiLink, CoreShowChannels, Originate
from telephony.voice.cdrs import CdrTail
from telephony.voice.originate import SIMULATED_PHONE, Originator, originate
from telephony.voice.reconcile import GRACE_SECONDS, QUEUED_SECONDS_MAX, Reconciler
from tests.factories import Customer, customer
from tests.fixtures_pbx import Pbx
from tests.patience import PATIENCE_SECONDS
from tests.voice.calling import VAULT, add_phone, call, dialing, placed, sip_wallet, told
from tests.voice.real_ami import user

NODE = "pbx1"
OLD = GRACE_SECONDS + 60


@pytest.fixture
async def link(pbx: Pbx) -> AsyncIterator[AmiLink]:
    async with user(pbx, "calls") as ready:
        await ready.wait_ready(10)
        yield ready


@pytest.fixture
def reconciler(database: Database, link: AmiLink, pbx: Pbx) -> Reconciler:
    tail = CdrTail(database, pbx.settings.cdr_file, NODE)
    return Reconciler(database, link, tail, NODE)


@pytest.fixture
async def who(database: Database) -> Customer:
    owner = await customer(database, sip_funds="5", country="US")
    await add_phone(database, owner)
    return owner


async def claimed(database: Database, who: Customer, age: float) -> Row:
    """A call that was claimed so many seconds ago and has no channel; its row."""
    at = now() - int(age * SECOND)
    call_id = (await placed(database, who, "+15550100001", at=at)).call_id
    return await dialing(database, call_id, at)


async def has_channel(link: AmiLink, call_id: str) -> None:
    """Asterisk answers an Originate before it makes the channel."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not any(one.fields["uniqueid"] == call_id
                      for one in await link.action(CoreShowChannels())):  # fmt: skip
            await asyncio.sleep(0.02)


async def test_a_call_without_channel_and_record_is_lost(
    database: Database, reconciler: Reconciler, who: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at the first look: a busy PBX may still be writing the record."""
    monkeypatch.setattr(reconcile, "RECORD_SECONDS", 0.2)
    row = await claimed(database, who, OLD)
    await reconciler.step()
    assert (await call(database, row["id"]))["status"] == "dialing"
    await asyncio.sleep(0.2)
    await reconciler.step()
    ended = await call(database, row["id"])
    assert (ended["status"], ended["hangup_cause"], ended["cost"]) == ("failed", "pbx_lost", 0)
    await reconciler.step()
    assert await call(database, row["id"]) == ended
    assert [event["event"] for event in await told(database, row["id"])] == ["call_completed"]
    assert await sip_wallet(database, who) == (5_000_000, 0)


async def test_a_young_call_may_have_no_channel_yet(
    database: Database, reconciler: Reconciler, who: Customer
) -> None:
    row = await claimed(database, who, 1)
    await reconciler.step()
    assert (await call(database, row["id"]))["status"] == "dialing"


async def test_a_call_of_another_node_is_left_to_that_node(
    database: Database, reconciler: Reconciler, who: Customer
) -> None:
    row = await claimed(database, who, OLD)
    await database.write(lambda conn: conn.run("UPDATE call SET node = 'pbx2'"))
    await reconciler.step()
    assert (await call(database, row["id"]))["status"] == "dialing"


async def test_a_call_with_a_channel_lives_and_its_record_ends_it(
    database: Database, reconciler: Reconciler, link: AmiLink, who: Customer, pbx: Pbx
) -> None:
    row = await claimed(database, who, OLD)
    ringing = {**row, "first_leg": SIMULATED_PHONE, "granted_seconds": 2}
    action: Originate = originate(ringing, VAULT)
    await link.action(action)
    await has_channel(link, row["id"])
    began = now()
    await reconciler.step()
    alive = await call(database, row["id"])
    assert alive["status"] == "dialing"
    assert alive["last_seen_at"] >= began
    await asyncio.to_thread(pbx.cdr, row["id"])
    # Its channel is gone; nobody looked at the file since: the record comes before the verdict.
    await reconciler.step()
    ended = await call(database, row["id"])
    assert (ended["status"], ended["hangup_cause"]) == ("completed", "normal_clearing")
    assert (ended["billsec"], ended["cost"]) == (2, 12_000)


async def test_a_call_that_waited_a_minute_is_given_up_even_without_a_link(
    database: Database, pbx: Pbx, who: Customer
) -> None:
    down = user(pbx, "calls")
    reconciler = Reconciler(database, down, CdrTail(database, pbx.settings.cdr_file, NODE), NODE)
    late = now() - (QUEUED_SECONDS_MAX + 1) * SECOND
    waited = (await placed(database, who, at=late)).call_id
    fresh = (await placed(database, who)).call_id
    await reconciler.step()
    ended = await call(database, waited)
    assert (ended["status"], ended["hangup_cause"]) == ("failed", "pbx_unavailable")
    assert (await call(database, fresh))["status"] == "queued"
    _, held = await sip_wallet(database, who)
    assert held == (await call(database, fresh))["granted_seconds"] * 200


async def test_a_call_that_was_claimed_is_not_asked_for_again(
    database: Database, link: AmiLink, pbx: Pbx, who: Customer
) -> None:
    """As after a kill between the claim and the Originate: nobody knows, so nobody asks again."""
    row = await claimed(database, who, 1)
    originator = Originator(database, link, NODE, 100, VAULT)
    assert await originator.step() == 0
    assert await asyncio.to_thread(pbx.cdrs, row["id"]) == []
    assert (await call(database, row["id"]))["status"] == "dialing"


async def test_without_a_link_calls_wait(database: Database, pbx: Pbx, who: Customer) -> None:
    call_id = (await placed(database, who)).call_id
    assert await Originator(database, user(pbx, "calls"), NODE, 100, VAULT).step() == 0
    assert (await call(database, call_id))["status"] == "queued"
