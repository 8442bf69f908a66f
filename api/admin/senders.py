"""Sender ids that accounts asked for: approved, refused."""

import re
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from starlette.responses import Response

from api import csv_stream
from api.admin.acting import ADMINS, LINES, LOOKERS, ReasonForm, act
from api.dashboard.lists import shown_query
from api.dashboard.viewer import go, post
from api.fields import Answer, Body, Time
from api.web.page import Facts, PageContext, Pages
from db import sms_accounts
from db.connection import Reader, Row
from telephony.admin import senders as deeds

page = Pages()
HERE = "/admin/senders"
ROWS_PER_READ = 500
CURSOR = re.compile(r"[0-9]{1,18}~acc_[0-9a-z]{1,40}~.{1,40}")
Status = Literal["requested", "approved", "refused"]
Name = Annotated[str, Field(max_length=40)]


class SendersQuery(Body):
    """Those that wait, or those that were decided."""

    status: Status = "requested"
    cursor: Annotated[str, Field(pattern=f"^{CURSOR.pattern}$")] | None = None


class SenderForm(ReasonForm):
    """Which one of whom; an approval needs no reason."""

    account_id: Name
    sender: Name


class SenderLine(Answer):
    """A sender id as CSV."""

    account_id: str
    account: str
    sender: str
    status: str
    note: str
    requested_at: Time
    decided_at: Time | None


async def _senders(context: PageContext, given: SendersQuery | None = None) -> Facts:
    given = given or SendersQuery()
    found = await sms_accounts.sender_queue(
        context.db, given.status, LINES + 1, _after(given.cursor)
    )  # fmt: skip
    rows = found[:LINES]
    return {"senders": rows, "statuses": sms_accounts.SenderStatus, "listed": given.status,
            "query": shown_query(context), "at_first": given.cursor is None,
            "next_cursor": _cursor(rows[-1]) if len(found) > LINES else None}  # fmt: skip


@page("GET", HERE, roles=LOOKERS, takes=SendersQuery, template="admin/senders.html")
async def list_senders(context: PageContext, given: SendersQuery) -> Facts:
    """The queue, the oldest first, or what was decided."""
    return await _senders(context, given)


@page("GET", f"{HERE}.csv", roles=LOOKERS, takes=SendersQuery)
async def senders_csv(context: PageContext, given: SendersQuery) -> Response:
    """The same as a file."""
    found = _all(context.db, given.status)
    return csv_stream.response("sender-ids.csv", SenderLine, found, _line)


@page("POST", f"{HERE}/approve", roles=ADMINS, confirm=True, takes=SenderForm,
      template="admin/senders.html", again=_senders)  # fmt: skip
async def approve_sender(context: PageContext, given: SenderForm) -> Response:
    """The account may send by it."""
    await act(context, deeds.approve, given.account_id, given.sender, post(context))
    return go(HERE)


@page("POST", f"{HERE}/refuse", roles=ADMINS, confirm=True, takes=SenderForm,
      template="admin/senders.html", again=_senders)  # fmt: skip
async def refuse_sender(context: PageContext, given: SenderForm) -> Response:
    """The account may not, and is told why."""
    await act(context, deeds.refuse, given.account_id, given.sender, given.reason, post(context))
    return go(HERE)


async def _all(reader: Reader, status: str) -> AsyncIterator[list[Row]]:
    after = _after(None)
    while rows := await sms_accounts.sender_queue(reader, status, ROWS_PER_READ, after):
        yield rows
        after = _after(_cursor(rows[-1]))


def _cursor(row: Row) -> str:
    return f"{row['requested_at']}~{row['account_id']}~{row['sender']}"


def _after(cursor: str | None) -> tuple[int, str, str]:
    at, account_id, sender = (cursor or "0~~").split("~", 2)
    return int(at), account_id, sender


def _line(row: Row) -> BaseModel:
    return SenderLine(**{name: row[name] for name in SenderLine.model_fields})
