"""The checklist of a newcomer, which ticks itself as things really happen."""

from dataclasses import dataclass

from db import first_steps
from db.database import Database
from telephony.clock import Instant


@dataclass(frozen=True)
class Step:
    """Something to do first, and whether it was done."""

    name: str
    done: bool


async def look(db: Database, account_id: str, now: Instant) -> list[Step]:
    """Every step in order. What was done once is remembered, so that an account that has done
    everything costs one look."""
    done = await first_steps.taken(db, account_id)
    fresh = [
        step
        for step in first_steps.STEPS
        if step not in done and await first_steps.is_taken(db, account_id, step)
    ]
    if fresh:
        await db.write(first_steps.tick, account_id, fresh, now)
    return [Step(name, name in done or name in fresh) for name in first_steps.STEPS]
