"""Recorded calls and where their audio is."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from db.base import Table
from db.columns import instant, one_of, partial, text, valid_mode
from db.connection import Conn, Reader, Row, insert
from db.ids import new_id
from db.states import Transitions, move


class RecordingStatus(StrEnum):
    """`recording` until the call is over, then `stored`, or `missing` if the PBX has no file;
    `deleted` once its days are over."""

    recording = "recording"
    stored = "stored"
    missing = "missing"
    deleted = "deleted"


_S = RecordingStatus
TRANSITIONS: Transitions[RecordingStatus] = {
    _S.recording: frozenset(),
    _S.stored: frozenset({_S.recording, _S.missing}),
    _S.missing: frozenset({_S.recording}),
    _S.deleted: frozenset({_S.stored}),
}


class Recording(Table, table=True):
    """One call's audio: WAV of `channels` channels, `size` bytes, `duration` in whole seconds.
    `repaired`: the PBX died while it wrote, and the header was mended. `stored_as` is the key in
    the store, `peaks` what its waveform is drawn from."""

    __table_args__ = (
        one_of("status", RecordingStatus),
        valid_mode(),
        Index("ix_recording_account", "account_id", "mode", "id"),
        partial("ix_recording_open", "node", "id", where="status = 'recording'"),
        partial("ix_recording_kept", "delete_at", where="status = 'stored'"),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    call_id: str = Field(foreign_key="call.id", unique=True)
    account_id: str = Field(foreign_key="account.id")
    mode: str
    node: str
    status: str
    channels: int
    size: int | None = None
    sha256: str = ""
    duration: int | None = None
    repaired: bool = False
    stored_as: str = ""
    peaks: str = text(default="")
    created_at: int = instant()
    stored_at: int | None = instant(default=None)
    delete_at: int | None = instant(default=None)


_COLUMNS = "r.*, c.channel_id, c.ended_at, c.hangup_cause, c.callback_url, c.request_id"


def add(conn: Conn, **facts: Any) -> None:
    """Insert a recording that has begun."""
    blank = {"sha256": "", "stored_as": "", "peaks": "", "repaired": False}
    status = RecordingStatus.recording
    insert(conn, "recording", id=new_id("rec"), status=status, **blank, **facts)


def go(conn: Conn, recording_id: str, target: RecordingStatus, **facts: Any) -> Row | None:
    """Move a recording and set facts; None where its state does not allow that."""
    return move(conn, "recording", TRANSITIONS, recording_id, target, **facts)


async def over(reader: Reader, node: str, after: str, limit: int) -> list[Row]:
    """Recordings of ended calls whose audio is still on the node, in order of their ids, behind
    the id `after`; each with `channel_id`, `ended_at`, `hangup_cause`, `callback_url` and
    `request_id` of its call."""
    return await reader.all(
        f"SELECT {_COLUMNS} FROM recording r JOIN call c ON c.id = r.call_id"
        " WHERE r.status = 'recording' AND r.node = :node AND r.id > :after"
        " AND c.ended_at IS NOT NULL ORDER BY r.id LIMIT :limit",
        node=node, after=after, limit=limit,
    )  # fmt: skip


async def of_channels(reader: Reader, channel_ids: Iterable[str]) -> dict[str, Row]:
    """By channel id: that channel's call and its recording, as `over` gives them; the columns of
    a recording that is not there are None."""
    rows = await reader.all(
        f"SELECT {_COLUMNS} FROM call c LEFT JOIN recording r ON r.call_id = c.id"
        " WHERE c.channel_id IN :ids",
        ids=list(channel_ids),
    )
    return {row["channel_id"]: row for row in rows}


async def due(reader: Reader, now: int, limit: int) -> list[Row]:
    """Stored recordings whose days are over."""
    return await reader.all(
        "SELECT * FROM recording WHERE status = 'stored' AND delete_at <= :now"
        " ORDER BY delete_at LIMIT :limit",
        now=now, limit=limit,
    )  # fmt: skip


async def find(reader: Reader, recording_id: str) -> Row | None:
    """A recording, whoever owns it."""
    return await reader.one("SELECT * FROM recording WHERE id = :id", id=recording_id)


async def of_call(reader: Reader, call_id: str) -> Row | None:
    """The recording of a call, whatever has become of it."""
    return await reader.one("SELECT * FROM recording WHERE call_id = :id", id=call_id)


async def stored_of(reader: Reader, call_ids: Iterable[str]) -> dict[str, Row]:
    """By call id: the recordings of these calls that can be heard."""
    rows = await reader.all(
        "SELECT * FROM recording WHERE call_id IN :ids AND status = 'stored'", ids=list(call_ids)
    )
    return {row["call_id"]: row for row in rows}
