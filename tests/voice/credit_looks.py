"""Answered calls without a PBX, and looks at them at instants that the test chooses."""

from db import call_queue
from telephony.clock import SECOND, Instant
from telephony.voice import settle
from telephony.voice.credit_control import confirm, lengthen_due
from tests.factories import Customer
from tests.voice.credit import Credit

START = 1_768_176_000 * SECOND  # 2026-01-12
NODE = "pbx1"
SLICE = 60


def at(seconds: float) -> Instant:
    """So many seconds after the answer."""
    return START + int(seconds * SECOND)


async def answered(desk: Credit, who: Customer, steps: str = "1/1", limit: int = 14_400) -> str:
    """A call that was accepted, dialled and answered at START; its id."""
    placed = await desk.place(who, steps, limit, at=START - 5 * SECOND)
    await desk.database.write(call_queue.claim, NODE, START - 4 * SECOND, 50)
    await desk.database.write(settle.answered, await desk.call(placed.call_id), START)
    return placed.call_id


async def look(desk: Credit, seconds: float, *, arm: bool = True) -> dict[str, int]:
    """Look once; what the PBX is told, by call. It confirms if `arm`."""
    told = await desk.database.write(lengthen_due, NODE, SLICE, at(seconds))
    if arm:
        await desk.database.write(confirm, told, SLICE)
    return {call["id"]: call["granted_seconds"] for call in told}


async def grant(desk: Credit, call_id: str) -> tuple[int, int, str]:
    row = await desk.call(call_id)
    return row["granted_seconds"], row["armed_seconds"], row["cut_cause"]
