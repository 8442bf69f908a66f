"""The audio of a recorded call, whole or a part of it."""

from collections.abc import AsyncIterator
from typing import Annotated, Protocol

from pydantic import Field
from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse

from api.endpoint import PUBLIC, Context, Endpoints
from api.fields import Body
from api.ranges import Part, part
from db import recordings
from db.connection import Row
from db.database import Database
from db.recordings import RecordingStatus
from telephony.clock import Instant
from telephony.errors import (
    LinkExpiredError,
    LinkForgedError,
    MissingApiKeyError,
    NotFoundError,
    RangeNotSatisfiableError,
    ScopeMissingError,
    StoreUnavailableError,
)
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice.recordings.links import Links
from telephony.voice.recordings.store import RecordingStore

endpoint = Endpoints()

SCOPE = "voice:read"
AUDIO = "audio/wav"
NOT_THERE = "There is no such recording."
WHY_NOT = {
    RecordingStatus.recording: "The recording is not complete yet. Try again after the call.",
    RecordingStatus.missing: "The call was to be recorded, but there is no audio of it.",
    RecordingStatus.deleted: "The recording was deleted: the days that it is kept are over.",
}


class LinkQuery(Body):
    """What a signed link carries; a request with an API key needs neither."""

    expires: Annotated[int | None, Field(ge=0, lt=1 << 40)] = None
    signature: Annotated[str | None, Field(max_length=128)] = None


@endpoint(
    "GET", "/voice/recordings/{recording_id}", scope=PUBLIC, takes=LinkQuery, returns=None,
    besides=(AUDIO,), partial=True,
    errors=(MissingApiKeyError, ScopeMissingError, LinkForgedError, LinkExpiredError,
            NotFoundError, RangeNotSatisfiableError, StoreUnavailableError),
)  # fmt: skip
async def recording(context: Context, query: LinkQuery) -> Response:
    """Get the audio of a recorded call, by its signed link or with a key; ranges are served."""
    row = await _permitted(context, query)
    return await audio(context.recordings, row, context.method, context.headers)


class Reading(Protocol):
    """What reads need of their request, be it one of the API or of a page."""

    @property
    def db(self) -> Database:
        """Where calls and recordings are."""

    @property
    def settings(self) -> Settings:
        """They tell for how long a link is good."""

    @property
    def vault(self) -> Vault:
        """It signs links."""

    @property
    def now(self) -> Instant:
        """When the request came."""


async def linked(context: Reading, rows: list[Row]) -> list[Row]:
    """Calls, each with the `recording_url` under which it can be heard, or None."""
    asked = [row["id"] for row in rows if row["record"]]
    found = await recordings.stored_of(context.db, asked) if asked else {}
    links = Links(context.settings, context.vault)
    urls = {
        call_id: links.make(row["id"], context.now, row["delete_at"]).url
        for call_id, row in found.items()
    }
    return [{**row, "recording_url": urls.get(row["id"])} for row in rows]


async def _permitted(context: Context, query: LinkQuery) -> Row:
    """The recording, if link or key allow it."""
    recording_id = context.path["recording_id"]
    if query.signature is not None or query.expires is not None:
        links = Links(context.settings, context.vault)
        links.check(recording_id, query.expires or 0, query.signature or "", context.now)
    elif context.caller is None:
        raise MissingApiKeyError
    elif SCOPE not in context.caller.scopes:
        raise ScopeMissingError(f"The API key lacks the scope {SCOPE}.")
    row = await recordings.find(context.db, recording_id)
    if row is None or (query.signature is None and not _owns(context, row)):
        raise NotFoundError(NOT_THERE)
    return row


def _owns(context: Context, row: Row) -> bool:
    return (row["account_id"], row["mode"]) == (context.me.account_id, context.me.mode)


def _headers(row: Row) -> dict[str, str]:
    return {
        "Accept-Ranges": "bytes",
        "ETag": f'"{row["sha256"]}"',
        "Cache-Control": "private",
        "Content-Disposition": f'inline; filename="{row["call_id"]}.wav"',
    }


async def audio(store: RecordingStore, row: Row, method: str, asked: Headers) -> Response:
    """The WAV of a recording, or the range of it that the headers ask for."""
    if row["status"] != RecordingStatus.stored:
        raise NotFoundError(WHY_NOT[row["status"]])
    headers = _headers(row)
    # A range of another version would not fit to what the client has.
    fits = asked.get("if-range", headers["ETag"]) == headers["ETag"]
    wanted = part(asked.get("range") if fits and method == "GET" else None, row["size"])
    headers |= {"Content-Length": str(wanted.stop - wanted.start), "Content-Type": AUDIO}
    if method == "HEAD":
        return Response(headers=headers)
    chunks = await _read(store, row["stored_as"], wanted)
    if wanted.whole:
        return StreamingResponse(chunks, headers=headers)
    headers |= {"Content-Range": wanted.content_range}
    return StreamingResponse(chunks, 206, headers)


async def _read(store: RecordingStore, key: str, wanted: Part) -> AsyncIterator[bytes]:
    try:
        return await store.read(key, wanted.start, wanted.stop)
    except FileNotFoundError as error:
        raise NotFoundError("The recording is no longer in the store.") from error
    except OSError as error:
        raise StoreUnavailableError from error
