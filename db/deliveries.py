"""The outbox: events on their way to customers' URLs, and every attempt."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlmodel import Field

from db.base import Table
from db.columns import instant, one_of, partial, text
from db.connection import Conn, Reader, Row
from db.ids import first_id, new_id

FOREVER = 9_000_000_000_000_000_000
"""`next_attempt_at` of what is held until its endpoint is enabled again."""
_TO_ENDPOINT = "endpoint_id IS NOT NULL"


class Delivery(Table, table=True):
    """One event on its way to an endpoint, or to the `url` that its message or call named. Its
    attempts are counted for ever, those of the schedule since the last replay: from
    `schedule_from`."""

    __table_args__ = (
        one_of("state", ("pending", "delivered", "failed")),
        partial("ix_delivery_pending", "next_attempt_at", where="state = 'pending'"),
        partial("ix_delivery_held", "endpoint_id", "id", where=f"next_attempt_at = {FOREVER}"),
        partial("ix_delivery_unwell", "account_id", "state", "event_id",
                where="state <> 'delivered'"),
        Index("ix_delivery_endpoint", "endpoint_id", "event_id", unique=True,
              sqlite_where=sql(_TO_ENDPOINT), postgresql_where=sql(_TO_ENDPOINT)),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    event_id: str = Field(foreign_key="event.id", index=True)
    account_id: str = Field(foreign_key="account.id")
    endpoint_id: str | None = None
    url: str = text()
    state: str = "pending"
    attempts: int = 0
    schedule_from: int = 0
    next_attempt_at: int = instant()
    lease_token: str | None = None
    created_at: int = instant()


class DeliveryAttempt(Table, table=True):
    """One POST and what came of it; `reply` is the first 2 KiB."""

    __tablename__ = "delivery_attempt"

    delivery_id: str = Field(primary_key=True, foreign_key="delivery.id")
    number: int = Field(primary_key=True)
    at: int = instant()
    latency_us: int
    status_code: int | None = None
    error: str = ""
    reply: str = text(default="")


def add(
    conn: Conn, event_id: str, account_id: str, now: int, *, url: str = "",
    endpoints: Iterable[str | None] = (None,),
) -> None:  # fmt: skip
    """Queue an event for a URL or for endpoints, due at once; an endpoint that has it already
    gets no second."""
    rows = [
        {"id": new_id("dlv"), "event_id": event_id, "account_id": account_id,
         "endpoint_id": endpoint_id, "url": url, "state": "pending", "attempts": 0,
         "schedule_from": 0, "next_attempt_at": now, "created_at": now}
        for endpoint_id in endpoints
    ]  # fmt: skip
    conn.insert_all("delivery", rows, "ON CONFLICT DO NOTHING")


async def due(
    reader: Reader, now: int, limit: int, *, after: tuple[int, str] = (0, ""),
    newest: bool = False,
) -> list[Row]:  # fmt: skip
    """Deliveries that are due, with their lane (the endpoint, or the URL): those that are due the
    longest after a place in the queue (`next_attempt_at`, id), or the newest ones. A bounded
    piece of the queue, however long that is."""
    order = "DESC" if newest else "ASC"
    return await reader.all(
        "SELECT id, account_id, COALESCE(endpoint_id, url) AS lane, next_attempt_at"
        " FROM delivery WHERE state = 'pending'"
        " AND next_attempt_at BETWEEN :since AND :now AND (next_attempt_at, id) > (:since, :id)"
        f" ORDER BY next_attempt_at {order}, id {order} LIMIT :limit",
        now=now, limit=limit, since=after[0], id=after[1],
    )  # fmt: skip


async def count_failed(reader: Reader, account_id: str, since: int, most: int) -> int:
    """How many deliveries of events since an instant were given up; counted up to `most`."""
    row = await reader.one(
        "SELECT COUNT(*) AS n FROM (SELECT event_id FROM delivery WHERE account_id = :account_id"
        " AND state = 'failed' AND state <> 'delivered' AND event_id >= :since LIMIT :most) AS few",
        account_id=account_id, since=first_id("evt", since // 1000), most=most,
    )  # fmt: skip
    return int(row["n"]) if row else 0


def claim(conn: Conn, ids: Collection[str], token: str, now: int, until: int) -> list[Row]:
    """Take those of the deliveries that are still due, until `until`; a taker that dies lets them
    fall due again. Each comes with its `event`, the oldest first."""
    rows = conn.all(
        "UPDATE delivery SET lease_token = :token, next_attempt_at = :until"
        " WHERE id IN (SELECT id FROM delivery WHERE id IN :ids AND state = 'pending'"
        f" AND next_attempt_at <= :now {conn.skip_locked}) RETURNING *",
        ids=ids, token=token, now=now, until=until,
    )  # fmt: skip
    found = conn.all("SELECT * FROM event WHERE id IN :ids", ids={row["event_id"] for row in rows})
    events = {event["id"]: event for event in found}
    return [row | {"event": events[row["event_id"]]} for row in sorted(rows, key=_oldest)]


def _oldest(row: Row) -> str:
    return str(row["id"])


def hold(conn: Conn, ids: Collection[str]) -> None:
    """Let claimed deliveries wait until their endpoint is enabled again."""
    conn.run(
        f"UPDATE delivery SET next_attempt_at = {FOREVER}, lease_token = NULL WHERE id IN :ids",
        ids=ids,
    )


def give_up(conn: Conn, ids: Collection[str], now: int) -> None:
    """End claimed deliveries whose endpoint is gone."""
    conn.run(
        "UPDATE delivery SET state = 'failed', next_attempt_at = :now, lease_token = NULL"
        " WHERE id IN :ids",
        ids=ids, now=now,
    )  # fmt: skip


def release_held(conn: Conn, endpoint_id: str, now: int, limit: int) -> int:
    """Make held deliveries of an endpoint due, the oldest first; how many."""
    return conn.run(
        "UPDATE delivery SET next_attempt_at = :now WHERE id IN (SELECT id FROM delivery"
        f" WHERE endpoint_id = :endpoint_id AND next_attempt_at = {FOREVER}"
        " ORDER BY id LIMIT :limit)",
        endpoint_id=endpoint_id, now=now, limit=limit,
    )  # fmt: skip


def leased(conn: Conn, tokens: dict[str, str]) -> set[str]:
    """Of deliveries with the lease tokens of whoever took them, those that are still theirs;
    nobody else takes them before this transaction ends."""
    rows = conn.all(
        f"SELECT id, lease_token FROM delivery WHERE id IN :ids ORDER BY id {conn.skip_locked}",
        ids=tokens,
    )
    return {row["id"] for row in rows if row["lease_token"] == tokens[row["id"]]}


def attempted(conn: Conn, attempts: list[Row]) -> None:
    """Keep attempts of leased deliveries and what follows each: `state` and `next_at`."""
    done = [row["delivery_id"] for row in attempts if row["state"] == "delivered"]
    if done:
        conn.run(
            "UPDATE delivery SET state = 'delivered', attempts = attempts + 1, lease_token = NULL"
            " WHERE id IN :ids",
            ids=done,
        )
    others = [row for row in attempts if row["state"] != "delivered"]
    if others:
        conn.many(
            "UPDATE delivery SET state = :state, attempts = :number, next_attempt_at = :next_at,"
            " lease_token = NULL WHERE id = :delivery_id",
            [{name: row[name] for name in _FOLLOWS} for row in others],
        )
    kept = [{name: row[name] for name in _ATTEMPT} for row in attempts]
    conn.insert_all("delivery_attempt", kept)


_FOLLOWS = ("delivery_id", "number", "state", "next_at")
_ATTEMPT = ("delivery_id", "number", "at", "latency_us", "status_code", "error", "reply")


def give_back(conn: Conn, held: list[Row], now: int) -> None:
    """Let others send at once what was claimed, by its lease, and has no outcome yet."""
    conn.many(
        "UPDATE delivery SET next_attempt_at = :now, lease_token = NULL"
        " WHERE id = :id AND lease_token = :token",
        [{"id": row["id"], "token": row["lease_token"], "now": now} for row in held],
    )


def again(conn: Conn, ids: Collection[str], now: int) -> None:
    """Begin the schedule of deliveries anew, due at once; those on their way stay as they are."""
    conn.run(
        "UPDATE delivery SET state = 'pending', schedule_from = attempts, next_attempt_at = :now,"
        " lease_token = NULL WHERE id IN :ids AND lease_token IS NULL",
        ids=ids, now=now,
    )  # fmt: skip


def of_events(conn: Conn, event_ids: Collection[str], endpoint_id: str | None) -> list[Row]:
    """The deliveries of events, to one endpoint if it is named."""
    only = " AND endpoint_id = :endpoint_id" if endpoint_id else ""
    return conn.all(
        f"SELECT * FROM delivery WHERE event_id IN :ids{only} ORDER BY id",
        ids=event_ids, **({"endpoint_id": endpoint_id} if endpoint_id else {}),
    )  # fmt: skip


async def log(
    reader: Reader, event_ids: Collection[str], attempts_max: int
) -> dict[str, list[dict[str, Any]]]:
    """By event: its deliveries with their `url` and `log`, the newest attempts, oldest first."""
    found = await reader.all(
        "SELECT d.*, COALESCE(w.url, d.url) AS to_url FROM delivery d"
        " LEFT JOIN webhook_endpoint w ON w.id = d.endpoint_id WHERE d.event_id IN :ids"
        " ORDER BY d.id",
        ids=event_ids,
    )  # fmt: skip
    kept = await reader.all(
        "SELECT a.* FROM delivery_attempt a JOIN delivery d ON d.id = a.delivery_id"
        " WHERE d.event_id IN :ids AND a.number > d.attempts - :most"
        " ORDER BY a.delivery_id, a.number",
        ids=event_ids, most=attempts_max,
    )  # fmt: skip
    told: dict[str, list[Row]] = {event_id: [] for event_id in event_ids}
    for row in found:
        own = [one for one in kept if one["delivery_id"] == row["id"]]
        told[row["event_id"]].append(row | {"url": row["to_url"], "log": own})
    return told


async def newest_of(reader: Reader, endpoint_id: str, limit: int) -> list[Row]:
    """The last events that an endpoint got or is to get, each with its `type` and what came of
    the last attempt: `status_code` and `error`."""
    return await reader.all(
        "SELECT d.*, e.type, a.at, a.status_code, a.error, a.latency_us FROM delivery d"
        " JOIN event e ON e.id = d.event_id LEFT JOIN delivery_attempt a"
        " ON a.delivery_id = d.id AND a.number = d.attempts"
        " WHERE d.endpoint_id = :endpoint_id ORDER BY d.event_id DESC LIMIT :limit",
        endpoint_id=endpoint_id, limit=limit,
    )  # fmt: skip


async def failed(reader: Reader, most: int) -> list[Row]:
    """By account: how many webhooks were given up, `most` of all, and the last one's event."""
    return await reader.all(
        "SELECT account_id, COUNT(*) AS n, MAX(event_id) AS last FROM (SELECT account_id, event_id"
        " FROM delivery WHERE state = 'failed' AND state <> 'delivered' LIMIT :most) AS few"
        " GROUP BY account_id ORDER BY n DESC, account_id",
        most=most,
    )


def oldest_due(conn: Conn, now: int) -> int:
    """Microseconds that the oldest due delivery has been waiting."""
    row = conn.one(
        "SELECT MIN(next_attempt_at) AS oldest FROM delivery"
        " WHERE state = 'pending' AND next_attempt_at <= :now",
        now=now,
    )
    return now - row["oldest"] if row and row["oldest"] else 0
