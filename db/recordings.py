"""Recorded calls and where their audio is."""

from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field

from db.base import Table
from db.columns import instant, one_of, partial, valid_mode
from db.states import Transitions


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
    the store."""

    __table_args__ = (
        one_of("status", RecordingStatus),
        valid_mode(),
        Index("ix_recording_account", "account_id", "mode", "id"),
        partial("ix_recording_open", "node", where="status = 'recording'"),
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
    created_at: int = instant()
    stored_at: int | None = instant(default=None)
    delete_at: int | None = instant(default=None)
