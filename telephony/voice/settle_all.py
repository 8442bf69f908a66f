"""Calls that ended while nobody read their records, settled by few statements."""

from db import call_ends
from db.calls import CallStatus
from db.connection import Conn, Row
from telephony.billing.captures import Charge, capture_all
from telephony.voice.settle import End, count, fact, finish, reckoned
from telephony.webhooks.events import emit_all


def finish_all(conn: Conn, ended: list[tuple[Row, End]]) -> None:
    """What `finish` does, for calls that `call_ends.of_channels` has locked, each once. One of
    which a state was missed is told of it, alone."""
    together = []
    for call, end in ended:
        told, row, cost = reckoned(call, end)
        if _all_was_told(call, told):
            together.append((row, cost))
        else:
            finish(conn, call, end)
    charged = capture_all(
        conn, [Charge(row["id"], row["mode"], cost, row["ended_at"]) for row, cost in together]
    )
    rows = [row | {"cost": charged[row["id"]]} for row, _ in together]
    call_ends.end_all(conn, rows)
    emit_all(conn, [fact("call_completed", row, row["ended_at"]) for row in rows])
    for row in rows:
        count(row)


def _all_was_told(call: Row, end: End) -> bool:
    known = call["status"] == CallStatus.answered or end.answered_at is None
    return known and call_ends.may_end(call, end.status)
