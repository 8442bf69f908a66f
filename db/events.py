"""Events: facts that a customer may want to know, and the log of them."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from db.base import Table
from db.columns import instant, one_of, text, valid_mode
from db.connection import Conn, Reader, Row, insert_new
from db.ids import first_id

TYPES = (
    "delivery_report", "message_received", "call_ringing", "call_answered", "call_completed",
    "call_recording", "sip_registration", "wallet_low",
)  # fmt: skip
PREFIX = "evt"
LAST = "evt_~"
"""Sorts after every id of an event."""


class Event(Table, table=True):
    """A fact that a customer may want to know; the same fact never makes two events."""

    __table_args__ = (
        one_of("type", TYPES),
        valid_mode(),
        UniqueConstraint("subject", "type", "fact"),
        Index("ix_event_account", "account_id", "mode", "type", "id"),
    )

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id")
    mode: str
    type: str
    subject: str
    fact: str
    payload: str = text()
    request_id: str | None = None
    created_at: int = instant()


def add(conn: Conn, **facts: Any) -> bool:
    """Insert an event; False if the fact was told before."""
    return insert_new(conn, "event", **facts)


def add_all(conn: Conn, events: list[Row]) -> set[str]:
    """Insert events that have the same columns; ids of those whose facts are new."""
    found = conn.insert_all("event", events, "ON CONFLICT DO NOTHING RETURNING id")
    return {row["id"] for row in found}


def empty(conn: Conn, kind: str, subjects: Sequence[str], member: str) -> None:
    """Empty a text in the payloads of events of that kind about these subjects."""
    found = conn.all(
        "SELECT id, payload FROM event WHERE type = :kind AND subject IN :subjects",
        kind=kind, subjects=subjects or [""],
    )  # fmt: skip
    changed = [
        {"id": row["id"], "payload": json.dumps(json.loads(row["payload"]) | {member: ""})}
        for row in found
    ]
    if changed:
        conn.many("UPDATE event SET payload = :payload WHERE id = :id", changed)


def find(conn: Conn, account_id: str, mode: str, event_id: str) -> Row | None:
    """An event of the account."""
    return conn.one(f"SELECT * FROM event WHERE {_OWN} AND id = :id", id=event_id,
                    account_id=account_id, mode=mode)  # fmt: skip


async def read(reader: Reader, account_id: str, mode: str, event_id: str) -> Row | None:
    """The same, beside the writer."""
    return await reader.one(f"SELECT * FROM event WHERE {_OWN} AND id = :id", id=event_id,
                            account_id=account_id, mode=mode)  # fmt: skip


def after(
    conn: Conn, account_id: str, mode: str, since: str, until: str, types: Sequence[str],
    limit: int,
) -> list[Row]:  # fmt: skip
    """The oldest events of these types with an id after `since` and before `until`."""
    return conn.all(
        _each_type(types, "id > :since AND id < :until", "ASC"),
        account_id=account_id, mode=mode, since=since, until=until, limit=limit,
    )  # fmt: skip


async def read_after(
    reader: Reader, account_id: str, mode: str, since: str, limit: int
) -> list[Row]:
    """The same of every type and without an end, beside the writer."""
    return await reader.all(
        _each_type(TYPES, "id > :since", "ASC"),
        account_id=account_id, mode=mode, since=since, limit=limit,
    )  # fmt: skip


async def page(
    reader: Reader, account_id: str, mode: str, *, limit: int, kind: str | None, state: str | None,
    since: int | None, until: int | None, cursor: str | None,
) -> list[Row]:  # fmt: skip
    """Newest first, from before `cursor`. `state` is that of one of the deliveries, `none` of an
    event that nobody asked for."""
    low = first_id(PREFIX, (since or 0) // 1000)
    high = first_id(PREFIX, until // 1000) if until else LAST
    bounds = {"low": low, "high": min(high, cursor or high), "limit": limit}
    own = {"account_id": account_id, "mode": mode}
    types = (kind,) if kind else TYPES
    if state in ("pending", "failed"):
        return await reader.all(_UNWELL, state=state, types=types, **bounds, **own)
    condition = f"id >= :low AND id < :high{_STATES[state]}"
    return await reader.all(_each_type(types, condition, "DESC"), **bounds, **own)


async def about(
    reader: Reader, account_id: str, mode: str, subject: str, limit: int
) -> list[Row]:  # fmt: skip
    """The newest events about a message, a call or another id, or the one with that id."""
    return await reader.all(
        f"SELECT * FROM event WHERE {_OWN} AND id IN (SELECT id FROM event WHERE subject = :subject"
        " UNION SELECT id FROM event WHERE id = :subject) ORDER BY id DESC LIMIT :limit",
        account_id=account_id, mode=mode, subject=subject, limit=limit,
    )  # fmt: skip


def sweep(conn: Conn, before: int, limit: int) -> int:
    """Forget the oldest events from before an instant, with their deliveries; how many."""
    rows = conn.all(
        "SELECT id FROM event WHERE id < :bound ORDER BY id LIMIT :limit",
        bound=first_id(PREFIX, max(0, before // 1000)), limit=limit,
    )  # fmt: skip
    ids = [row["id"] for row in rows]
    if ids:
        of_these = "SELECT id FROM delivery WHERE event_id IN :ids"
        conn.run(f"DELETE FROM delivery_attempt WHERE delivery_id IN ({of_these})", ids=ids)
        conn.run("DELETE FROM delivery WHERE event_id IN :ids", ids=ids)
        conn.run("DELETE FROM event WHERE id IN :ids", ids=ids)
    return len(ids)


_OWN = "account_id = :account_id AND mode = :mode"
_STATES = {
    None: "",
    "none": " AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.event_id = event.id)",
    "delivered": " AND EXISTS (SELECT 1 FROM delivery d WHERE d.event_id = event.id"
                 " AND d.state = 'delivered')",
}  # fmt: skip
# Few deliveries are not delivered: an index of these alone leads to their events.
_UNWELL = (
    "SELECT * FROM event WHERE id IN (SELECT DISTINCT d.event_id FROM delivery d"
    " JOIN event e ON e.id = d.event_id"
    " WHERE d.account_id = :account_id AND d.state = :state AND d.state <> 'delivered'"
    " AND d.event_id >= :low AND d.event_id < :high AND e.mode = :mode AND e.type IN :types"
    " ORDER BY d.event_id DESC LIMIT :limit) ORDER BY id DESC"
)


def _each_type(types: Sequence[str], condition: str, order: str) -> str:
    """The first rows of every type, merged: each is read in the order of one index, so that a
    rare type is found as quickly as a common one."""
    assert set(types) <= set(TYPES), types
    parts = [
        f"SELECT * FROM (SELECT * FROM event WHERE {_OWN} AND type = '{kind}' AND {condition}"
        f" ORDER BY id {order} LIMIT :limit) AS of_{kind}"
        for kind in types
    ]
    return f"{' UNION ALL '.join(parts)} ORDER BY id {order} LIMIT :limit"
