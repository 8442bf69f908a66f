"""What does not fit together: records without calls, holds without end, drift, webhooks that were
given up."""

from typing import Annotated

from pydantic import Field
from starlette.responses import Response

from api.dashboard.lists import Filters, as_csv
from api.fields import Answer, Time
from api.web.page import Facts, PageContext, Pages
from db import accounts, audit, cdrs, components, deliveries, depths
from telephony.billing import verify
from telephony.clock import SECOND
from telephony.users.roles import PLATFORM

page = Pages()
HERE = "/admin/reconciliation"
DAY_SECONDS = 86_400
ROWS_MAX = 50
COUNTED_MAX = 10_000
CALLS_LOOKED_MAX = 5_000
"""Of so many of the newest calls the records are looked for; the command looks at all."""


class DaysQuery(Filters):
    """How far back to look."""

    days: Annotated[int, Field(ge=1, le=31)] = 1


class RecordLine(Answer):
    """A record that matches no call; `raw` is the line as the PBX wrote it."""

    ended_at: Time
    read_at: Time
    node: str
    uniqueid: str
    sequence: int
    linkedid: str
    disposition: str
    raw: str


@page("GET", HERE, roles=PLATFORM, template="admin/reconciliation.html", takes=DaysQuery)
async def show_reconciliation(context: PageContext, given: DaysQuery) -> Facts:
    """Questions about the last days, and what waits for a person."""
    db, start = context.db, context.now - given.days * DAY_SECONDS * SECOND
    found = await verify.open_questions(db, start, context.now, CALLS_LOOKED_MAX)
    failed = await deliveries.failed(db, COUNTED_MAX)
    return {
        "days": given.days, "calls_max": CALLS_LOOKED_MAX, "amounts": audit.AMOUNTS,
        "questions": {name: rows[:ROWS_MAX] for name, rows in found.items()},
        "counts": {name: len(rows) for name, rows in found.items()},
        "strays": await cdrs.strays(db, ROWS_MAX), "unreadable": await cdrs.buried(db, ROWS_MAX),
        "holds": await depths.holds(db, COUNTED_MAX), "most": COUNTED_MAX, "failed": failed,
        "accounts": await accounts.names(db, {row["account_id"] for row in failed}),
        "ledger": next((row for row in await components.every(db) if row["kind"] == "ledger"),
                       None),
    }  # fmt: skip


@page("GET", f"{HERE}/records.csv", roles=PLATFORM)
async def stray_records_csv(context: PageContext, _: None) -> Response:
    """All records that match no call."""
    return as_csv("unmatched-records.csv", RecordLine, cdrs.pages_of_strays(context.db),
                  RecordLine.model_validate)  # fmt: skip
