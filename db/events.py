"""Events: facts that a customer may want to know, and the log of them."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

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
LOOKED_MAX = 2_000
"""So many events, or deliveries that are not done, are looked through for one page."""


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
    conn.change_all("event", "id", changed)


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


class Look(NamedTuple):
    """Events of a page, and the id below which to look on; None where nothing is left."""

    rows: list[Row]
    cursor: str | None


async def page(
    reader: Reader, account_id: str, mode: str, *, limit: int, kind: str | None = None,
    state: str | None = None, since: int | None = None, until: int | None = None,
    cursor: str | None = None,
) -> Look:  # fmt: skip
    """Newest first, from before `cursor`. `state` is that of one of the deliveries, `none` of an
    event that nobody asked for: only so many are looked through for it, so that a page may have
    few rows although others follow."""
    low = first_id(PREFIX, (since or 0) // 1000)
    high = first_id(PREFIX, until // 1000) if until else LAST
    own = {"account_id": account_id, "mode": mode, "low": low, "high": min(high, cursor or high)}
    types, edge = (kind,) if kind else TYPES, ""
    if state:
        looked = (
            _NEWEST_UNWELL if state in _UNWELL
            else _each_type(types, _BETWEEN, "DESC", "id", _hint(reader))
        )  # fmt: skip
        found = await reader.one(f"SELECT MIN(id) AS edge, COUNT(*) AS n FROM ({looked}) AS looked",
                                 limit=LOOKED_MAX, **own, **_only(state))  # fmt: skip
        edge = str(found["edge"]) if found and found["n"] == LOOKED_MAX else ""
    rows = await _between(reader, own | {"low": max(low, edge)}, types, state, limit + 1)
    if len(rows) > limit:
        return Look(rows[:limit], str(rows[limit - 1]["id"]))
    return Look(rows, edge or None)


def _only(state: str) -> dict[str, str]:
    return {"state": state} if state in _UNWELL else {}


async def _between(
    reader: Reader, own: dict[str, str], types: Sequence[str], state: str | None, limit: int
) -> list[Row]:
    if state in _UNWELL:
        return await reader.all(_OF_UNWELL, types=types, limit=limit, state=state, **own)
    condition = f"{_BETWEEN}{_STATES[state]}"
    sql = _each_type(types, condition, "DESC", hint=_hint(reader))
    return await reader.all(sql, limit=limit, **own)


def _hint(reader: Reader) -> str:
    """Between two ids SQLite would go along those of all accounts."""
    return " INDEXED BY ix_event_account" if reader.dialect == "sqlite" else ""


async def about(
    reader: Reader, account_id: str, mode: str, subject: str, limit: int
) -> list[Row]:  # fmt: skip
    """The newest events about a message, a call or another id, or the one with that id."""
    # Joined so that SQLite goes from the few ids to their rows, and not along all of the account.
    return await reader.all(
        "SELECT event.* FROM (SELECT id AS one FROM event WHERE subject = :subject"
        " UNION SELECT id FROM event WHERE id = :subject) AS about CROSS JOIN event"
        f" WHERE id = one AND {_OWN} ORDER BY id DESC LIMIT :limit",
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
_UNWELL = ("pending", "failed")
_BETWEEN = "id >= :low AND id < :high"
# Few deliveries are not delivered: an index of these alone leads to their events.
_NOT_DELIVERED = (
    "FROM delivery d WHERE d.account_id = :account_id AND d.state = :state"
    " AND d.state <> 'delivered' AND d.event_id >= :low AND d.event_id < :high"
)
_NEWEST_UNWELL = f"SELECT event_id AS id {_NOT_DELIVERED} ORDER BY event_id DESC LIMIT :limit"
_OF_UNWELL = (
    f"SELECT event.* FROM (SELECT DISTINCT event_id {_NOT_DELIVERED}) AS unwell CROSS JOIN event"
    " WHERE id = event_id AND mode = :mode AND type IN :types ORDER BY id DESC LIMIT :limit"
)


def _each_type(
    types: Sequence[str], condition: str, order: str, columns: str = "*", hint: str = ""
) -> str:
    """The first rows of every type, merged: each is read in the order of one index, so that a
    rare type is found as quickly as a common one."""
    assert set(types) <= set(TYPES), types
    parts = [
        f"SELECT * FROM (SELECT {columns} FROM event{hint} WHERE {_OWN} AND type = '{kind}'"
        f" AND {condition}"
        f" ORDER BY id {order} LIMIT :limit) AS of_{kind}"
        for kind in types
    ]
    return f"{' UNION ALL '.join(parts)} ORDER BY id {order} LIMIT :limit"
