"""Channels of a real Asterisk that belong to no call: they are hung up, and no others are."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from unittest.mock import patch

import pytest

from db.database import Database
from telephony.clock import SECOND, now
from telephony.voice import reconcile, strangers
from telephony.voice.ami import AmiEvent, AmiLink, CoreShowChannels, Originate
from telephony.voice.originate import SIMULATED_PHONE, originate
from telephony.voice.strangers import GRACE_SECONDS, Strangers
from tests.factories import customer
from tests.fixtures_pbx import Pbx
from tests.patience import PATIENCE_SECONDS
from tests.voice import real_ami
from tests.voice.calling import VAULT, add_phone, dialing, placed
from tests.voice.real_ami import user
from tests.voice.real_pbx import Voice

LATER = (GRACE_SECONDS + 1) * SECOND


@pytest.fixture
async def link(pbx: Pbx) -> AsyncIterator[AmiLink]:
    async with user(pbx, "calls") as ready:
        await ready.wait_ready(10)
        yield ready


async def channels_of(link: AmiLink, channel_id: str) -> list[AmiEvent]:
    """The channels of one call, and no others that the run may have."""
    every = await link.action(CoreShowChannels())
    return [one for one in every if one.fields["linkedid"] == channel_id]


async def talking(link: AmiLink, action: Originate) -> list[AmiEvent]:
    """The channels of a call by hand, once both sides are there."""
    await link.action(action)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = await channels_of(link, action.channel_id)
            # A list that is made while the channels are may have some of them twice.
            joined = {one.fields["channel"] for one in found if one.fields["bridgeid"]}
            if joined and len({one.fields["channel"] for one in found}) == len(found) == 4:
                return found
            await asyncio.sleep(0.05)


async def gone(link: AmiLink, channel_id: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await channels_of(link, channel_id):
            await asyncio.sleep(0.02)


async def test_a_call_by_hand_is_hung_up_after_a_while(
    database: Database, link: AmiLink, caplog: pytest.LogCaptureFixture
) -> None:
    action = real_ami.call()
    channels, look, at = await talking(link, action), Strangers(database, link).look, now()
    await look(channels, at)
    await look(channels, at + (GRACE_SECONDS - 1) * SECOND)
    assert len(await channels_of(link, action.channel_id)) == len(channels)
    with caplog.at_level(logging.WARNING):
        await look(channels, at + LATER)
    await gone(link, action.channel_id)
    assert "a channel of no call is hung up" in caplog.text
    await look([], at + LATER)


async def test_only_what_stays_unknown_is_hung_up(database: Database, link: AmiLink) -> None:
    """Whoever was out of sight in between begins anew, as a channel with that id may be new."""
    action = real_ami.call()
    channels, look, at = await talking(link, action), Strangers(database, link).look, now()
    await look(channels, at)
    await look([], at + SECOND)
    await look(channels, at + LATER)
    assert len(await channels_of(link, action.channel_id)) == len(channels)
    await look(channels, at + 2 * LATER)
    await gone(link, action.channel_id)


async def test_what_the_platform_placed_is_left_alone(database: Database, link: AmiLink) -> None:
    """An open call with all its legs; but not a channel whose call is over in the books."""
    who = await customer(database, sip_funds="5", country="US")
    await add_phone(database, who)
    call_id = (await placed(database, who, "+15550100001")).call_id
    row = await dialing(database, call_id, now())
    mine = await talking(link, originate({**row, "first_leg": SIMULATED_PHONE}, VAULT))
    look, at = Strangers(database, link).look, now()
    await look(mine, at)
    await look(mine, at + LATER)
    assert len(await channels_of(link, call_id)) == len(mine)
    sql = "UPDATE call SET status = 'failed', ended_at = :at"
    await database.write(lambda conn: conn.run(sql, at=at))
    await look(mine, at + SECOND)
    assert len(await channels_of(link, call_id)) == len(mine), "it may be about to end"
    await look(mine, at + LATER)
    await look(mine, at + 2 * LATER)
    await gone(link, call_id)


@pytest.fixture
def impatient() -> Iterator[None]:
    """Before the worker starts."""
    with (
        patch.object(strangers, "GRACE_SECONDS", 1),
        patch.object(reconcile, "EVERY_SECONDS", 0.3),
    ):
        yield


async def test_the_whole_platform_hangs_up_a_stranger_and_nobody_else(
    impatient: None, voice: Voice, link: AmiLink
) -> None:
    who = await voice.customer()
    call_id = await voice.place(who, "+15550100001", simulated=True, time_limit_seconds=4)
    stranger = real_ami.call()
    await talking(link, stranger)
    await gone(link, stranger.channel_id)
    row = await voice.ended(call_id)
    assert (row["hangup_cause"], row["billsec"]) == ("time_limit", 4)
