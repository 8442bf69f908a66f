"""What becomes of a recording, each step written once."""

from db import accounts, recordings
from db.connection import Conn, Row
from db.recordings import RecordingStatus
from telephony.clock import SECOND, Instant, rfc3339
from telephony.voice.recordings.links import Links
from telephony.voice.recordings.policy import STEREO
from telephony.voice.recordings.wav import Wav
from telephony.webhooks.events import emit

DAY = 24 * 3600 * SECOND
LOST = "pbx_lost"
"""The hangup cause of a call during which the PBX died."""


def begin(conn: Conn, call: Row, at: Instant) -> None:
    """Note that an answered call is recorded, if it is."""
    if call["record"]:
        recordings.add(
            conn, call_id=call["id"], account_id=call["account_id"], mode=call["mode"],
            node=call["node"], channels=2 if call["record"] == STEREO else 1, created_at=at,
        )  # fmt: skip


def stored(conn: Conn, recording: Row, wav: Wav, key: str, links: Links, days: int,
           at: Instant) -> bool:  # fmt: skip
    """Note what is in the store and tell the customer; False if that was done before. `days` it
    is kept where the account has no number of its own."""
    account = accounts.account(conn, recording["account_id"])
    delete_at = at + (account["recording_days"] or days) * DAY
    row = recordings.go(
        conn, recording["id"], RecordingStatus.stored, size=wav.size, sha256=wav.sha256,
        duration=wav.duration, repaired=recording["hangup_cause"] == LOST, stored_as=key,
        stored_at=at, delete_at=delete_at, peaks=wav.peaks,
    )  # fmt: skip
    if row is None:
        return False
    link = links.make(row["id"], at, delete_at)
    payload = {
        "call_id": row["call_id"],
        "recording_url": link.url,
        "duration": row["duration"],
        "size": row["size"],
        "expires_at": rfc3339(link.expires_at),
    }
    emit(
        conn, account_id=row["account_id"], mode=row["mode"], kind="call_recording",
        subject=row["call_id"], fact="", callback_url=recording["callback_url"], payload=payload,
        now=at, request_id=recording["request_id"],
    )  # fmt: skip
    return True


def missing(conn: Conn, recording_id: str) -> bool:
    """Note that the PBX has no audio of the call; False if there is some by now."""
    return recordings.go(conn, recording_id, RecordingStatus.missing) is not None


def deleted(conn: Conn, recording_id: str) -> None:
    """Note that a recording is no longer in the store."""
    recordings.go(conn, recording_id, RecordingStatus.deleted)
