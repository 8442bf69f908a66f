"""What people did in the account: the newest first, by filters, as CSV; and what the log of the
whole platform has in common with that."""

from typing import Annotated, Any

from pydantic import BaseModel, Field
from starlette.responses import Response

from api.dashboard.lists import Filters, as_csv, shown_query
from api.dashboard.viewer import member
from api.fields import Moment, Time, Until
from api.web.page import Facts, PageContext, Pages
from db import audit_log
from telephony.users.roles import Right, having

page = Pages()
HERE = "/dashboard/audit"
OWNERS = having(Right.manage)
ENTRIES = 50


class AuditQuery(Filters):
    """By whom, what, and on what something was done, each told whole; from one day to another;
    entries that are older than the number `cursor`."""

    who: Annotated[str, Field(max_length=320)] | None = None
    action: Annotated[str, Field(max_length=64)] | None = None
    subject: Annotated[str, Field(max_length=320)] | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Until | None = None
    cursor: Annotated[int, Field(ge=1, le=audit_log.BEYOND)] | None = None

    def filters(self) -> dict[str, Any]:
        """As the log takes them."""
        return {"actor_name": self.who, "action": self.action, "subject": self.subject,
                "since": self.from_, "until": self.to}  # fmt: skip


class EntryLine(BaseModel):
    """A line of the file. `before` and `after` are JSON, amounts in millionths."""

    seq: int
    at: Time
    actor_name: str
    address: str
    action: str
    subject: str
    account_id: str | None
    before: str
    after: str


async def listed(context: PageContext, given: AuditQuery, account_id: str | None) -> Facts:
    """The newest entries that are asked for, of an account or of all."""
    found = await audit_log.newest(
        context.db, ENTRIES + 1, before=given.cursor, account_id=account_id, **given.filters()
    )
    return {
        "entries": found[:ENTRIES], "query": shown_query(context),
        "next_cursor": found[ENTRIES - 1]["seq"] if len(found) > ENTRIES else None,
        "at_first": given.cursor is None,
    }  # fmt: skip


def as_file(context: PageContext, given: AuditQuery, account_id: str | None) -> Response:
    """All that the filters find, as CSV."""
    found = audit_log.pages(context.db, account_id=account_id, **given.filters())
    return as_csv("audit-log.csv", EntryLine, found, EntryLine.model_validate)


@page("GET", HERE, roles=OWNERS, template="dashboard/audit.html", takes=AuditQuery)
async def show_audit(context: PageContext, given: AuditQuery) -> Facts:
    """What was done in the account, the newest first."""
    return await listed(context, given, member(context).account_id)


@page("GET", f"{HERE}.csv", roles=OWNERS, takes=AuditQuery)
async def audit_csv(context: PageContext, given: AuditQuery) -> Response:
    """The same as a file."""
    return as_file(context, given, member(context).account_id)
