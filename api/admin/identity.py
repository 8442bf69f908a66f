"""Identity checks that wait: looked at, approved, rejected."""

import asyncio
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel
from starlette.responses import Response

from api import csv_stream
from api.admin.acting import ADMINS, LINES, LOOKERS, Cursor, ReasonForm, act
from api.dashboard.lists import shown_query
from api.dashboard.viewer import go, post
from api.fields import Answer, Body, Time
from api.web.page import Facts, PageContext, Pages
from db import identity, stored_files
from db.connection import Row
from db.identity import CheckStatus
from telephony import files
from telephony.admin import identity as deeds
from telephony.errors import NotFoundError
from telephony.users.identity import KINDS, opened

page = Pages()
HERE = "/admin/identity"
ONE = f"{HERE}/{{id}}"
EARLIER = 5


class ChecksQuery(Body):
    """Those that wait, or those that were decided."""

    status: Literal["submitted", "approved", "rejected"] = "submitted"
    cursor: Cursor | None = None


class CheckLine(Answer):
    """A check as CSV; what it tells stays sealed."""

    id: str
    account_id: str
    account: str
    status: str
    submitted_at: Time
    decided_at: Time | None
    note: str


@page("GET", HERE, roles=LOOKERS, takes=ChecksQuery, template="admin/identity_checks.html")
async def list_checks(context: PageContext, given: ChecksQuery) -> Facts:
    """The queue, or what was decided."""
    found = await identity.page(context.db, given.status, LINES + 1, given.cursor)
    rows = found[:LINES]
    return {"checks": rows, "statuses": CheckStatus, "listed": given.status,
            "query": shown_query(context), "at_first": given.cursor is None,
            "next_cursor": rows[-1]["id"] if len(found) > LINES else None}  # fmt: skip


@page("GET", f"{HERE}.csv", roles=LOOKERS, takes=ChecksQuery)
async def checks_csv(context: PageContext, given: ChecksQuery) -> Response:
    """The same as a file."""
    found = identity.pages(context.db, given.status)
    return csv_stream.response("identity-checks.csv", CheckLine, found, _line)


@page("GET", ONE, roles=ADMINS, template="admin/identity_check.html")
async def show_check(context: PageContext, _: None) -> Facts:
    """What an account tells of itself, with its documents."""
    return await _check(context)


@page("POST", f"{ONE}/approve", roles=ADMINS, confirm=True, template="admin/identity_check.html",
      again=lambda context: _check(context))  # fmt: skip
async def approve_check(context: PageContext, _: None) -> Response:
    """Live keys of the account work from now on."""
    await act(context, deeds.approve, context.path["id"], post(context))
    return go(HERE)


@page("POST", f"{ONE}/reject", roles=ADMINS, confirm=True, takes=ReasonForm,
      template="admin/identity_check.html", again=lambda context: _check(context))  # fmt: skip
async def reject_check(context: PageContext, given: ReasonForm) -> Response:
    """It may be handed in once more."""
    await act(context, deeds.reject, context.path["id"], given.reason, post(context))
    return go(HERE)


@page("GET", f"{ONE}/documents/{{file}}", roles=ADMINS, confirm=True)
async def read_document(context: PageContext, _: None) -> Response:
    """A document as a file; that it was read is written down first."""
    check_id, file_id = context.path["id"], context.path["file"]
    row = await files.find(context.db, check_id, file_id)
    await act(context, deeds.read, check_id, file_id)
    content = await asyncio.to_thread(context.vault.open_bytes, row["content_sealed"])
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(row['name'], safe='')}",
               "Cache-Control": "no-store"}  # fmt: skip
    return Response(content, 200, headers, row["media_type"])


async def _check(context: PageContext) -> Facts:
    row = await identity.one(context.db, context.path["id"])
    if row is None:
        raise NotFoundError("There is no such identity check.")
    checks = await identity.last_of(context.db, row["account_id"], EARLIER)
    return {
        "check": row, "told": opened(context.vault, row), "kinds": KINDS,
        "documents": await stored_files.of(context.db, row["id"]),
        "others": [one for one in checks if one["id"] != row["id"]],
    }  # fmt: skip


def _line(row: Row) -> BaseModel:
    return CheckLine(**{name: row[name] for name in CheckLine.model_fields})
