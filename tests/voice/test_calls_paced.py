"""Calls wait for their turn on a real Asterisk, and another customer's do not wait with them."""

import asyncio
from unittest.mock import patch

from telephony.clock import SECOND
from telephony.voice.ami import AmiLink
from tests.voice.calling import call
from tests.voice.real_pbx import Voice

REFUSED = "+15550100004"
GAP_SECONDS = 0.25
LATE_SECONDS = 0.6
"""A call may begin so much after its turn; the next one keeps its own."""
BATCH = 10


async def starts(voice: Voice, ids: list[str]) -> list[float]:
    """When the calls were placed, in seconds, once they have ended."""
    return [(await voice.ended(one, 25))["started_at"] / SECOND for one in ids]


def spaced(at: list[float]) -> bool:
    """None came before its turn, as counted from the first one's."""
    return all(one - at[0] > turn * GAP_SECONDS - LATE_SECONDS for turn, one in enumerate(at))


async def test_a_queue_is_spaced_out_and_others_pass_it(voice: Voice) -> None:
    who = await voice.customer(calls_per_second=4)
    other = await voice.customer()
    ids = [await voice.place(who, REFUSED, simulated=True) for _ in range(8)]
    quick = await voice.place(other, REFUSED, simulated=True)
    begun = await starts(voice, ids)
    assert begun == sorted(begun)
    assert spaced(begun), begun
    (at,) = await starts(voice, [quick])
    assert at < begun[3]
    assert (await call(voice.database, quick))["hangup_cause"] == "call_rejected"


async def test_after_a_pause_nobody_waits_for_what_another_has_queued(voice: Voice) -> None:
    """What is overdue is placed as fast as the node may; the newcomer is among the first."""
    many = await voice.customer(calls_per_second=10, calls_max=50)
    other = await voice.customer()
    link = patch.object(AmiLink, "ready", new=False)
    with link:
        ids = [await voice.place(many, REFUSED, simulated=True) for _ in range(40)]
        await asyncio.sleep(2.5)
        first = await voice.place(other, REFUSED, simulated=True)
    begun = await starts(voice, ids)
    (at,) = await starts(voice, [first])
    assert at <= begun[BATCH]
    assert begun[0] == min(begun)
