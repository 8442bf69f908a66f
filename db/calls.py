"""Calls, their states and their timeline."""

from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from db.base import Table
from db.columns import instant, money, one_of, partial, text, valid_mode
from db.connection import Conn, Reader, Row, insert
from db.ids import new_id
from db.search import keep_up
from db.searched import CALLS
from db.states import Transitions, move, terminal

IDS_PER_READ = 200
DIRECTIONS = ("outbound", "inbound", "internal")


class CallStatus(StrEnum):
    """`completed` was answered; the other ends were not."""

    queued = "queued"
    dialing = "dialing"
    ringing = "ringing"
    answered = "answered"
    completed = "completed"
    busy = "busy"
    no_answer = "no_answer"
    failed = "failed"
    canceled = "canceled"


_S = CallStatus
_UNANSWERED = frozenset({_S.queued, _S.dialing, _S.ringing})
TRANSITIONS: Transitions[CallStatus] = {
    _S.queued: frozenset({_S.dialing}),
    _S.dialing: frozenset({_S.queued}),
    _S.ringing: frozenset({_S.dialing}),
    _S.answered: frozenset({_S.dialing, _S.ringing}),
    _S.completed: frozenset({_S.answered}),
    _S.busy: _UNANSWERED,
    _S.no_answer: _UNANSWERED,
    _S.failed: _UNANSWERED,
    _S.canceled: _UNANSWERED,
}
ENDED = terminal(TRANSITIONS)
IS_OPEN = "status IN ('queued', 'dialing', 'ringing', 'answered')"
HAS_ENDED = f"status IN ({', '.join(map(repr, sorted(map(str, ENDED))))})"
"""Of a statement that is to use `ix_call_ended`, word for word."""


class Call(Table, table=True):
    """One call, however many legs it has. `channel_id` is the Uniqueid of its first channel;
    for calls of the API that is the call's own id.

    Of its seconds of talk `time_limit_seconds` were asked for, `max_seconds` were affordable at
    acceptance, `granted_seconds` are paid for and `armed_seconds` the PBX has confirmed; one that
    uses up its grant ends with `cut_cause`. `extend_at` is when the grant is looked at next.
    A queued call has its turn at `due_at`. `route` is `phone`, `simulated` or `trunk`; `legs` is
    what the dialplan tries, in turn, `first_legs` the same for a first leg that is a number.

    `first_rate` is the price of the first leg where that one is charged, too (call-back), from
    `first_answered_at` on. `hangup_at` is when somebody asked to end the call, `hangup_reason`
    why. `trunk` is the carrier that took it; `record` is `stereo`, `mixed` or empty."""

    __table_args__ = (
        one_of("status", CallStatus),
        one_of("direction", DIRECTIONS),
        valid_mode(),
        Index("ix_call_log", "account_id", "mode", "id"),
        # Every filter of the call log, so that what it does not find costs no look at the row.
        partial("ix_call_ended", "account_id", "mode", "id", "created_at", "direction", "status",
                "sip_account", "to_number", "from_number", "caller_id", where=HAS_ENDED),
        partial("ix_call_outcome", "account_id", "mode", "direction", "status", "id",
                where=HAS_ENDED),
        partial("ix_call_phone", "account_id", "mode", "sip_account", "direction", "status", "id",
                where=HAS_ENDED),
        partial("ix_call_queued", "due_at", "id", where="status = 'queued'"),
        partial("ix_call_open", "node", where="status IN ('dialing', 'ringing', 'answered')"),
        partial("ix_call_hangup", "node",
                where="hangup_at IS NOT NULL AND status IN ('dialing', 'ringing', 'answered')"),
        partial("ix_call_busy", "account_id", "mode", where=IS_OPEN),
        partial("ix_call_trunk", "trunk", where=IS_OPEN),
        partial("ix_call_credit", "node", "extend_at", where="status = 'answered'"),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    channel_id: str = Field(unique=True)
    account_id: str = Field(foreign_key="account.id")
    key_id: str | None = None
    sip_account: str | None = None
    mode: str
    direction: str
    status: str
    first_leg: str
    route: str
    legs: str = text(default="")
    first_legs: str = text(default="")
    to_number: str
    from_number: str
    caller_id: str
    ring_seconds: int
    max_seconds: int
    time_limit_seconds: int
    granted_seconds: int
    armed_seconds: int
    cut_cause: str
    extend_at: int | None = instant(default=None)
    rate: str = text()
    currency: str
    cost: int = money(default=0)
    duration: int = 0
    billsec: int = 0
    hangup_cause: str | None = None
    sip_code: int | None = None
    first_rate: str | None = text(default=None)
    first_answered_at: int | None = instant(default=None)
    trunk: str | None = None
    record: str = ""
    hangup_at: int | None = instant(default=None)
    hangup_reason: str | None = None
    callback_url: str | None = text(default=None)
    reference: str | None = None
    request_id: str | None = None
    node: str | None = None
    created_at: int = instant()
    due_at: int | None = instant(default=None)
    started_at: int | None = instant(default=None)
    ringing_at: int | None = instant(default=None)
    answered_at: int | None = instant(default=None)
    ended_at: int | None = instant(default=None)
    last_seen_at: int | None = instant(default=None)


class CallMoment(Table, table=True):
    """A line of a call's timeline."""

    __tablename__ = "call_moment"

    id: str = Field(primary_key=True)
    call_id: str = Field(foreign_key="call.id", index=True)
    status: str
    detail: str = ""
    at: int = instant()


def add(conn: Conn, **facts: Any) -> None:
    """Insert a call and the first line of its timeline."""
    insert(conn, "call", **facts)
    keep_up(conn, CALLS, [facts])
    note(conn, facts["id"], facts["status"], facts["created_at"])


def note(conn: Conn, call_id: str, status: str, at: int, detail: str = "") -> None:
    """Append to the timeline of a call."""
    facts = {"call_id": call_id, "status": status, "detail": detail, "at": at}
    insert(conn, "call_moment", id=new_id("cm"), **facts)


def note_once(conn: Conn, call_id: str, status: str, at: int, detail: str) -> None:
    """Append to the timeline of a call what is not in it yet."""
    known = "SELECT 1 AS yes FROM call_moment WHERE call_id = :call_id AND detail = :detail"
    if not conn.one(known, call_id=call_id, detail=detail):
        note(conn, call_id, status, at, detail)


def had_channel(call: Row) -> bool:
    """Whether a claimed call's first leg has shown a sign of life since."""
    return bool(call["last_seen_at"] > call["started_at"])


def go(
    conn: Conn, call_id: str, target: CallStatus, at: int, detail: str = "", **facts: Any
) -> Row | None:
    """Move a call and note it; None where its state does not allow that."""
    row = move(conn, "call", TRANSITIONS, call_id, target, **facts)
    if row:
        note(conn, call_id, target, at, detail)
    return row


def by_channel(conn: Conn, channel_id: str) -> Row | None:
    """The call whose first channel has that Uniqueid."""
    return conn.one("SELECT * FROM call WHERE channel_id = :channel_id", channel_id=channel_id)


def change(conn: Conn, call_id: str, **facts: Any) -> None:
    """Set columns other than the status."""
    sets = ", ".join(f"{column} = :{column}" for column in facts)
    conn.run(f"UPDATE call SET {sets} WHERE id = :call_id", call_id=call_id, **facts)


def on_node(conn: Conn, node: str) -> list[Row]:
    """Calls that should have a channel on the PBX node."""
    return conn.all(
        "SELECT * FROM call WHERE status IN ('dialing', 'ringing', 'answered') AND node = :node",
        node=node,
    )


async def known(reader: Reader, channel_ids: list[str], since: int) -> set[str]:
    """Which of these are first channels of calls that are open, or have ended since then."""
    found: set[str] = set()
    for at in range(0, len(channel_ids), IDS_PER_READ):
        rows = await reader.all(
            "SELECT channel_id FROM call WHERE channel_id IN :ids"
            " AND (ended_at IS NULL OR ended_at > :since)",
            ids=channel_ids[at : at + IDS_PER_READ], since=since,
        )  # fmt: skip
        found |= {row["channel_id"] for row in rows}
    return found


def seen(conn: Conn, channel_ids: list[str], now: int) -> None:
    """Note a sign of life of these channels: the latest instant that a lost call is charged to."""
    conn.many(
        "UPDATE call SET last_seen_at = :now WHERE channel_id = :channel_id",
        [{"channel_id": channel_id, "now": now} for channel_id in channel_ids],
    )


def credit_due(conn: Conn, node: str, now: int, limit: int) -> list[Row]:
    """Answered calls on the node whose grant must be looked at by now, the most urgent first."""
    return conn.all(
        "SELECT * FROM call WHERE status = 'answered' AND node = :node AND extend_at <= :now"
        f" ORDER BY extend_at LIMIT :limit {conn.skip_locked}",
        node=node, now=now, limit=limit,
    )  # fmt: skip


def armed(conn: Conn, confirmed: list[Row]) -> None:
    """Note limits that the PBX has confirmed: rows of id, seconds and the next extend_at. One
    that was lengthened meanwhile stays due."""
    conn.many(
        "UPDATE call SET armed_seconds = :seconds, extend_at = :extend_at"
        " WHERE id = :id AND granted_seconds = :seconds",
        confirmed,
    )


def open_of(conn: Conn, account_id: str, sip_account: str | None = None) -> list[Row]:
    """Calls that have not ended: of one of an account's phones, or all, with a phone or without."""
    of_phone = "" if sip_account is None else " AND sip_account = :sip_account"
    return conn.all(
        "SELECT * FROM call WHERE account_id = :account_id"
        f" AND status IN ('queued', 'dialing', 'ringing', 'answered'){of_phone}",
        account_id=account_id, **({} if sip_account is None else {"sip_account": sip_account}),
    )  # fmt: skip


def open_to(conn: Conn, account_id: str, username: str) -> list[Row]:
    """Calls of an account to one of its phones that have not ended."""
    return conn.all(
        "SELECT * FROM call WHERE account_id = :account_id AND route = 'phone'"
        " AND status IN ('queued', 'dialing', 'ringing', 'answered') AND to_number = :username",
        account_id=account_id, username=username,
    )  # fmt: skip


def to_hang_up(conn: Conn, node: str, limit: int) -> list[Row]:
    """Calls on the node that somebody asked to end and that have not ended."""
    return conn.all(
        "SELECT * FROM call WHERE hangup_at IS NOT NULL AND node = :node"
        " AND status IN ('dialing', 'ringing', 'answered') LIMIT :limit",
        node=node, limit=limit,
    )  # fmt: skip


def locked(conn: Conn, call_id: str) -> Row:
    """The call as it is now; nobody else changes it before this transaction ends."""
    row = conn.one("UPDATE call SET id = id WHERE id = :id RETURNING *", id=call_id)
    assert row is not None, call_id
    return row


def locked_of(conn: Conn, account_id: str, mode: str, call_id: str) -> Row | None:
    """Like `locked`, for a call that may not exist or may be another's."""
    return conn.one(
        "UPDATE call SET id = id WHERE id = :id AND account_id = :account_id AND mode = :mode"
        " RETURNING *",
        id=call_id, account_id=account_id, mode=mode,
    )  # fmt: skip


async def find(reader: Reader, account_id: str, mode: str, call_id: str) -> Row | None:
    """One call of an account and mode."""
    return await reader.one(
        "SELECT * FROM call WHERE id = :id AND account_id = :account_id AND mode = :mode",
        id=call_id, account_id=account_id, mode=mode,
    )  # fmt: skip


async def timeline(reader: Reader, call_id: str) -> list[Row]:
    """The states of a call, oldest first."""
    return await reader.all(
        "SELECT status, detail, at FROM call_moment WHERE call_id = :id ORDER BY at, id", id=call_id
    )
