"""The link to the PBX fails at every bad instant: calls wait, or end; none is placed twice."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from db.session import open_database
from tests.fixtures_pbx import Pbx
from tests.voice.ami_proxy import AmiProxy, ami_proxy
from tests.voice.calling import call
from tests.voice.real_pbx import Voice, quick_reconciler, working

TO = "+15550100001"
SHORT = {"simulated": True, "time_limit_seconds": 1}


@pytest.fixture
async def proxy(pbx: Pbx) -> AsyncIterator[AmiProxy]:
    async with ami_proxy(pbx.settings.ami_host, pbx.settings.ami_port) as running:
        yield running


@pytest.fixture
async def far(pbx: Pbx, proxy: AmiProxy, sqlite_url: str) -> AsyncIterator[Voice]:
    """A worker whose manager links go through the proxy, and whose patience is short."""
    database = await open_database(sqlite_url)
    settings = pbx.settings.model_copy(update={"ami_port": proxy.port})
    with quick_reconciler():
        async with working(pbx, database, settings) as running:
            yield running
    await database.close()


async def test_a_call_waits_for_the_link_and_is_placed_when_it_is_back(
    far: Voice, proxy: AmiProxy
) -> None:
    who = await far.customer()
    proxy.cut()
    await asyncio.sleep(0.1)
    call_id = await far.place(who, TO, **SHORT)
    await asyncio.sleep(0.5)
    assert await far.status(call_id) == "queued"
    assert proxy.originates == 0
    proxy.heal()
    row = await far.ended(call_id)
    assert (row["status"], row["billsec"], proxy.originates) == ("completed", 1, 1)


async def test_a_call_that_waited_too_long_fails_and_is_free(far: Voice, proxy: AmiProxy) -> None:
    who = await far.customer()
    proxy.cut()
    await asyncio.sleep(0.1)
    call_id = await far.place(who, TO, **SHORT)
    gave_up = ("failed", "pbx_unavailable", ["call_completed"], 0, 0)
    assert await far.outcome(call_id) == gave_up
    assert await far.wallet(who) == (5_000_000, 0)
    proxy.heal()
    await asyncio.sleep(1.5)
    assert proxy.originates == 0


async def test_the_answer_to_originate_is_lost_and_the_call_goes_on(
    far: Voice, proxy: AmiProxy
) -> None:
    who = await far.customer()
    proxy.cut_at_originate = "after"
    call_id = await far.place(who, TO, simulated=True, time_limit_seconds=3)
    row = await far.ended(call_id)
    assert (row["status"], row["billsec"], row["cost"]) == ("completed", 3, 12_000)
    assert proxy.originates == 1
    assert len(await far.records(call_id)) == 1
    kinds = [event["event"] for event in await far.told(call_id)]
    assert kinds == ["call_ringing", "call_answered", "call_completed"]


async def test_originate_is_lost_on_its_way_and_is_not_sent_again(
    far: Voice, proxy: AmiProxy
) -> None:
    """Nobody can tell this from the case above, so the call ends, free."""
    who = await far.customer()
    proxy.cut_at_originate = "before"
    call_id = await far.place(who, TO, **SHORT)
    assert await far.outcome(call_id) == ("failed", "pbx_lost", ["call_completed"], 0, 0)
    await asyncio.sleep(0.5)
    assert proxy.originates == 1
    assert await far.records(call_id) == []
    assert await far.wallet(who) == (5_000_000, 0)


async def test_the_link_is_down_while_a_call_rings_and_talks(far: Voice, proxy: AmiProxy) -> None:
    who = await far.customer()
    call_id = await far.place(who, "+15550104711", simulated=True, time_limit_seconds=2)
    await far.reached(call_id, "dialing", "ringing")
    proxy.cut()
    await asyncio.sleep(2)
    assert (await call(far.database, call_id))["status"] in ("dialing", "ringing")
    proxy.heal()
    row = await far.ended(call_id)
    assert (row["status"], row["billsec"], row["cost"]) == ("completed", 2, 12_000)
    assert await far.timeline(call_id) == [
        "queued", "dialing", "ringing", "answered", "completed",
    ]  # fmt: skip


async def test_a_call_from_the_worker_before_is_settled_by_the_next(
    pbx: Pbx, sqlite_url: str
) -> None:
    """The worker ends in mid-call, and the call ends before the next worker starts."""
    database = await open_database(sqlite_url)
    async with working(pbx, database, pbx.settings) as first:
        who = await first.customer()
        call_id = await first.place(who, TO, **SHORT)
        await first.reached(call_id, "ringing", "answered")
    await asyncio.to_thread(pbx.cdr, call_id)
    async with working(pbx, database, pbx.settings) as second:
        row = await second.ended(call_id)
        assert (row["status"], row["billsec"], row["cost"]) == ("completed", 1, 12_000)
        assert await second.wallet(who) == (5_000_000 - 12_000, 0)
    await database.close()
