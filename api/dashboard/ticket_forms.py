"""What the pages of tickets share, for customers and for support."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import BeforeValidator, ConfigDict, Field
from starlette.datastructures import UploadFile
from starlette.responses import Response

from api.dashboard.lists import Filters, shown_query
from api.fields import Answer, Body, Time
from api.web.page import Facts, PageContext
from db import stored_files, tickets
from db.connection import Row
from telephony import files
from telephony.errors import NotFoundError
from telephony.files import BYTES_MAX, SealedFile

ROWS = 50
FORM_BYTES_MAX = BYTES_MAX + 128 * 1024
Chosen = Annotated[
    UploadFile | None,
    BeforeValidator(lambda given: given if getattr(given, "filename", "") else None),
]


class EntryForm(Body):
    """Something written, perhaps with a file."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    body: str = Field("", max_length=40_000)
    file: Chosen = None


class TicketForm(EntryForm):
    """A new ticket."""

    kind: str = Field(max_length=40)
    subject: str = Field("", max_length=1_000)
    request_ids: str = Field("", max_length=4_000)


class TicketsQuery(Filters):
    """Filters of the list."""

    status: Literal["open", "answered", "closed"] | None = None
    search: Annotated[str, Field(max_length=150)] | None = None
    cursor: Annotated[str, Field(pattern="^tkt_[0-9a-z]{26}$")] | None = None


class TicketLine(Answer):
    """A line of the list as a file."""

    id: str
    account: str
    kind: str
    subject: str
    status: str
    created_at: Time
    updated_at: Time


def line(row: Row) -> TicketLine:
    """A row as such a line."""
    return TicketLine(**{name: row[name] for name in TicketLine.model_fields})


async def listed(context: PageContext, account_id: str | None, given: TicketsQuery) -> Facts:
    """One page of the tickets of an account, or of all."""
    rows = await tickets.page(
        context.db, account_id, limit=ROWS + 1, status=given.status, search=given.search,
        cursor=given.cursor,
    )  # fmt: skip
    return {
        "tickets": rows[:ROWS], "statuses": tickets.STATUSES, "at_first": given.cursor is None,
        "query": shown_query(context),
        "next_cursor": rows[ROWS - 1]["id"] if len(rows) > ROWS else None,
    }  # fmt: skip


async def thread(context: PageContext, account_id: str | None) -> Facts:
    """A ticket with what was written, and the files of each entry; NotFoundError."""
    row = await tickets.find(context.db, account_id, context.path["id"])
    if row is None:
        raise NotFoundError
    entries = await tickets.entries(context.db, row["id"])
    held = await stored_files.of_each(context.db, [one["id"] for one in entries])
    return {"ticket": row, "entries": entries, "files": held}


async def attached(context: PageContext, file: UploadFile | None) -> Sequence[SealedFile]:
    """The file of a form, sealed; ValidationFailedError."""
    if file is None:
        return ()
    content, name = await file.read(), file.filename or ""
    return [await asyncio.to_thread(files.sealed, context.vault, "file", name, content)]


async def file_of(context: PageContext, account_id: str | None) -> Response:
    """A file of the ticket in the path, to be kept, never shown; NotFoundError."""
    found = await thread(context, account_id)
    for entry, held in found["files"].items():
        if any(one["id"] == context.path["file"] for one in held):
            row = await files.find(context.db, entry, context.path["file"])
            content = await asyncio.to_thread(context.vault.open_bytes, row["content_sealed"])
            name = quote(row["name"], safe="")
            headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}",
                       "Cache-Control": "no-store"}  # fmt: skip
            return Response(content, 200, headers, row["media_type"])
    raise NotFoundError
