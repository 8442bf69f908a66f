"""Calls that end together: what many records say is written by few statements."""

from collections.abc import Iterable

from db.calls import TRANSITIONS, CallStatus
from db.connection import Conn, Row
from db.ids import new_id

FACTS = (
    "status", "hangup_cause", "sip_code", "ended_at", "billsec", "duration", "first_answered_at",
    "cost",
)  # fmt: skip


def of_channels(conn: Conn, channel_ids: Iterable[str]) -> dict[str, Row]:
    """Calls by the Uniqueid of their first channel; nobody else changes them before this
    transaction ends."""
    rows = conn.all(
        f"SELECT * FROM call WHERE channel_id IN :ids ORDER BY channel_id {conn.for_update}",
        ids=sorted(set(channel_ids)),
    )
    return {row["channel_id"]: row for row in rows}


def may_end(call: Row, status: CallStatus) -> bool:
    """Whether a call goes to that end from the state that it is in."""
    return call["status"] in TRANSITIONS[status]


def end_all(conn: Conn, calls: list[Row]) -> None:
    """Write how calls ended that are locked and may end so, and the last line of each timeline."""
    conn.change_all("call", "id", [{name: call[name] for name in ("id", *FACTS)} for call in calls])
    conn.insert_all("call_moment", [
        {"id": new_id("cm"), "call_id": call["id"], "status": call["status"],
         "detail": call["hangup_cause"], "at": call["ended_at"]}
        for call in calls
    ])  # fmt: skip
