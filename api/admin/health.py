"""How the platform is inside: its parts as they report, what waits in which queue, and for how
long."""

from dataclasses import dataclass

from api.web.page import Facts, PageContext, Pages
from db import components, depths
from db.connection import Row
from telephony import status
from telephony.clock import SECOND, Instant
from telephony.users.roles import PLATFORM

page = Pages()
HERE = "/admin/health"
ROWS_MAX = 10_000
"""A queue is counted no further: who reads this must not slow down who works."""
LANES = ("one by one", "in batches")


@dataclass(frozen=True)
class Queue:
    """What waits; `late` is for how many seconds the first of it has been due."""

    name: str
    waiting: int
    late: int

    @property
    def whole(self) -> bool:
        """Whether all of it was counted."""
        return self.waiting < ROWS_MAX


@page("GET", HERE, roles=PLATFORM, template="admin/health.html", part="admin/health_part.html")
async def show_health(context: PageContext, _: None) -> Facts:
    """Parts and queues."""
    found = await status.look(context.db, context.now)
    nodes = [row["name"] for row in await components.every(context.db) if row["kind"] == status.PBX]
    return {"found": found, "queues": await _queues(context, nodes), "most": ROWS_MAX}


async def _queues(context: PageContext, nodes: list[str]) -> list[Queue]:
    db, at = context.db, context.now
    found = [_queue(f"messages {row['status']}, {LANES[row['lane']]}", row, at)
             for row in await depths.messages(db, ROWS_MAX)]  # fmt: skip
    found += [_queue(f"calls {row['status']}", row, at) for row in await depths.calls(db, ROWS_MAX)]
    found.append(_queue("webhooks", await depths.deliveries(db, ROWS_MAX), at))
    found.append(_queue("mails", await depths.mails(db, ROWS_MAX), at))
    found.append(Queue("open holds", await depths.holds(db, ROWS_MAX), 0))
    for node in nodes:
        behind = await depths.phones_behind(db, node, ROWS_MAX)
        found.append(_queue(f"SIP accounts that {node} is to be told of", behind, at))
    return found


def _queue(name: str, row: Row, at: Instant) -> Queue:
    oldest = at if row["oldest"] is None else row["oldest"]
    return Queue(name, row["n"], max(0, at - oldest) // SECOND)
