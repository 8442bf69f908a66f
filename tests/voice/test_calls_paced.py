"""Calls wait for their turn on a real Asterisk, and another customer's do not wait with them."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from db.session import open_database
from telephony.clock import SECOND
from tests.fixtures_pbx import Pbx
from tests.voice.ami_proxy import AmiProxy, ami_proxy
from tests.voice.calling import call
from tests.voice.real_pbx import Voice, working

REFUSED = "+15550100004"
GAP_SECONDS = 0.25
JITTER_SECONDS = 0.15


@pytest.fixture
async def proxy(pbx: Pbx) -> AsyncIterator[AmiProxy]:
    async with ami_proxy(pbx.settings.ami_host, pbx.settings.ami_port) as running:
        yield running


@pytest.fixture
async def far(pbx: Pbx, proxy: AmiProxy, sqlite_url: str) -> AsyncIterator[Voice]:
    """A worker whose manager links go through the proxy."""
    database = await open_database(sqlite_url)
    settings = pbx.settings.model_copy(update={"ami_port": proxy.port})
    async with working(pbx, database, settings) as running:
        yield running
    await database.close()


async def starts(voice: Voice, ids: list[str]) -> list[float]:
    """When the calls were placed, in seconds, once they have ended."""
    return [(await voice.ended(one, 25))["started_at"] / SECOND for one in ids]


def spaced(at: list[float]) -> bool:
    return all(later - sooner > GAP_SECONDS - JITTER_SECONDS for sooner, later in pairwise(at))


async def test_a_queue_that_a_pause_made_longer_is_spaced_out_all_the_same(
    far: Voice, proxy: AmiProxy
) -> None:
    """Four calls a second, of which the first four fall into a pause of the PBX."""
    who = await far.customer(calls_per_second=4)
    other = await far.customer()
    proxy.cut()
    await asyncio.sleep(0.1)
    ids = [await far.place(who, REFUSED, simulated=True) for _ in range(8)]
    await asyncio.sleep(1)
    proxy.heal()
    await far.reached(ids[0], "dialing", "ringing", "failed")
    quick = await far.place(other, REFUSED, simulated=True)
    begun = await starts(far, ids)
    assert begun == sorted(begun)
    assert spaced(begun), begun
    assert begun[-1] - begun[0] < 10
    (at,) = await starts(far, [quick])
    assert at < begun[4]
    assert (await call(far.database, quick))["hangup_cause"] == "call_rejected"
